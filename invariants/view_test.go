package invariants_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/life"
)

// geometry makes a tiny geometry.
func geometry(t testing.TB, width int, slots ...int) *model.Geometry {
	t.Helper()
	g, err := model.NewGeometry(fmt.Sprintf("%dx%v", width, slots), width, slots...)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// census counts the uses of frames from the roots, by a plain search that knows
// nothing of the view.
type census struct {
	s        *model.State
	uses     map[use]int
	writable map[model.Frame]int
	roots    map[use]bool
}

type use struct {
	frame model.Frame
	level int
}

func recount(s *model.State) *census {
	c := &census{s, map[use]int{}, map[model.Frame]int{}, map[use]bool{}}
	var roots []use
	for _, f := range []model.Frame{s.CPU.CR3, s.CPU.UserCR3} {
		if f != model.NoFrame {
			roots = append(roots, use{f, s.L.Geo.Levels})
		}
	}
	for f := range model.Frame(s.L.Map.Frames()) {
		if i := s.Info(f); i.Is(model.Pinned) {
			roots = append(roots, use{f, i.Typ.Level()})
		}
	}
	for _, r := range roots {
		c.roots[r] = true
	}
	for _, r := range roots {
		c.refer(r)
	}
	return c
}

// refer counts a reference to a table, and with the first one what its entries
// refer to. A read-only entry that names a root of its own level is a linear one.
func (c *census) refer(t use) {
	c.uses[t]++
	if c.uses[t] > 1 {
		return
	}
	g := c.s.L.Geo
	for slot := range g.Slots[t.level] {
		e := c.s.Entry(g, t.frame, slot)
		to := c.s.L.Map.Frame(e.MFN())
		switch {
		case !e.Is(model.Present) || c.s.L.XenSlot(t.level, slot, false) || !c.s.L.Map.IsGuest(to):
		case t.level == 1 && e.Is(model.RW):
			c.writable[to]++
		case t.level == 1 || to == t.frame:
		case !e.Is(model.RW) && c.roots[use{to, t.level}]:
			c.refer(use{to, t.level})
		default:
			c.refer(use{to, t.level - 1})
		}
	}
}

// difference compares with a view.
func (c *census) difference(v *invariants.View) string {
	bad := 0
	for f := range model.Frame(c.s.L.Map.Frames()) {
		table := false
		for level := 1; level <= model.MaxLevels; level++ {
			n := c.uses[use{f, level}]
			table = table || n > 0
			if got := v.Uses(f, level); got != n {
				return fmt.Sprintf("frame %d is an L%d %d times, the view says %d", f, level, n, got)
			}
		}
		if got := v.Writable(f); got != c.writable[f] {
			return fmt.Sprintf("frame %d is mapped writable %d times, the view says %d", f, c.writable[f], got)
		}
		if table && c.writable[f] > 0 {
			bad++
		}
	}
	if v.Bad() != bad {
		return fmt.Sprintf("%d frames are bad, the view says %d", bad, v.Bad())
	}
	return ""
}

// follower keeps a view through all steps of a machine and recounts after each.
type follower struct {
	view  invariants.View
	steps int
	wrong string

	attached bool // it observes a machine
}

func (f *follower) Step(m *model.Machine, st *model.Step) {
	f.view.Apply(m.State, st)
	f.steps++
	if f.wrong != "" {
		return
	}
	var anew invariants.View
	anew.Reset(m.State)
	if f.wrong = f.view.Difference(&anew); f.wrong == "" && m.L.Hyper != nil {
		f.wrong = recount(m.State).difference(&f.view)
	}
	if f.wrong != "" {
		f.wrong += fmt.Sprintf(" after %v in %v", st.Op, st.Call.Kind)
	}
}

// TestViewFollowsSystems walks both systems at random. The view is counted once,
// before setup_start, and must agree with recounts after every step from then
// on, inside the calls too.
func TestViewFollowsSystems(t *testing.T) {
	for _, b := range []*kernel.Backend{boot.Native(), boot.Xen(), life.Both()} {
		var now *follower
		watch := func(k *hooks.Kernel) {
			if !now.attached {
				now.attached = true
				now.view.Reset(k.M.State)
				k.M.Observe(now)
			}
		}
		attach := func(o *hooks.Ops, f *hooks.Funcs) {
			start, ctor := o.PagetableSetupStart, f.Life.PgdCtor
			o.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) {
				watch(k)
				start(k, base)
			}
			f.Life.PgdCtor = func(k *hooks.Kernel, pgd model.VA, pmds []model.PFN) {
				watch(k)
				ctor(k, pgd, pmds)
			}
		}
		s, err := b.New(kernel.Options{Change: systems.Change{Kernel: attach}})
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(2, 3))
		steps := 0
		for i := range s.Inits {
			for range 4 {
				now = new(follower)
				m := s.NewModel()
				m.Watch() // each call is made once: the view follows
				if done := walk(m, i, rng, 30); done != "" {
					t.Errorf("%s from %s: %s", b.Name, s.Inits[i].Name, done)
				}
				if steps += now.steps; now.wrong != "" {
					t.Fatalf("%s from %s: %s", b.Name, s.Inits[i].Name, now.wrong)
				}
			}
		}
		if steps < 3000 {
			t.Errorf("%s: %d steps only", b.Name, steps)
		}
	}
}

// walk makes random calls without going back. It says which one did not move.
func walk(m *kernel.Model, init int, rng *rand.Rand, length int) string {
	m.Init(init)
	for range length {
		codes := m.Calls(nil)
		if len(codes) == 0 {
			return ""
		}
		c := codes[rng.IntN(len(codes))]
		if o := m.Apply(c); o.Kind != explore.Moved {
			return fmt.Sprintf("%v: %v", kernel.CallOf(c), o.Kind)
		}
	}
	return ""
}

// scribbler is a guest whose memory is written to without asking anybody, so
// that tables may be mapped writable, unhooked and hooked in again. Frames keep
// their levels: 0 and 1 are roots, then come middle tables, L1s and data.
type scribbler struct {
	*model.State
	rng  *rand.Rand
	pins map[model.Frame]int
}

const scribbleFrames = 18

func newScribbler(rng *rand.Rand, g *model.Geometry) *scribbler {
	l := &model.Layout{Geo: g, Map: model.IdentityMap(scribbleFrames), Hyper: &model.Hyper{Profile: model.Xen31()}}
	s := &scribbler{model.NewState(l), rng, map[model.Frame]int{}}
	s.CPU.CR3 = 0
	return s
}

// levelOf is the level of the tables that a frame may be.
func (s *scribbler) levelOf(f model.Frame) int {
	switch levels := s.L.Geo.Levels; {
	case f < 2:
		return levels
	case levels == 4 && f < 5:
		return 3
	case levels >= 3 && f < 8:
		return 2
	case f < 13:
		return 1
	}
	return 0
}

// frameOf is a random frame of a level.
func (s *scribbler) frameOf(level int) model.Frame {
	for {
		if f := model.Frame(s.rng.IntN(scribbleFrames)); s.levelOf(f) == level {
			return f
		}
	}
}

// writes changes n entries in one step, of the lowest tables first: a hypervisor
// audits a table before it hooks it in.
func (s *scribbler) writes(n int) {
	levels := make([]int, n)
	for i := range levels {
		levels[i] = 1 + s.rng.IntN(s.L.Geo.Levels)
	}
	slices.Sort(levels)
	for _, level := range levels {
		s.write(level)
	}
}

// write changes one entry of a table of a level.
func (s *scribbler) write(level int) {
	g := s.L.Geo
	target := model.Frame(s.rng.IntN(scribbleFrames))
	if level > 1 {
		target = s.frameOf(level - 1)
	}
	e := model.MakeEntry(model.MFN(target), [...]model.Entry{model.Present, model.Present | model.RW, model.Present | model.RW | model.User, 0}[s.rng.IntN(4)])
	s.SetEntry(g, s.frameOf(level), s.rng.IntN(g.Slots[level]), e)
}

// step makes a random step.
func (s *scribbler) step() model.Step {
	switch n := s.rng.IntN(20); {
	case n == 0:
		s.CPU.CR3 = s.frameOf(s.L.Geo.Levels)
		return model.Step{Op: model.OpNewBaseptr, Frame: s.CPU.CR3}
	case n == 1:
		s.CPU.UserCR3 = model.NoFrame
		if s.rng.IntN(2) == 0 {
			s.CPU.UserCR3 = s.frameOf(s.L.Geo.Levels)
		}
		return model.Step{Op: model.OpUserBaseptr, Frame: s.CPU.UserCR3}
	case n < 5:
		f := s.frameOf(1 + s.rng.IntN(s.L.Geo.Levels))
		level := s.levelOf(f)
		if i := s.Info(f); i.Is(model.Pinned) {
			s.SetInfo(f, model.FrameInfo{})
			return model.Step{Op: model.OpUnpin, Frame: f}
		}
		s.SetInfo(f, model.FrameInfo{Typ: model.TableType(level), Flags: model.Pinned})
		return model.Step{Op: model.OpPin, Frame: f, Level: level}
	case n == 5:
		s.writes(40 + s.rng.IntN(400)) // perhaps too many to follow one by one
	default:
		s.writes(1 + s.rng.IntN(4))
	}
	return model.Step{Op: model.OpStore}
}

// TestViewFollowsScribbles keeps a view through random writes, root switches and
// pins that no hypervisor looks at.
func TestViewFollowsScribbles(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 5))
	for _, g := range []*model.Geometry{geometry(t, 4, 5, 4), geometry(t, 8, 7, 16), geometry(t, 8, 3, 4, 5), geometry(t, 8, 2, 3, 2, 6)} {
		bad := 0
		for range 10 {
			s := newScribbler(rng, g)
			var view invariants.View
			view.Reset(s.State)
			for range 400 {
				st := s.step()
				view.Apply(s.State, &st)
				s.Commit()
				if d := recount(s.State).difference(&view); d != "" {
					t.Fatalf("%s: %s after %v of frame %d", g.Name, d, st.Op, st.Frame)
				}
				bad = max(bad, view.Bad())
			}
		}
		if bad < 3 {
			t.Errorf("%s: never more than %d bad frames", g.Name, bad)
		}
	}
}

// smallGuest is a two-level guest of 16 frames, all mapped: data f0 to f10, L1
// tables f11 to f14, root f15.
func smallGuest(t *testing.T, p *model.Profile) (*model.Machine, *follower) {
	t.Helper()
	g := geometry(t, 4, 8, 4)
	l := &model.Layout{Geo: g, Map: model.IdentityMap(16), Hyper: &model.Hyper{Profile: p}}
	s := model.NewState(l)
	for n := range 16 {
		flags := model.Present | model.RW
		if n >= 11 {
			flags = model.Present
		}
		s.SetEntry(g, 15, n/4, model.MakeEntry(model.MFN(11+n/4), model.Present|model.RW|model.User))
		s.SetEntry(g, model.Frame(11+n/4), n%4, model.MakeEntry(model.MFN(n), flags))
	}
	if rc := s.AdoptGuest(15); rc != model.OK {
		t.Fatal(rc)
	}
	f := new(follower)
	f.view.Reset(s)
	return model.NewMachine(s, f), f
}

// readOnly makes a page of the small guest read-only.
func readOnly(t *testing.T, m *model.Machine, f model.MFN) {
	t.Helper()
	if rc := m.UpdateVAMapping(model.VA(f)<<model.PageShift, model.MakeEntry(f, model.Present), model.UVMFNone); rc != model.OK {
		t.Fatal(rc)
	}
}

// TestViewFollowsHypercalls makes random hypercalls, most of them legal.
func TestViewFollowsHypercalls(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 7))
	for _, p := range []*model.Profile{model.Xen31(), model.Ideal(), model.Xen417()} {
		p.NoLinear = true // see TestViewFollowsLinearEntries
		for range 15 {
			m, f := smallGuest(t, p)
			done := map[model.Errno]int{}
			for range 300 {
				mfn := model.MFN(rng.IntN(16))
				e := model.MakeEntry(model.MFN(rng.IntN(16)), [...]model.Entry{0, model.Present, model.Present, model.Present | model.RW}[rng.IntN(4)])
				var rc model.Errno
				switch rng.IntN(8) {
				case 0, 1, 2:
					rc = m.MMUUpdate(uint64(mfn)<<model.PageShift|uint64(4*rng.IntN(8)), e)
				case 3, 4:
					rc = m.UpdateVAMapping(model.VA(rng.IntN(16))<<model.PageShift, e, model.UVMFNone)
				case 5:
					rc = m.Pin(1+rng.IntN(2), mfn)
				case 6:
					rc = m.Unpin(mfn)
				case 7:
					rc = m.NewBaseptr(mfn)
				}
				done[rc]++
				if f.wrong != "" {
					t.Fatalf("%s: %s", p.Name, f.wrong)
				}
				if f.view.Bad() != 0 {
					t.Fatalf("%s: the hypervisor let a table be mapped writable", p.Name)
				}
			}
			if done[model.OK] < 30 {
				t.Errorf("%s: answers %v", p.Name, done)
			}
		}
	}
}

// TestViewAndIgnoredPins pins the root of a two-level guest as an L3, which
// changes nothing and answers success, whether or not it is pinned already.
func TestViewAndIgnoredPins(t *testing.T) {
	m, f := smallGuest(t, model.Xen31())
	if rc := m.Pin(3, 15); rc != model.OK || f.wrong != "" {
		t.Errorf("pinned root: %v, %s", rc, f.wrong)
	}
	m, f = smallGuest(t, model.Xen31())
	if rc := m.Pin(3, 14); rc != model.OK || f.wrong != "" {
		t.Errorf("table that is not pinned: %v, %s", rc, f.wrong)
	}
}

// TestViewFollowsLinearEntries hooks a second root into the first as a linear
// entry, gives up its own pin, and unhooks it. It stays a table of its level to
// the end, as the hypervisor's type says.
func TestViewFollowsLinearEntries(t *testing.T) {
	const slot = 15<<model.PageShift | 7*4
	m, f := smallGuest(t, model.Xen31())
	readOnly(t, m, 5)
	for i, x := range []struct {
		name string
		call func() model.Errno
		uses int // of f5 as an L2
	}{
		{"pin of the second root", func() model.Errno { return m.Pin(2, 5) }, 1},
		{"linear entry", func() model.Errno { return m.MMUUpdate(slot, model.MakeEntry(5, model.Present)) }, 2},
		{"unpin of the second root", func() model.Errno { return m.Unpin(5) }, 1},
		{"linear entry removed", func() model.Errno { return m.MMUUpdate(slot, 0) }, 0},
	} {
		if rc := x.call(); rc != model.OK {
			t.Fatalf("%s: %v", x.name, rc)
		}
		if got, l1 := f.view.Uses(5, 2), f.view.Uses(5, 1); got != x.uses || l1 != 0 || m.Info(5).T != uint32(x.uses) {
			t.Errorf("%s: f5 is an L2 %d times and an L1 %d times, want %d and never; the hypervisor says %+v", x.name, got, l1, x.uses, m.Info(5))
		}
		// After the unpin memory alone does not tell what f5 is.
		if i < 2 && f.wrong != "" {
			t.Errorf("%s: %s", x.name, f.wrong)
		}
	}
	// An ordinary pointer in the same slot comes and goes as one.
	for _, e := range []model.Entry{model.MakeEntry(11, model.Present|model.RW), 0} {
		if rc := m.MMUUpdate(slot, e); rc != model.OK {
			t.Fatal(rc)
		}
	}
	var anew invariants.View
	if anew.Reset(m.State); f.view.Difference(&anew) != "" {
		t.Errorf("in the end %s", f.view.Difference(&anew))
	}
}

// TestSelfEntryCountsNothing hooks a root into itself.
func TestSelfEntryCountsNothing(t *testing.T) {
	m, f := smallGuest(t, model.Xen31())
	for _, e := range []model.Entry{model.MakeEntry(15, model.Present), 0} {
		if rc := m.MMUUpdate(15<<model.PageShift|6*4, e); rc != model.OK || f.wrong != "" || f.view.Uses(15, 2) != 2 {
			t.Errorf("entry %#x: %v, %s, uses %d", e, rc, f.wrong, f.view.Uses(15, 2))
		}
	}
}
