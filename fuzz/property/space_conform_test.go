package property_test

import (
	"fmt"
	"math/rand"
	"slices"
	"testing"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/commands"
	"github.com/leanovate/gopter/gen"

	"github.com/ptcheck/ptcheck/fuzz/property"
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/drawn"
)

// watchedKernel is the system under test: the hooks on a machine, watched by all rules.
type watchedKernel struct {
	life *property.Life
	// kept are frames that may lack write permission from now on: those that the
	// start of the day maps read-only, those that have ever been tables, and the zero
	// page, which becomes one when low mappings are zapped.
	kept   map[model.Frame]bool
	found  *finding
	failed bool // gopter goes on after a failure; what comes then means nothing
}

// outcome is what a call came to on the machine.
type outcome struct {
	k       *watchedKernel
	skipped bool
	err     error
}

// Run makes the call.
func (c *step) Run(sut commands.SystemUnderTest) commands.Result {
	k := sut.(*watchedKernel)
	if k.failed {
		return &outcome{k: k, skipped: true}
	}
	if !slices.Contains(k.life.Calls(), c.call.Code()) {
		return &outcome{k: k, err: fmt.Errorf("the protocol does not allow it")}
	}
	err := k.life.Do(c.call.Code())
	k.keep()
	return &outcome{k: k, err: err}
}

// keep notes the frames that are tables.
func (k *watchedKernel) keep() {
	s := k.life.Model.State()
	if s.L.Hyper == nil {
		return
	}
	k.kept[model.Frame(s.L.Kernel.ZeroPage)] = true
	for f := range s.L.Map.Guest() {
		if s.Info(model.Frame(f)).Typ.Level() > 0 {
			k.kept[model.Frame(f)] = true
		}
	}
}

// PostCondition compares the machine with the abstract kernel.
func (c *step) PostCondition(state commands.State, r commands.Result) *gopter.PropResult {
	s, o := state.(*space), r.(*outcome)
	if o.skipped {
		return &gopter.PropResult{Status: gopter.PropTrue}
	}
	err := o.err
	if err == nil {
		err = o.k.refines(s)
	}
	if err != nil {
		o.k.failed = true
		o.k.found.note(o.k.life.Scenario, err)
		return &gopter.PropResult{Status: gopter.PropFalse, Labels: []string{fmt.Sprintf("%v: %v", c, err)}}
	}
	return &gopter.PropResult{Status: gopter.PropTrue}
}

// refines reports how the machine differs from the abstract kernel: in the tables
// that it builds and, once they are loaded, in those that the processor uses.
func (k *watchedKernel) refines(s *space) error {
	st := k.life.Model.State()
	if st.Kernel.Phase != s.phase {
		return fmt.Errorf("the phase is %v, should be %v", st.Kernel.Phase, s.phase)
	}
	if st.Kernel.Phase >= model.PhaseStarted {
		if err := k.samePages(s, st.L.Geo, model.Frame(st.L.Kernel.Root)); err != nil {
			return err
		}
	}
	if st.Kernel.Phase < model.PhaseLoaded {
		return nil
	}
	root := model.Frame(st.L.Kernel.Root)
	if s.current {
		root = st.Kernel.Second
	}
	if st.CPU.CR3 != root {
		return fmt.Errorf("the processor's root is f%d, should be f%d", st.CPU.CR3, root)
	}
	if err := k.samePages(s, st.Active(), root); err != nil {
		return fmt.Errorf("the processor: %w", err)
	}
	if s.phase == model.PhaseZapped {
		for pfn := range st.L.Kernel.MaxLowPFN {
			if _, fault := st.Walk(model.VA(pfn.PA())); fault == model.WalkOK {
				return fmt.Errorf("%#x is mapped after the zap", pfn.PA())
			}
		}
	}
	return nil
}

// samePages compares the kernel half under a root with the abstract map.
func (k *watchedKernel) samePages(s *space, g *model.Geometry, root model.Frame) error {
	st := k.life.Model.State()
	got := map[model.VA]page{}
	collect(st, g, root, g.Levels, 0, true, got)
	for va, p := range got {
		want, ok := s.pages[va]
		isTable := st.L.Hyper != nil && p.frame != model.NoFrame && st.Info(p.frame).Typ.Level() > 0 && st.Info(p.frame).T > 0
		switch {
		case !ok:
			return fmt.Errorf("%#x is mapped, to f%d", va, p.frame)
		case p.frame != want.frame:
			return fmt.Errorf("%#x leads to f%d, should lead to f%d", va, p.frame, want.frame)
		case p.writes && !want.writes, p.writes && isTable:
			return fmt.Errorf("%#x, f%d, may be written", va, p.frame)
		case !p.writes && want.writes && !k.kept[p.frame]:
			return fmt.Errorf("%#x, f%d, may not be written", va, p.frame)
		}
	}
	if len(got) < len(s.pages) {
		return fmt.Errorf("%d pages of %d are not mapped", len(s.pages)-len(got), len(s.pages))
	}
	return nil
}

// collect reads the tables under a root into a map of the kernel half.
func collect(st *model.State, g *model.Geometry, table model.Frame, level int, base model.VA, writes bool, out map[model.VA]page) {
	if table == model.NoFrame {
		return
	}
	for slot := range g.Slots[level] {
		va := g.Wrap(base + model.VA(slot)*g.Span(level))
		e := st.Entry(g, table, slot)
		last := va + g.Span(level) - 1
		special := g.Levels == 3 && g.Index(va, 3) == g.Slots[3]-1
		if !e.Is(model.Present) || last < st.L.Kernel.PageOffset || st.L.XenSlot(level, slot, special) {
			continue
		}
		w := writes && (e.Is(model.RW) || !g.GrantsRights(level))
		switch {
		case level == 1:
			out[va] = page{st.L.Map.Frame(e.MFN()), w}
		case level == 2 && e.Is(model.PSE):
			for i := range g.Slots[1] {
				out[g.Wrap(va+model.VA(i)<<model.PageShift)] = page{st.L.Map.Frame(e.MFN() + model.MFN(i)), w}
			}
		default:
			collect(st, g, st.L.Map.Frame(e.MFN()), level-1, va, w, out)
		}
	}
}

// addressSpace is the conformance of a backend to the abstract kernel.
func addressSpace(kind drawn.Kind, patch func(*hooks.Ops, *hooks.Funcs), f *finding) commands.Commands {
	build := func(seed int64) *property.Life {
		rnd := rand.New(rand.NewSource(seed))
		sys, err := property.Draw(kind, func(_ string, lo, hi int) int { return lo + rnd.Intn(hi-lo+1) }, patch)
		if err != nil {
			panic(err)
		}
		life, err := property.Start(sys)
		if err != nil {
			panic(err)
		}
		return life
	}
	return &commands.ProtoCommands{
		InitialStateGen: gen.Int64Range(0, 1<<40).Map(func(seed int64) *space {
			return firstSpace(kind, seed, build(seed).Model.State())
		}),
		NewSystemUnderTestFunc: func(s commands.State) commands.SystemUnderTest {
			return newKernel(build(s.(*space).seed), s.(*space), f)
		},
		GenCommandFunc: func(s commands.State) gopter.Gen {
			return func(params *gopter.GenParameters) *gopter.GenResult {
				return gopter.NewGenResult(drawStep(s.(*space), fromGopter(params)), gopter.NoShrinker)
			}
		},
	}
}

// newKernel is a machine at the start of the day, with the abstract kernel there.
func newKernel(life *property.Life, s *space, f *finding) *watchedKernel {
	k := &watchedKernel{life: life, found: f, kept: map[model.Frame]bool{}}
	for _, p := range s.pages {
		if !p.writes {
			k.kept[p.frame] = true
		}
	}
	k.keep()
	return k
}

// firstSpace is the abstract kernel at the start of the day. Rights of what is
// mapped read-only stay: the abstract map keeps them until the kernel maps the page
// itself.
func firstSpace(kind drawn.Kind, seed int64, st *model.State) *space {
	s := &space{l: st.L, pages: map[model.VA]page{}, mapped: map[model.PFN]bool{}, seed: seed, kind: kind}
	active := st.Active()
	collect(st, active, st.CPU.CR3, active.Levels, 0, true, s.pages)
	k, g := &st.L.Kernel, st.L.Geo
	if kind.Levels == 2 {
		for slot := range g.Slots[1] {
			va := k.FixTop&^(g.Span(2)-1) + model.VA(slot)<<model.PageShift
			_, has := s.pages[va]
			s.fixmap = s.fixmap || has
		}
	}
	// At most: tables for all memory, for fixmap and pkmap, copies of middle levels.
	most := int(k.MaxLowPFN)/g.Slots[1] + 3 + g.Slots[3] + 2*(g.Levels-2)
	if int(k.BootmemFirst)+most < int(k.MaxLowPFN) && k.Root < k.BootmemFirst {
		s.forks = (int(k.MaxLowPFN) - int(k.BootmemFirst) - most) / (1 + g.Slots[3])
	}
	return s
}

// drawStep draws a call that the abstract kernel allows, first its kind.
func drawStep(s *space, d func(string, int, int) int) commands.Command {
	calls := s.calls()
	var kinds []model.CallKind
	for _, c := range calls {
		if !slices.Contains(kinds, c.Kind) {
			kinds = append(kinds, c.Kind)
		}
	}
	kind := kinds[d("kind", 0, len(kinds)-1)]
	for {
		if c := calls[d("call", 0, len(calls)-1)]; c.Kind == kind {
			if kind == model.CallMap && d("all", 0, 2) == 0 {
				c.Arg = calls[0].Arg
			}
			return &step{c}
		}
	}
}

// TestAddressSpace holds both backends against the abstract kernel.
func TestAddressSpace(t *testing.T) {
	for _, kind := range drawn.Kinds() {
		t.Run(kind.String(), func(t *testing.T) {
			conforms(t, func(f *finding) commands.Commands { return addressSpace(kind, nil, f) })
		})
	}
}
