package kernel

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/internal/names"
	"github.com/ptcheck/ptcheck/systems"
)

// world opens the systems of a backend's scenarios and keeps them: a scenario, and all
// that are tried when it shrinks, share one. It is not safe for concurrent use.
type world struct {
	b       *Backend
	options Options           // of all its systems: what the calls need, and the change
	opened  map[scope]*member // by bounds; init is 0
	want    systems.Verdict   // what is looked for when shrinking
	done    []Call
	notes   *notes // what the models tell of the present run
}

// member is a family with a model to work on.
type member struct {
	sys *System
	m   *Model
}

// newWorld makes a world. Of the options those count that do not say where calls begin.
func newWorld(b *Backend, o Options) *world {
	o = Options{Preemptions: o.Preemptions, Patience: o.Patience, Change: o.Change}
	return &world{b: b, options: o, opened: map[scope]*member{}}
}

// open returns the system that a scope belongs to.
func (w *world) open(s scope) (*member, error) {
	s.init = 0
	if f := w.opened[s]; f != nil {
		return f, nil
	}
	o := w.options
	o.Lowmem, o.Stale, o.Budget = s.Lowmem, s.Stale, s.Budget
	if s.special != "" {
		w.b.Special(s.special, &o)
	}
	sys, err := w.b.New(o)
	if err != nil {
		return nil, err
	}
	f := &member{sys, w.newModel(sys)}
	w.opened[s] = f
	return f, nil
}

// family is open for scopes that need not exist: nil if there is no such system.
func (w *world) family(s scope) *member {
	f, err := w.open(s)
	if err != nil || s.init >= len(f.sys.Inits) {
		return nil
	}
	return f
}

// scopeOf finds the scope of a start of day by its name.
func (w *world) scopeOf(in Bounds, start string) (scope, error) {
	s := scope{Bounds: in}
	if w.b.Special != nil && w.b.Special(start, &Options{}) {
		s.special = start
	}
	f, err := w.open(s)
	if err != nil {
		return s, err
	}
	s.init = slices.IndexFunc(f.sys.Inits, func(i Init) bool { return i.Name == start })
	if s.init < 0 {
		return s, fmt.Errorf("system %s has no start of day named %q%s", w.b.Name, start, names.DidYouMean(start, f.sys.startNames()))
	}
	return s, nil
}

// scenario is calls from a start of day, by its name.
func (w *world) scenario(in Bounds, start string, calls []Call) (systems.Scenario, error) {
	s, err := w.scopeOf(in, start)
	if err != nil {
		return nil, err
	}
	out := &scenario{world: w, scope: s}
	for _, c := range calls {
		out.ops = append(out.ops, operation{call: c})
	}
	return out, nil
}
