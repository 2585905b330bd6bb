package invariants_test

import (
	"fmt"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
)

// bigKernel is a 64-bit kernel that has booted, with a direct map of all its memory and two
// address spaces: tables and then, from free on, pages that nobody uses.
type bigKernel struct {
	*model.Machine
	root, other model.Frame // the kernel's root, and one that shares the kernel's part
	userL1      model.Frame // a leaf table that is used in no tree
	userL2      model.Frame // the L2 of the user's part of both roots
	end         error
}

const (
	bigOffset = model.VA(0xffff_8800_0000_0000) // PAGE_OFFSET of 64-bit kernels up to 4.x
	bigTables = 64                              // the first table
)

// newBigKernel makes one, with or without a hypervisor.
func newBigKernel(tb testing.TB, frames int, guest bool) *bigKernel {
	tb.Helper()
	l := &model.Layout{Geo: model.AMD64(), Map: model.IdentityMap(frames), Life: &model.LifeMap{MMs: 1, Small: -1, Pages: []model.VA{0}, Vmalloc: 0xffff_c900_0000_0000}}
	l.Kernel = model.KernelMap{PageOffset: bigOffset, MaxLowPFN: model.PFN(frames), TextEnd: bigOffset, Root: bigTables,
		ZeroPage: 1, BootmemFirst: bigTables, FixTop: 0xffff_ffff_ff7f_f000, NrFixed: 1, PTBase: bigTables}
	if guest {
		l.Hyper = &model.Hyper{Profile: model.Xen417()}
	}
	s := model.NewState(l)
	b := &bigKernel{root: bigTables, other: bigTables + 1, userL1: bigTables + 2, userL2: bigTables + 3}
	next := model.Frame(bigTables + 5)
	table := func() model.Frame { next++; return next - 1 }
	pointer := model.Present | model.RW | model.User | model.Accessed | model.Dirty
	// The direct map, and then the user's part.
	tables := make(map[model.VA]model.Frame)
	link := func(level int, va model.VA) model.Frame {
		f := b.root
		for n := l.Geo.Levels; n > level; n-- {
			key := va / l.Geo.Span(n)
			if _, ok := tables[key<<3|model.VA(n)]; !ok {
				tables[key<<3|model.VA(n)] = table()
				s.SetPlain(f, l.Geo.Index(va, n), uint64(model.MakeEntry(model.MFN(next-1), pointer)))
			}
			f = tables[key<<3|model.VA(n)]
		}
		return f
	}
	for pfn := range model.PFN(frames) {
		va := l.VA(pfn.PA())
		f := link(1, va)
		s.SetPlain(f, l.Geo.Index(va, 1), uint64(model.MakeEntry(model.MFN(pfn), model.Present|model.RW|model.Accessed|model.Dirty|model.Global)))
	}
	if guest { // shared_info, which lies in frame 2
		l.Kernel.SharedInfo = 2
		f := link(1, l.Fix(0))
		s.SetPlain(f, l.Geo.Index(l.Fix(0), 1), uint64(model.MakeEntry(2, model.Present|model.Accessed|model.NX)))
	}
	l3 := table()
	s.SetPlain(l3, 0, uint64(model.MakeEntry(model.MFN(b.userL2), pointer)))
	s.SetPlain(b.root, 0, uint64(model.MakeEntry(model.MFN(l3), pointer)))
	for slot := range l.Geo.Slots[4] {
		s.SetPlain(b.other, slot, s.Word(b.root, slot))
	}
	s.Kernel.BootmemNext = model.PFN(next)
	s.Kernel.Life.MM[0] = model.MM{Root: b.other, User: model.NoFrame, Ready: true}
	s.Kernel.Life.Free = s.Kernel.Life.Free.Add(model.FrameRange{From: model.PFN(next), To: model.PFN(frames)})
	if guest {
		s.Kernel.Life.Pinned = s.Kernel.Life.Pinned.Add(model.FrameRange{From: bigTables, To: model.PFN(next)})
		for f := model.Frame(bigTables); f < next; f++ { // tables are read-only
			va := l.VA(model.PFN(f).PA())
			at := tables[va/l.Geo.Span(2)<<3|2]
			s.SetPlain(at, l.Geo.Index(va, 1), s.Word(at, l.Geo.Index(va, 1))&^uint64(model.RW))
		}
		if rc := s.AdoptGuest(b.root); rc != model.OK {
			tb.Fatal(rc)
		}
	}
	s.CPU.CR3, s.Kernel.InitMM, s.Kernel.XenCR3, s.Kernel.Phase = b.root, b.root, b.root, model.PhaseZapped
	s.CPU.CR4, s.CPU.NXE = model.CR4PAE|model.CR4PGE, true
	s.Commit()
	b.Machine = model.NewMachine(s)
	if guest {
		b.must(b.Pin(4, model.MFN(b.other)))
	}
	return b
}

func (b *bigKernel) must(rc model.Errno) {
	if rc != model.OK && b.end == nil {
		b.end = fmt.Errorf("a hypercall is refused: %v", rc)
	}
}

// round makes a call: a leaf table comes into use, gets a page, and goes again; in between
// the processor is on the other root. A page is allocated and given back meanwhile.
func (b *bigKernel) round(page model.MFN) {
	outer := b.Begin(model.Call{Kind: model.CallSwitch, From: model.PFN(b.root)})
	const flags = model.Present | model.RW | model.User | model.Accessed | model.Dirty
	taken, _ := b.AllocPage(false)
	leaf := model.MakeEntry(page, model.Present|model.User|model.Accessed)
	if b.L.Hyper != nil {
		at := func(f model.Frame) uint64 { return uint64(f) << model.PageShift }
		b.must(b.Pin(1, model.MFN(b.userL1)))
		b.must(b.MMUUpdate(at(b.userL2), model.MakeEntry(model.MFN(b.userL1), flags)))
		b.must(b.UpdateVAMapping(0, leaf, model.UVMFInvlpg))
		b.must(b.NewBaseptr(model.MFN(b.other)))
		b.must(b.UpdateVAMapping(0, 0, model.UVMFInvlpg))
		b.must(b.NewBaseptr(model.MFN(b.root)))
		b.must(b.MMUUpdate(at(b.userL2), 0))
		b.must(b.Unpin(model.MFN(b.userL1)))
	} else {
		at := func(f model.Frame) model.VA { return b.L.VA(model.PFN(f).PA()) }
		b.Store(at(b.userL2), 8, uint64(model.MakeEntry(model.MFN(b.userL1), flags)))
		b.Store(at(b.userL1), 8, uint64(leaf))
		b.LoadCR3(b.other)
		b.Store(at(b.userL1), 8, 0)
		b.LoadCR3(b.root)
		b.Store(at(b.userL2), 8, 0)
	}
	b.FlushTLB()
	b.FreePage(taken)
	b.End(outer)
}

// bigSizes are numbers of frames: 16 MiB, 256 MiB and 4 GiB.
var bigSizes = []int{1 << 12, 1 << 16, 1 << 20}

// someSizes leaves the largest to the long form.
func someSizes() []int {
	if longtest.On() {
		return bigSizes
	}
	return bigSizes[:2]
}

// bigRules are the rules that say something of such a kernel. It calls no hooks, about
// which one is.
func bigRules(b *bigKernel) (out []invariants.Rule) {
	for _, r := range invariants.Rules() {
		if r.For(b.L) && r.ID != "hook-order" {
			out = append(out, r)
		}
	}
	return out
}

// TestCostIsFlat makes the same calls of kernels of several sizes: no rule looks at more
// where memory is larger.
func TestCostIsFlat(t *testing.T) {
	for _, guest := range []bool{false, true} {
		want := make(map[string]uint64)
		for _, frames := range someSizes() {
			b := newBigKernel(t, frames, guest)
			all := invariants.New(bigRules(b))
			rules := []*invariants.Checker{all}
			for _, r := range all.Rules() {
				rules = append(rules, invariants.New([]invariants.Rule{r}))
			}
			for _, c := range rules {
				c.Begin(b.State)
				b.Observe(c)
			}
			died := b.Run(func() {
				b.round(9) // what is looked at for the first time is looked at as a whole
				b.round(8)
			})
			if died != nil || b.end != nil {
				t.Fatalf("guest %v: %+v, %v", guest, died, b.end)
			}
			before := make([]uint64, len(rules))
			for i, c := range rules {
				before[i] = c.Work()
			}
			if died := b.Run(func() { b.round(9); b.round(8) }); died != nil || b.end != nil {
				t.Fatalf("guest %v: %+v, %v", guest, died, b.end)
			}
			for n, r := range all.Rules() {
				// Nobody suspends or shares pages, and what is allocated is given back.
				if silent := r.ID == "known-at-suspend" || r.ID == "shared-read-only" || r.ID == "nothing-left-behind"; r.Span == invariants.Living && (all.Exercised[n] == 0) != silent {
					t.Errorf("guest %v, %s: exercised %d times", guest, r.ID, all.Exercised[n])
				}
			}
			for i, c := range rules {
				id := "all"
				if i > 0 {
					id = c.Rules()[0].ID
				}
				work := c.Work() - before[i]
				if !c.Large() || c.Violated >= 0 {
					t.Errorf("guest %v, %s: large %v, %+v", guest, id, c.Large(), c.Violation(nil))
				}
				if frames == bigSizes[0] {
					want[id] = work
				} else if work != want[id] {
					t.Errorf("guest %v, %s: %d looked at in %d frames, %d in %d", guest, id, work, frames, want[id], bigSizes[0])
				}
			}
		}
	}
}

// BenchmarkSize makes calls of kernels of several sizes, each rule by itself watching.
func BenchmarkSize(b *testing.B) {
	for _, guest := range []bool{false, true} {
		for _, frames := range bigSizes {
			k := newBigKernel(b, frames, guest)
			where := "native"
			if guest {
				where = "xen"
			}
			bench := func(name string, rules []invariants.Rule) {
				b.Run(fmt.Sprintf("%s/%s/%dKi", where, name, frames>>10), func(b *testing.B) {
					c := invariants.New(rules)
					m := model.NewMachine(k.State, c)
					now := &bigKernel{m, k.root, k.other, k.userL1, k.userL2, nil}
					c.Begin(k.State)
					m.Run(func() { now.round(9) })
					b.ReportAllocs()
					for b.Loop() {
						m.Run(func() { now.round(9) })
					}
					if c.Violated >= 0 || now.end != nil {
						b.Fatal(c.Violation(nil), now.end)
					}
				})
			}
			for _, r := range bigRules(k) {
				bench(r.ID, []invariants.Rule{r})
			}
			bench("all", bigRules(k))
		}
	}
}

// judged has a judge of hostile guests look at each operation of a round and at the state
// after it.
type judged struct {
	judge  *invariants.GuestJudge
	looked int
	broken string
}

// Step implements [model.Observer].
func (g *judged) Step(m *model.Machine, st *model.Step) {
	g.judge.Step(m, st)
	if n := g.judge.State(m.State); g.judge.Broken >= 0 || n >= 0 {
		g.broken = fmt.Sprintf("%v: rules %d and %d of %v", st.Op, g.judge.Broken, n, g.judge.Detail)
	}
	g.looked += g.judge.Looked()
	g.judge.Settled(m.State)
	g.judge.Begin(m.State, false)
}

// watchGuest has a guest of some frames judged from now on.
func watchGuest(tb testing.TB, frames int) (*bigKernel, *judged) {
	b := newBigKernel(tb, frames, true)
	g := &judged{judge: invariants.NewGuestJudge(b.State)}
	g.judge.Follow(b.State)
	g.judge.Begin(b.State, false)
	b.Machine = model.NewMachine(b.State, g)
	b.round(9)
	return b, g
}

// TestGuestCostIsFlat judges the same operations of guests of several sizes: no more is
// looked at where memory is larger.
func TestGuestCostIsFlat(t *testing.T) {
	var work uint64
	var looked int
	for _, frames := range someSizes() {
		b, g := watchGuest(t, frames)
		before := g.judge.Work()
		g.looked = 0
		b.round(8)
		if b.end != nil || g.broken != "" {
			t.Fatalf("%d frames: %v, %s", frames, b.end, g.broken)
		}
		if n := g.judge.Work() - before; frames == bigSizes[0] {
			work, looked = n, g.looked
		} else if n != work || g.looked != looked {
			t.Errorf("%d frames: %d looked at, and %d for states; %d and %d in %d frames", frames, n, g.looked, work, looked, bigSizes[0])
		}
	}
}

// BenchmarkGuestSize judges operations of guests of several sizes.
func BenchmarkGuestSize(b *testing.B) {
	for _, frames := range bigSizes {
		b.Run(fmt.Sprintf("%dKi", frames>>10), func(b *testing.B) {
			k, g := watchGuest(b, frames)
			for b.Loop() {
				k.round(9)
			}
			if k.end != nil || g.broken != "" {
				b.Fatal(k.end, g.broken)
			}
		})
	}
}
