package kernel

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/explore/shrink"
	"github.com/ptcheck/ptcheck/systems"
)

var _ shrink.World[scope, Call] = (*world)(nil)

// mostTries is how many scenarios are tried in a few seconds.
const mostTries = 100_000

// Shrink implements [systems.Scenario].
func (s *scenario) Shrink(want systems.Verdict, tries int) (systems.Scenario, systems.Shrunk, error) {
	if tries <= 0 {
		tries = mostTries
	}
	w := s.world
	w.want = want
	in := shrink.Input[scope, Call]{Scope: s.scope, Ops: s.calls()}
	var r shrink.Result[scope, Call]
	var err error
	if halted := w.conduct(func() { r, err = shrink.Shrink(w, in, tries) }); halted != nil {
		return nil, systems.Shrunk{}, halted
	}
	if err != nil {
		return nil, systems.Shrunk{}, fmt.Errorf("kernel: %s: %w", w.b.Name, err)
	}
	out := &scenario{world: w, scope: r.Scope}
	for _, c := range r.Ops {
		out.ops = append(out.ops, operation{call: c})
	}
	return out, systems.Shrunk{From: len(s.ops), To: len(r.Ops), Tries: r.Tries, Minimal: r.Minimal}, nil
}

// Try implements [shrink.World]: it makes calls, leaving out those that the protocol
// does not allow where they stand.
func (w *world) Try(s scope, calls []Call) ([]Call, bool) {
	done := w.done[:0]
	f := w.family(s)
	if f == nil {
		return done, false
	}
	f.m.Init(s.init)
	f.m.machine.RecordSites = w.want.Place != ""
	defer func() { f.m.machine.RecordSites = false }()
	v := f.verdict(f.m.CheckInit(), &w.want)
	if v.Fails() {
		return done, v.Meets(w.want)
	}
	for _, c := range calls {
		if !f.m.Allows(c) {
			continue
		}
		done = append(done, c)
		o := f.m.Apply(c.Code())
		v = f.verdict(o, &w.want)
		if o.Kind != explore.Moved {
			break // Skipped: the kernel has stopped, as it must after a refusal
		}
	}
	w.done = done
	return done, v.Meets(w.want)
}

// verdict is how a call ended, with its place if one is looked for.
func (f *member) verdict(o explore.Outcome, want *systems.Verdict) systems.Verdict {
	if o.Kind != explore.Violated && o.Kind != explore.Crashed {
		return systems.Verdict{}
	}
	v := systems.Verdict{Kind: o.Kind, What: f.m.Broken(o)}
	if want.Place != "" && o.Kind == explore.Crashed {
		v.Place = f.m.diedIn()
	}
	return v
}

// Scopes implements [shrink.World]: the members of the family, and those of
// families with less memory or fewer stale leaves, all with the same budget. A kernel for
// a hypervisor stays with one: a mutant of it may not even run without.
func (w *world) Scopes(s scope) []scope {
	in := func(lowmem, stale int) scope { return scope{Bounds: Bounds{lowmem, stale, s.Budget}} }
	bounds := []scope{in(0, 0)}
	if s.special != "" {
		special := in(0, 0)
		special.special = s.special
		bounds = append(bounds, special)
	}
	bounds = append(bounds, simplerMachines(s)...)
	if s.Lowmem != 0 || s.Stale != 0 {
		bounds = append(bounds, in(s.Lowmem, 0), in(0, s.Stale), in(s.Lowmem, s.Stale))
	}
	for n := 4; n < s.Lowmem; n++ {
		bounds = append(bounds, in(n, 0))
	}
	var out []scope
	for _, b := range bounds {
		f := w.family(b)
		if f == nil {
			continue
		}
		for b.init = range f.sys.Inits {
			last := b.init == len(f.sys.Inits)-1
			if (b.special == "" || last) && w.hyper(b) == w.hyper(s) && !slices.Contains(out, b) {
				out = append(out, b)
			}
		}
	}
	slices.SortFunc(out, w.CompareScopes)
	return out
}

// CompareScopes implements [shrink.World]: fewer levels, fewer frames, smaller
// tables, members of the family, no bounds of its own, then the order of the
// family, for drawn machines that of their numbers.
func (w *world) CompareScopes(a, b scope) int {
	x, y := w.layout(a), w.layout(b)
	return cmp.Or(slices.Compare(x[:], y[:]), compareSpecial(a.special, b.special),
		cmp.Compare(a.Lowmem, b.Lowmem), cmp.Compare(a.Stale, b.Stale), cmp.Compare(a.init, b.init))
}

// layout is the number of levels, of frames of low memory, and the size of tables.
func (w *world) layout(s scope) [3]int {
	l := w.family(s).sys.Inits[s.init].State.L
	return [3]int{l.Geo.Levels, int(l.Kernel.MaxLowPFN), l.Geo.Words()}
}

// hyper reports whether there is a hypervisor in a scope.
func (w *world) hyper(s scope) bool { return w.family(s).sys.Inits[s.init].State.L.Hyper != nil }

// Compare implements [shrink.World].
func (w *world) Compare(a, b Call) int { return cmp.Compare(a.Code(), b.Code()) }

// Alphabet implements [shrink.World]: whatever the protocol allows before one of
// the calls, with one preemption at most.
func (w *world) Alphabet(s scope, calls []Call) []Call {
	f := w.family(s)
	f.m.Init(s.init)
	f.m.brief = true
	defer func() { f.m.brief = false }()
	codes := f.m.Enabled(nil)
	for _, c := range calls {
		if f.m.Allows(c) && f.m.Apply(c.Code()).Kind != explore.Moved {
			break
		}
		codes = f.m.Enabled(codes)
	}
	slices.Sort(codes)
	out := make([]Call, 0, len(codes))
	for _, code := range slices.Compact(codes) {
		out = append(out, CallOf(code))
	}
	return out
}
