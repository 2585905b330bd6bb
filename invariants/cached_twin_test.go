package invariants_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
)

// slip changes something behind the kernel's back: what the direct map has cached, the way
// there from the root that is in use, a table that is read wrong for once, or the user's page.
func (b *bigKernel) slip(rng *rand.Rand, page model.VA) {
	g := b.L.Geo
	t, _ := b.WalkFrom(g, b.root, page)
	wrong := []model.Entry{0, t.Entry ^ 8<<model.PageShift, t.Entry &^ model.RW}[rng.IntN(3)]
	switch rng.IntN(5) {
	case 0:
		b.SetEntry(g, t.Table, t.Slot, wrong)
	case 1:
		if b.CPU.CR3 == b.other {
			b.SetEntry(g, b.other, []int{0, g.Index(page, g.Levels)}[rng.IntN(2)], 0)
		}
	case 2:
		b.FlushPage(page)
		b.SetPlain(t.Table, t.Slot, uint64(t.Entry|model.RW))
		b.Load(page, 8)
		b.SetPlain(t.Table, t.Slot, uint64(t.Entry&^model.RW))
	default:
		b.SetEntry(g, b.userL2, 0, model.MakeEntry(model.MFN(b.userL1), model.Present|model.RW|model.User)&^model.Entry(rng.IntN(2)))
		b.SetEntry(g, b.userL1, 0, model.MakeEntry(9, model.Present|model.User))
	}
}

// wander makes calls that use pages and let something slip now and then, until one of the twins
// finds something.
func (b *bigKernel) wander(rng *rand.Rand, x *kernelTwins) {
	for range 20 {
		outer := b.Begin(model.Call{Kind: model.CallSwitch, From: model.PFN(b.root)})
		for range rng.IntN(6) {
			switch page := b.L.VA(model.PFN(rng.IntN(b.L.Map.Guest())).PA()); rng.IntN(6) {
			case 0:
				b.LoadCR3([]model.Frame{b.root, b.other}[rng.IntN(2)])
			case 1:
				b.FlushPage(page)
			default:
				if _, fault := b.Walk(page); fault == model.WalkOK {
					b.Load(page, 8)
				}
			}
		}
		if t, _ := b.Walk(0); t.Entry.Is(model.Present) && t.Level == 1 {
			b.Load(0, 8)
		}
		if rng.IntN(4) == 0 { // a step that follows sees it
			b.slip(rng, b.L.VA(model.PFN(rng.IntN(b.L.Map.Guest())).PA()))
		}
		b.End(outer)
		if x.over {
			return
		}
	}
}

// TestCachedTwins lets a kernel with a TLB that keeps everything use its pages while entries
// change that are cached: who looks at all that is cached and who looks at what may have changed
// find the same, at the same step.
func TestCachedTwins(t *testing.T) {
	rule, _ := invariants.Find("cached-granted")
	rng := rand.New(rand.NewPCG(2, 3))
	findings, calls := 0, uint64(0)
	for range 800 {
		b := newBigKernel(t, 200, false)
		b.TLB.Sticky = true
		x := newKernelTwins(rng, 0, []invariants.Rule{rule})
		x.small.Begin(b.State)
		x.large.Begin(b.State)
		b.Observe(x)
		b.Run(func() { b.wander(rng, x) })
		if x.difference != "" || x.small.Exercised[0] != x.large.Exercised[0] {
			t.Fatalf("%s; exercised %d and %d times", x.difference, x.small.Exercised[0], x.large.Exercised[0])
		}
		calls += x.large.Exercised[0]
		if x.large.Violated >= 0 {
			findings++
		}
	}
	if t.Logf("%d findings, %d times exercised", findings, calls); findings < 100 || calls < 1000 {
		t.Errorf("%d findings, %d times exercised only", findings, calls)
	}
}

// slipGuest has the processor of a guest cache a page as writable that is a table or becomes one
// by and by, without any mapping of it that is writable.
func (b *bigKernel) slipGuest(rng *rand.Rand) {
	f := model.Frame(rng.IntN(b.L.Map.Guest()))
	page := b.L.VA(model.PFN(f).PA())
	t, _ := b.WalkFrom(b.L.Geo, b.root, page)
	switch rng.IntN(3) {
	case 0: // read wrong for once
		b.FlushPage(page)
		b.SetPlain(t.Table, t.Slot, uint64(t.Entry|model.RW))
		b.Load(page, 8)
		b.SetPlain(t.Table, t.Slot, uint64(t.Entry))
	case 1:
		b.Load(page, 8)
		b.SetEntry(b.L.Geo, t.Table, t.Slot, t.Entry&^model.RW)
	default: // whatever is read-only already
		if !t.Entry.Is(model.RW) {
			b.SetEntry(b.L.Geo, b.userL2, 0, model.MakeEntry(model.MFN(f), model.Present|model.User|model.RW))
		}
	}
}

// TestWriteTwins: who looks at all that is cached and who looks at what has come, or at all where
// tables have, find the same.
func TestWriteTwins(t *testing.T) {
	rule, _ := invariants.Find("tables-read-only")
	rng := rand.New(rand.NewPCG(4, 5))
	findings, cached := 0, 0
	for range 400 {
		b := newBigKernel(t, 200, true)
		b.TLB.Sticky = true
		x := newKernelTwins(rng, 0, []invariants.Rule{rule})
		x.small.Begin(b.State)
		x.large.Begin(b.State)
		b.Observe(x)
		b.Run(func() {
			for n := 0; n < 60 && !x.over; n++ {
				b.slipGuest(rng)
				b.End(b.Begin(model.Call{Kind: model.CallSwitch, From: model.PFN(b.root)}))
			}
		})
		if x.difference != "" || x.small.Exercised[0] != x.large.Exercised[0] {
			t.Fatalf("%s; exercised %d and %d times", x.difference, x.small.Exercised[0], x.large.Exercised[0])
		}
		if x.large.Violated >= 0 {
			findings++
		}
		cached += b.TLB.Len()
	}
	if t.Logf("%d findings, %d translations cached", findings, cached); findings < 200 || cached < 1000 {
		t.Errorf("%d findings, %d translations cached only", findings, cached)
	}
}

// TestForeignTwin: the cached translations that are not the direct map's are found by their
// addresses, below it and above.
func TestForeignTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 7))
	b := newBigKernel(t, 200, false)
	b.TLB.Sticky = true
	c := invariants.New(nil)
	c.Begin(b.State)
	b.SetPlain(b.userL2, 0, uint64(model.MakeEntry(model.MFN(b.userL1), model.Present|model.RW|model.User)))
	b.SetPlain(b.root, b.L.Geo.Index(b.L.Life.Vmalloc, 4), b.Word(b.root, 0))
	for slot := range b.L.Geo.Slots[1] {
		b.SetPlain(b.userL1, slot, uint64(model.MakeEntry(9, model.Present|model.User)))
	}
	for n := range 200 {
		base := []model.VA{0, b.L.Life.Vmalloc, b.L.Kernel.PageOffset}[rng.IntN(3)]
		b.Run(func() { b.Load(base+model.VA(rng.IntN(200))*model.PageSize, 8) })
		got, want := c.Foreign(&b.TLB)
		if !slices.Equal(got, want) || n == 199 && (len(got) < 50 || len(got) > b.TLB.Len()-20) {
			t.Fatalf("%d of %d are foreign, by their addresses %d", len(want), b.TLB.Len(), len(got))
		}
	}
}

// TestBesides: what a tree does not follow is known, slot by slot.
func TestBesides(t *testing.T) {
	hidden := 0
	for _, b := range kerneltest.Backends() {
		s := kerneltest.New(t, b, kernel.Options{})
		for i := range s.Inits {
			c := invariants.New(nil)
			c.Begin(s.Inits[i].State)
			n, difference := c.Besides()
			if hidden += n; difference != "" {
				t.Fatalf("%s: %s", s.Inits[i].Name, difference)
			}
		}
	}
	if hidden < 20 {
		t.Errorf("%d hidden slots only", hidden)
	}
}
