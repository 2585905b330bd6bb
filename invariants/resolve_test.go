package invariants_test

import (
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
)

// TestResolveAgreesWithWalk compares the rules' own walk with that of the
// machine, on random tables of all geometries.
func TestResolveAgreesWithWalk(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	pae, long := geometry(t, 8, 3, 5, 2), geometry(t, 8, 3, 2, 5, 3)
	pae.PAERoot, long.SignExtend = true, true
	for _, g := range []*model.Geometry{model.I386(), model.PAE(), model.AMD64(), geometry(t, 4, 5, 3), geometry(t, 8, 1, 6), pae, long} {
		found, large := 0, 0
		for range 20 {
			s := randomTables(rng, g, rng.IntN(4) > 0)
			for range 100 {
				va := g.Wrap(model.VA(rng.Uint64()))
				tr, fault := s.Walk(va)
				got, ok := invariants.Resolve(s, g, s.CPU.CR3, va)
				if ok != (fault == model.WalkOK) {
					t.Fatalf("%s: %#x resolves %t, the walk says %d", g.Name, va, ok, fault)
				}
				want := invariants.Resolved{Frame: tr.Frame, Table: tr.Table, Level: tr.Level, Slot: tr.Slot, Leaf: tr.Entry, Writable: tr.RW}
				if ok && got != want {
					t.Fatalf("%s: %#x resolves to %+v, the walk says %+v", g.Name, va, got, want)
				}
				if ok {
					found++
				}
				if ok && tr.Level == 2 {
					large++
				}
			}
		}
		if found < 100 || large < 10 {
			t.Errorf("%s: %d mapped, %d of them large", g.Name, found, large)
		}
	}
}

// TestWalkerTwin resolves addresses that lie close to each other, one by one and in a row, on
// random tables of all geometries.
func TestWalkerTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 11))
	pae, long := geometry(t, 8, 3, 5, 2), geometry(t, 8, 3, 2, 5, 3)
	pae.PAERoot, long.SignExtend = true, true
	for _, g := range []*model.Geometry{model.I386(), model.PAE(), model.AMD64(), geometry(t, 4, 5, 3), geometry(t, 8, 1, 6), pae, long} {
		seen := map[[2]any]int{}
		for range 40 {
			s := randomTables(rng, g, rng.IntN(4) > 0)
			walk := invariants.Walker(s, g, s.CPU.CR3)
			va := g.Wrap(model.VA(rng.Uint64()))
			for range 200 {
				level, ok, same := walk(va)
				if !same {
					t.Fatalf("%s: %#x leads elsewhere than by the plain walk", g.Name, va)
				}
				seen[[2]any{level, ok}]++
				switch rng.IntN(20) {
				case 0:
					va = g.Wrap(model.VA(rng.Uint64()))
				case 1:
					va = g.Wrap(va + g.Span(2))
				default:
					va = g.Wrap(va + model.PageSize*model.VA(rng.IntN(3)))
				}
			}
		}
		if seen[[2]any{1, true}] < 100 || seen[[2]any{1, false}] < 10 || seen[[2]any{2, true}] < 10 {
			t.Errorf("%s: pages by level, mapped or not: %v", g.Name, seen)
		}
	}
}

// randomTables are seven frames of random entries, most of them leading on.
// Large pages begin anywhere, or where they must if aligned.
func randomTables(rng *rand.Rand, g *model.Geometry, aligned bool) *model.State {
	mfns := []model.MFN{3, 8, 9, 20, 21, 70, 71}
	pages := model.MFN(g.Span(2) >> model.PageShift)
	m, err := model.NewPhysMap(mfns[:5], mfns[5:])
	if err != nil {
		panic(err)
	}
	s := model.NewState(&model.Layout{Geo: g, Map: m})
	s.CPU.CR3, s.CPU.NXE = 0, true
	if rng.IntN(2) == 0 {
		s.CPU.CR4 = model.CR4PSE
	}
	for f := range model.Frame(m.Frames()) {
		for i := range g.Words() * 8 / g.Width {
			e := model.MakeEntry(mfns[rng.IntN(len(mfns))], model.Present|model.RW|model.Entry(rng.Uint64())&0xf66)
			switch rng.IntN(12) {
			case 0:
				e &^= model.Present
			case 1:
				e &^= model.RW
			case 2, 3:
				e |= model.PSE
				if aligned {
					e = model.MakeEntry(e.MFN()/pages*pages, e)
				}
			case 4:
				e = e.Flags() | model.MakeEntry(77, 0)
			}
			s.SetEntry(g, f, i, e)
		}
	}
	s.Commit()
	return s
}

// TestSnapshotHoldsAllPages compares a snapshot with a walk of every address.
func TestSnapshotHoldsAllPages(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 11))
	pae, long := geometry(t, 8, 3, 5, 2), geometry(t, 8, 3, 2, 5, 3)
	pae.PAERoot, long.SignExtend = true, true
	for _, g := range []*model.Geometry{geometry(t, 4, 5, 3), pae, long} {
		for range 50 {
			s := randomTables(rng, g, true)
			s.L.Kernel.PageOffset = g.Wrap(1 << (g.VABits() - 1))
			want := map[model.VA]model.Frame{}
			for n := range model.VA(1) << (g.VABits() - model.PageShift) {
				va := g.Wrap(n << model.PageShift)
				if tr, fault := s.Walk(va); fault == model.WalkOK && tr.Frame != model.NoFrame && va >= s.L.Kernel.PageOffset {
					want[va] = tr.Frame
				}
			}
			snap := invariants.TakeSnapshot(s)
			if got := snap.Pages(); !maps.Equal(got, want) || snap.Len() != len(want) {
				t.Fatalf("%s: snapshot %v, want %v", g.Name, got, want)
			}
		}
	}
}

// TestSnapshotOfUnalignedLargePage maps a large page whose entry has bit 12 set:
// it is PAT, not part of the frame number. Higher bits below the size are
// reserved, and nothing is mapped.
func TestSnapshotOfUnalignedLargePage(t *testing.T) {
	g := geometry(t, 8, 2, 4)
	s := model.NewState(&model.Layout{Geo: g, Map: model.IdentityMap(12)})
	s.CPU.CR3 = 0
	s.SetEntry(g, 0, 1, model.MakeEntry(5, model.Present|model.PSE))
	s.SetEntry(g, 0, 0, model.MakeEntry(6, model.Present|model.PSE))
	want := map[model.VA]model.Frame{0x4000: 4, 0x5000: 5, 0x6000: 6, 0x7000: 7}
	for va, f := range want {
		if tr, fault := s.Walk(va); fault != model.WalkOK || tr.Frame != f {
			t.Fatalf("%#x leads to %d, want %d", va, tr.Frame, f)
		}
	}
	if got := invariants.TakeSnapshot(s).Pages(); !maps.Equal(got, want) {
		t.Errorf("snapshot %#x, want %#x", got, want)
	}
}

// TestSnapshotOfPAEGuest checks which pages of a guest a snapshot holds: all but
// those behind the hypervisor's slots, which in PAE are in the L2 of the last
// root slot alone.
func TestSnapshotOfPAEGuest(t *testing.T) {
	g := geometry(t, 8, 2, 3, 2)
	g.PAERoot = true
	l := &model.Layout{Geo: g, Map: model.IdentityMap(8), Hyper: &model.Hyper{Profile: model.Xen31(), XenLevel: 2, XenFirst: 2, XenLast: 2}}
	s := model.NewState(l)
	s.CPU.CR3 = 0
	for root := range 2 {
		s.SetEntry(g, 0, root, model.MakeEntry(model.MFN(1+root), model.Present))
		for slot := range 3 {
			s.SetEntry(g, model.Frame(1+root), slot, model.MakeEntry(3, model.Present|model.RW))
		}
	}
	s.SetEntry(g, 3, 0, model.MakeEntry(5, model.Present))
	want := map[model.VA]model.Frame{}
	for root := range model.VA(2) {
		for slot := range model.VA(3) {
			if root == 0 || slot < 2 {
				want[root*g.Span(3)+slot*g.Span(2)] = 5
			}
		}
	}
	if got := invariants.TakeSnapshot(s).Pages(); !maps.Equal(got, want) {
		t.Errorf("snapshot %#x, want %#x", got, want)
	}
}
