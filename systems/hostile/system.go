package hostile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ptcheck/ptcheck/internal/columns"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/attack"
	"github.com/ptcheck/ptcheck/systems/view"
)

// system is the system of hostile guests with many ways. It implements
// [systems.System] and [attack.Kind].
type system struct {
	scopes []Scope
	notes  func() string // made once: who looks for a system by its name asks about each
}

var (
	_ systems.System            = (*system)(nil)
	_ attack.Kind[*Options, Op] = (*system)(nil)
	_ attack.Guest[Op]          = (*Model)(nil)
)

// System is the system, with a search for each of [Scopes].
func System() systems.System { return Custom(Scopes()...) }

// Custom is the system with searches of other scopes.
func Custom(scopes ...Scope) systems.System {
	return &system{scopes, sync.OnceValue(func() string { return notes(scopes) })}
}

// Name implements [attack.Kind].
func (*system) Name() string { return "hyper" }

// About implements [systems.System].
func (x *system) About() systems.About {
	return systems.About{Name: x.Name(), Hostile: true, Says: "a hostile guest with more ways, in several scopes", Notes: x.notes()}
}

// notes tell what scopes there are.
func notes(scopes []Scope) string {
	var b strings.Builder
	b.WriteString("Scopes of hyper (default: all, each to a depth of its own that takes seconds):\n")
	var rows [][2]string
	for _, s := range scopes {
		if !s.Again() {
			rows = append(rows, [2]string{s.Name, s.Says})
		}
	}
	b.WriteString(columns.Table(rows, "  ", columns.Width))
	b.WriteString(`A scope is judged by ideal rules; with -4.17 behind its name, and where guests are
interrupted or have two processors, by those of Xen 4.17, of which the references
that it is known to forget are no findings (xen-4.17-known). --profile names others.`)
	return b.String()
}

// Settings implements [systems.System].
func (x *system) Settings() []systems.Setting {
	var names []string
	for _, s := range x.scopes {
		names = append(names, s.Name)
	}
	profile := systems.ProfileSetting()
	profile.Words = append(profile.Words, model.Xen417Known().Name)
	return []systems.Setting{
		{Name: "scope", Says: "hyper: what to search (default: all)", Kind: systems.WordList, Words: names},
		profile, systems.GuestSetting(),
	}
}

// Searches implements [systems.System]: one for each scope.
func (x *system) Searches(v systems.Values, c systems.Change) ([]*systems.Search, error) {
	if err := attack.Plantable(c); err != nil {
		return nil, fmt.Errorf("hyper: %w", err)
	}
	var out []*systems.Search
	asked := v.Words("scope")
	for _, s := range x.scopes {
		if asked != nil && !slices.Contains(asked, s.Name) {
			continue
		}
		if p := v.Profile(); p != nil {
			if asked == nil && s.Again() {
				continue // the same as the other one of its name
			}
			s.Options.Profile = p
		}
		s.Options.Guest = v.Guest(s.Options.Guest)
		search, err := x.search(&s, c)
		if err != nil {
			return nil, fmt.Errorf("hyper: scope %s: %w", s.Name, err)
		}
		out = append(out, search)
	}
	return out, nil
}

// search is the search of a scope.
func (x *system) search(s *Scope, c systems.Change) (*systems.Search, error) {
	o := s.Options
	o.Profile = c.Judge(o.Profile)
	h, err := New(o)
	if err != nil {
		return nil, err
	}
	m, err := h.NewModel()
	if err != nil {
		return nil, err
	}
	start := o.bare()
	start.Profile = s.Options.Profile
	return &systems.Search{
		System: x.Name(), Part: s.Name, Scope: s.describe(h), Depth: s.Depth,
		Model: func() explore.Model {
			m, err := h.NewModel()
			if err != nil {
				panic(err) // the same was made above
			}
			return m
		},
		Coverage: h.Coverage,
		CallText: m.OpText,
		Rules:    h.rules,
		View:     func(m explore.Model) reports.State { return view.GuestSnapshot(m.(*Model).State()) },
		Breaks:   func(f explore.Finding) systems.Verdict { return attack.Broken(x.Rule(int(f.Rule))) },
		Scenario: func(f explore.Finding) (systems.Scenario, error) {
			ops := make([]Op, len(f.Path))
			for i, code := range f.Path {
				ops[i] = m.Op(code)
			}
			return attack.New(x, start, ops, c)
		},
	}, nil
}

// describe says in a line what a search of the scope ranges over. A scope of somebody's
// own need not have a name.
func (s *Scope) describe(h *Guest) string {
	if s.Name == "" {
		return h.Scope
	}
	return fmt.Sprintf("%s: %s: %s", s.Name, s.Says, h.Scope)
}

// bare are the options without an alphabet: all that a scenario starts from.
func (o *Options) bare() *Options {
	return &Options{
		Slots: o.Slots, Frames: o.Frames, PAE: o.PAE, Wide: o.Wide, Memory: o.Memory, Extra: o.Extra,
		StaleTLB: o.StaleTLB, AccessBits: o.AccessBits, XenSlots: o.XenSlots, Guest: o.Guest, Profile: o.Profile, races: o.twoProcessors(),
	}
}

// Read implements [systems.System].
func (x *system) Read(f *script.File, c systems.Change) (systems.Scenario, error) {
	r := newReader(x)
	s, err := r.Read(f, c)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Open implements [attack.Kind].
func (x *system) Open(o *Options, c systems.Change) (attack.Guest[Op], error) {
	changed := *o
	changed.Profile = c.Judge(o.Profile)
	h, err := New(changed)
	if err != nil {
		return nil, err
	}
	m, err := h.NewModel()
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Rule implements [attack.Kind].
func (*system) Rule(broken int) invariants.Rule { return invariants.GuestRules()[broken] }

// Start implements [attack.Kind].
func (*system) Start(o *Options) string {
	return strings.Join(append([]string{"root f0, pinned"}, o.Memory...), "; ")
}

// Frames implements [attack.Kind].
func (*system) Frames(o *Options) string { return o.frames() }

// Head implements [attack.Kind].
func (*system) Head(o *Options) []string {
	out := []string{
		"profile " + o.Profile.Name, "shape " + strings.Trim(fmt.Sprint(o.Slots), "[]"), fmt.Sprintf("scope frames %d", o.Frames),
	}
	for _, is := range [...]struct {
		set  bool
		name string
	}{{o.PAE, "pae"}, {o.Wide, "wide"}, {o.StaleTLB, "stale"}, {o.AccessBits, "access"}, {o.XenSlots, "slots"}, {o.twoProcessors(), "race"}} {
		if is.set {
			out = append(out, "scope "+is.name+" 1")
		}
	}
	if o.Guest != model.AnyGuest {
		out = append(out, "guest "+o.Guest.String())
	}
	for _, kind := range o.Extra {
		out = append(out, fmt.Sprintf("scope extra %d", kind))
	}
	for _, line := range o.Memory {
		out = append(out, "memory "+line)
	}
	return out
}

// Text implements [attack.Kind].
func (*system) Text(o *Options, op Op) string { return o.text(op) }

// Lines implements [attack.Kind].
func (*system) Lines(o *Options, op Op) []string { return o.lines(op) }

// Answered implements [attack.Kind]: faults are answers, too.
func (*system) Answered(Op) bool { return true }

// Site implements [attack.Kind].
func (*system) Site(Op) *reports.Site { return nil }

// Impossible implements [attack.Kind].
func (*system) Impossible(*Options, Op) string { return "the operation is over before that place" }

var errRace = errors.New("a race is \"stop PLACE\", an operation, those of the other processor, and \"go\"")
