package pvdp

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/attack"
	"github.com/ptcheck/ptcheck/systems/view"
)

// system is a system of hostile guests: that of adversaries, or of the reference model
// alone. It implements [systems.System] and [attack.Kind].
type system struct {
	about     systems.About
	reference bool
	// Where a search starts unless it is asked for something else.
	start Bounds
}

var (
	_ systems.System          = (*system)(nil)
	_ attack.Kind[Bounds, Op] = (*system)(nil)
	_ attack.Guest[Op]        = (*Model)(nil)
)

// Adversary is the system of guests that issue any operations of an alphabet.
func Adversary() systems.System { return newAdversary() }

func newAdversary() *system {
	return &system{
		about: systems.About{Name: "adversary", Hostile: true, Says: "a guest that issues any hypercalls of an alphabet",
			Notes: `An adversary has a few frames and an alphabet of operations (--ops, --flags); the
hypervisor's rules (--profile) must withstand it.`},
		start: Bounds{Profile: model.Xen417().Name, Frames: 5, Levels: 4, Slots: 2},
	}
}

// Reference is the system of the guest whose graph is that of the reference model
// PV-DP.
func Reference() systems.System { return newReference() }

func newReference() *system {
	return &system{
		about: systems.About{Name: "pvdp", Hostile: true, Says: "the adversary of the PV-DP reference model",
			Notes: "pvdp counts every state of the reference model's graph unless --symmetry=on."},
		reference: true,
		start:     Bounds{Profile: model.Plain().Name, Frames: 4, Levels: 2, Slots: 1},
	}
}

// About implements [systems.System].
func (x *system) About() systems.About { return x.about }

// Name implements [attack.Kind].
func (x *system) Name() string { return x.about.Name }

// Settings implements [systems.System].
func (x *system) Settings() []systems.Setting {
	levels, profile := systems.LevelsSetting(), systems.ProfileSetting()
	levels.Default, profile.Default = fmt.Sprint(x.start.Levels), x.start.Profile
	if !slices.Contains(profile.Words, profile.Default) { // rules that no other system has
		profile.Words = append(profile.Words, profile.Default)
	}
	out := []systems.Setting{
		levels, profile,
		{Name: "frames", Says: "adversaries: number of frames", Kind: systems.Number, Min: 2, Max: MaxFrames, Default: fmt.Sprint(x.start.Frames)},
		{Name: "slots", Says: "adversaries: slots of a table", Kind: systems.Number, Min: 1, Max: maxSlots, Default: fmt.Sprint(x.start.Slots)},
		systems.SymmetrySetting("frames"),
	}
	if x.reference {
		return out
	}
	guest := systems.GuestSetting()
	guest.Default = x.start.Guest.String()
	return append(out, guest,
		systems.Setting{Name: "ops", Says: "adversary: operations", Kind: systems.WordList, Words: OpNames(), Default: "mu,st,pin,unpin,cr3"},
		systems.Setting{Name: "flags", Says: "adversary: flag sets of entries, such as P,PW,PWU", Kind: systems.WordList, Default: "P,PW"})
}

// Searches implements [systems.System]. There is one.
func (x *system) Searches(v systems.Values, c systems.Change) ([]*systems.Search, error) {
	a, err := x.guest(v, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", x.Name(), err)
	}
	s := &systems.Search{
		System: x.Name(), Scope: a.Scope, Depth: -1, Symmetric: a.CountOrbits,
		Coverage: a.Coverage,
		Rules:    ruled(),
		View:     func(m explore.Model) reports.State { return view.GuestSnapshot(m.(*Model).State()) },
		Breaks:   func(f explore.Finding) systems.Verdict { return attack.Broken(x.Rule(int(f.Rule))) },
	}
	m, err := a.NewModel()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", x.Name(), err)
	}
	s.CallText = m.OpText
	s.Model = func() explore.Model {
		m, err := a.NewModel()
		if err != nil {
			panic(err) // the same was made above
		}
		return m
	}
	s.Scenario = func(f explore.Finding) (systems.Scenario, error) {
		ops := make([]Op, len(f.Path))
		for i, code := range f.Path {
			ops[i] = m.Op(code)
		}
		return attack.New(x, a.bounds(), ops, c)
	}
	return []*systems.Search{s}, nil
}

// guest makes the guest that values ask for.
func (x *system) guest(v systems.Values, c systems.Change) (*Guest, error) {
	if err := attack.Plantable(c); err != nil {
		return nil, err
	}
	b := x.start
	b.Frames, b.Slots, b.Profile = v.Number("frames", b.Frames), v.Number("slots", b.Slots), v.Word("profile", b.Profile)
	b.Guest = v.Guest(b.Guest)
	switch levels := v.Numbers("levels"); len(levels) {
	case 0:
	case 1:
		b.Levels = levels[0]
	default:
		return nil, fmt.Errorf("--levels: want one number, not %d", len(levels))
	}
	o, err := b.options(c)
	if err != nil {
		return nil, err
	}
	symmetry := v.Word("symmetry", "auto")
	o.FramesOnly = symmetry == "frames"
	build := NewReference
	if !x.reference {
		build = New
		o.Ops, o.Flags = v.Words("ops"), v.Words("flags")
		if o.Ops == nil {
			o.Ops = []string{"mu", "st", "pin", "unpin", "cr3"}
		}
		if o.Flags == nil {
			o.Flags = []string{"P", "PW"}
		}
	}
	a, err := build(o)
	if err == nil {
		// The reference model's graph is known by its full size.
		a.CountOrbits = symmetry == "on" || symmetry == "frames" || symmetry == "auto" && !x.reference
	}
	return a, err
}

// Read implements [systems.System].
func (x *system) Read(f *script.File, c systems.Change) (systems.Scenario, error) {
	var b Bounds
	r := attack.Reader[Bounds, Op]{Kind: x, Header: attack.Header{Profiles: profiles(), Bounds: []attack.Bound{
		{Name: "frames", Min: 2, Max: MaxFrames, Take: func(n int) { b.Frames = n }, Needed: true},
		{Name: "levels", Min: 2, Max: model.MaxLevels, Take: func(n int) { b.Levels = n }, Needed: true},
		{Name: "slots", Min: 1, Max: maxSlots, Take: func(n int) { b.Slots = n }, Needed: true},
	}}}
	r.Start = func() (Bounds, error) {
		b.Profile, b.Guest = r.Header.Profile().Name, r.Header.Guest()
		return b, nil
	}
	r.Operation = func(op *script.Op) (Op, bool, error) {
		o, err := OpOf(op)
		if err == nil {
			err = b.Check(o)
		}
		return o, false, err
	}
	s, err := r.Read(f, c)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// NewScenario returns a scenario of system adversary, with a change planted in the
// hypervisor.
func NewScenario(b Bounds, ops []Op, c systems.Change) (systems.Scenario, error) {
	s, err := attack.New(newAdversary(), b, ops, c)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Scenario is operations of the model's guest from the start of the day on.
func (m *Model) Scenario(ops []Op) (systems.Scenario, error) {
	x := newAdversary()
	if m.a.strict {
		x = newReference()
	}
	s, err := attack.New(x, m.a.bounds(), ops, systems.Change{})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// OpsOf are the operations of a scenario of an adversary and its bounds. ok is false
// for other scenarios.
func OpsOf(x systems.Scenario) (b Bounds, ops []Op, ok bool) {
	s, ok := x.(*attack.Scenario[Bounds, Op])
	if !ok {
		return b, nil, false
	}
	return s.Start(), s.Ops(), true
}

// Open implements [attack.Kind].
func (x *system) Open(b Bounds, c systems.Change) (attack.Guest[Op], error) {
	o, err := b.options(c)
	if err != nil {
		return nil, err
	}
	a, err := Open(o, x.reference)
	if err != nil {
		return nil, err
	}
	m, err := a.NewModel()
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Rule implements [attack.Kind].
func (*system) Rule(broken int) invariants.Rule { return ruleOf(broken) }

// ruleOf is one of the adversary's rules.
func ruleOf(broken int) invariants.Rule {
	r, _ := invariants.Find(Rules()[broken])
	return r
}

// ruled are the adversary's rules.
func ruled() []invariants.Rule {
	out := make([]invariants.Rule, numRules)
	for i := range out {
		out[i] = ruleOf(i)
	}
	return out
}

// Start implements [attack.Kind].
func (*system) Start(b Bounds) string {
	return fmt.Sprintf("root f0, pinned; one table of each level below it, down to the L1 f%d", b.Levels-1)
}

// Frames implements [attack.Kind].
func (*system) Frames(b Bounds) string { return b.frames() }

// Head implements [attack.Kind].
func (*system) Head(b Bounds) []string {
	lines := []string{"profile " + b.Profile, fmt.Sprintf("scope frames %d", b.Frames), fmt.Sprintf("scope levels %d", b.Levels),
		fmt.Sprintf("scope slots %d", b.Slots)}
	if b.Guest != model.AnyGuest {
		lines = append(lines, "guest "+b.Guest.String())
	}
	return lines
}

// Text implements [attack.Kind].
func (*system) Text(_ Bounds, o Op) string { return o.String() }

// Lines implements [attack.Kind].
func (*system) Lines(_ Bounds, o Op) []string { return []string{o.String()} }

// Answered implements [attack.Kind].
func (*system) Answered(o Op) bool { return o.Op != opRaw }

// Impossible implements [attack.Kind].
func (*system) Impossible(b Bounds, o Op) string {
	if err := b.Check(o); err != nil {
		return err.Error()
	}
	return "no writable mapping leads to that frame"
}
