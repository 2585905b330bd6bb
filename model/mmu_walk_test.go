package model

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// geometries are real ones and odd tiny ones: slot counts that are no powers of
// two, tables of one slot, four-byte entries with an odd number of slots.
func geometries(t testing.TB) []*Geometry {
	t.Helper()
	tiny := func(width int, slots ...int) *Geometry {
		g, err := NewGeometry(fmt.Sprintf("tiny %d %v", width, slots), width, slots...)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	pae, long, narrow := tiny(8, 3, 5, 2), tiny(8, 3, 2, 5, 3), tiny(8, 2, 1, 3)
	pae.PAERoot, long.SignExtend = true, true
	return []*Geometry{I386(), PAE(), AMD64(), tiny(4, 5, 3), tiny(4, 7, 8), tiny(8, 1, 6), pae, narrow, long, tiny(4, 3, 3, 3)}
}

// naive is a walk by the words of the manuals, on memory as a map from machine
// frame to entries. It shares nothing with the walk of the machine.
type naive struct {
	g         *Geometry
	mem       map[MFN][]uint64 // entries by machine frame
	nxe, pse4 bool
	root      MFN
}

// indexBits is the number of address bits that select a slot.
func indexBits(slots int) int {
	n := 0
	for 1<<n < slots {
		n++
	}
	return n
}

// naiveResult is what the walk finds: where, or which fault.
type naiveResult struct {
	fault                    WalkFault
	mfn                      MFN
	offset, level, slot      int
	rw, user, noExec, global bool
	table                    MFN
	entry                    uint64
}

func (n *naive) walk(va uint64) naiveResult {
	width := 12
	for level := 1; level <= n.g.Levels; level++ {
		width += indexBits(n.g.Slots[level])
	}
	high := va >> (width - 1)
	if n.g.SignExtend && high != 0 && high != 1<<(65-width)-1 || !n.g.SignExtend && va>>width != 0 {
		return naiveResult{fault: WalkNonCanon}
	}
	r := naiveResult{rw: true, user: true, table: n.root}
	low := width // the lowest address bit not yet used
	for level := n.g.Levels; level >= 1; level-- {
		top := low
		low -= indexBits(n.g.Slots[level])
		r.level, r.slot = level, int(va%(1<<top)>>low)
		entries, ok := n.mem[r.table]
		if !ok {
			r.fault = WalkOutside
			return r
		}
		if r.slot >= n.g.Slots[level] {
			r.fault = WalkNotPresent
			return r
		}
		e := entries[r.slot]
		r.entry = e
		if e%2 == 0 {
			r.fault = WalkNotPresent
			return r
		}
		noExec := e>>63 == 1
		if noExec && !n.nxe {
			r.fault = WalkReserved
			return r
		}
		if !(n.g.PAERoot && level == n.g.Levels) {
			r.rw = r.rw && e&2 != 0
			r.user = r.user && e&4 != 0
			r.noExec = r.noExec || noExec
		}
		mfn := MFN(e << 12 >> 24)
		if level == 1 || level == 2 && e&0x80 != 0 && (n.g.Width == 8 || n.pse4) {
			pages := MFN(1)
			if level == 2 {
				pages = 1 << indexBits(n.g.Slots[1])
			}
			if mfn%pages/2 != 0 { // bit 12 is PAT, the others must be zero
				r.fault = WalkReserved
				return r
			}
			r.mfn = mfn/pages*pages + MFN(va>>12)%pages
			r.offset, r.global = int(va%4096), e&0x100 != 0
			return r
		}
		r.table = mfn
	}
	panic("unreachable")
}

// randomTables fills every frame with entries that mostly lead to other frames.
func randomTables(rng *rand.Rand, g *Geometry) (*State, *naive) {
	mfns := make([]MFN, 9)
	for i, n := range rng.Perm(40)[:len(mfns)] {
		mfns[i] = MFN(3 + n)
	}
	if g.Width == 8 && rng.IntN(2) == 0 {
		for i := range mfns {
			mfns[i] += 1 << 21 // above 8 GiB
		}
	}
	m, err := NewPhysMap(mfns[:7], mfns[7:])
	if err != nil {
		panic(err)
	}
	s := NewState(&Layout{Geo: g, Map: m})
	n := &naive{g: g, mem: map[MFN][]uint64{}, nxe: rng.IntN(3) > 0, pse4: rng.IntN(2) == 0, root: mfns[0]}
	s.CPU.CR3, s.CPU.NXE = 0, n.nxe
	if n.pse4 {
		s.CPU.CR4 = CR4PSE
	}
	for f, mfn := range mfns {
		entries := make([]uint64, g.Words()*8/g.Width)
		for i := range entries {
			entries[i] = randomEntry(rng, g, mfns)
			s.SetEntry(g, Frame(f), i, Entry(entries[i]))
		}
		n.mem[mfn] = entries
	}
	s.Commit()
	return s, n
}

func randomEntry(rng *rand.Rand, g *Geometry, mfns []MFN) uint64 {
	e := uint64(mfns[rng.IntN(len(mfns))])<<12 | 7
	if rng.IntN(8) == 0 {
		e = rng.Uint64() & 0x3f_f000 // perhaps nobody's frame
	}
	for _, flag := range []uint64{1, 2, 4} {
		if rng.IntN(5) == 0 {
			e ^= flag
		}
	}
	e |= rng.Uint64() & rng.Uint64() & 0xf60
	if rng.IntN(4) == 0 {
		e |= 0x80
	}
	if g.Width == 8 && rng.IntN(8) == 0 {
		e |= 1 << 63
	}
	if g.Width == 8 && rng.IntN(8) == 0 {
		e |= rng.Uint64() & (0x7ff << 52)
	}
	return e
}

// TestWalkAgreesWithNaiveWalk compares the walks on random tables and addresses.
func TestWalkAgreesWithNaiveWalk(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	seen := map[string]int{}
	for range 40 {
		for _, g := range geometries(t) {
			s, n := randomTables(rng, g)
			for range 60 {
				va := rng.Uint64()
				if rng.IntN(8) > 0 {
					va = uint64(g.Wrap(VA(va)))
				}
				want := n.walk(va)
				got, fault := s.Walk(VA(va))
				if d := walkDifference(s, got, fault, want); d != "" {
					t.Fatalf("%s: walk of %#x: %s\n got %+v %d\nwant %+v", g.Name, va, d, got, fault, want)
				}
				seen[fmt.Sprintf("fault %d", fault)]++
				if fault == WalkOK {
					seen[fmt.Sprintf("level %d", want.level)]++
				}
			}
		}
	}
	for _, k := range []string{"fault 0", "fault 1", "fault 2", "fault 3", "fault 4", "level 1", "level 2"} {
		if seen[k] < 50 {
			t.Errorf("%s occurred %d times only", k, seen[k])
		}
	}
}

// walkDifference says in what two walks differ.
func walkDifference(s *State, got Translation, fault WalkFault, want naiveResult) string {
	switch {
	case fault != want.fault:
		return "fault"
	case fault == WalkNonCanon:
		return ""
	case got.Level != want.level && fault != WalkOutside:
		return "level"
	case got.Slot != want.slot && fault != WalkOutside:
		return "slot"
	case s.L.Map.Frame(want.table) != got.Table:
		return "table"
	case fault != WalkOK:
		return ""
	case got.MFN != want.mfn || got.Offset != want.offset || got.Frame != s.L.Map.Frame(want.mfn):
		return "place"
	case got.RW != want.rw || got.User != want.user || got.NoExec != want.noExec || got.Global != want.global:
		return "rights"
	case got.Entry != Entry(want.entry):
		return "entry"
	}
	return ""
}

// TestActiveGeometry checks that head.S's geometry counts until PAE is on.
func TestActiveGeometry(t *testing.T) {
	boot, pae := I386(), PAE()
	s := NewState(&Layout{Geo: pae, Boot: boot, Map: IdentityMap(4)})
	if s.Active() != boot {
		t.Error("PAE tables before PAE is on")
	}
	s.CPU.CR4 = CR4PAE
	if s.Active() != pae {
		t.Error("two-level tables while PAE is on")
	}
	s.L = &Layout{Geo: pae, Map: IdentityMap(4)}
	if s.CPU.CR4 = 0; s.Active() != pae {
		t.Error("a machine without boot geometry walks another one")
	}
}

// TestAccessMarksEntries checks that an access sets the accessed bit of every
// entry on its way, the dirty bit of a leaf that it writes through, and nothing
// else.
func TestAccessMarksEntries(t *testing.T) {
	g := AMD64()
	s := NewState(&Layout{Geo: g, Map: IdentityMap(8), AccessBits: true})
	s.CPU.CR3 = 0
	for level := 4; level > 1; level-- {
		s.SetEntry(g, Frame(4-level), 0, MakeEntry(MFN(5-level), Present|RW))
	}
	s.SetEntry(g, 3, 5, MakeEntry(6, Present|RW))
	s.SetEntry(g, 3, 6, MakeEntry(6, Present))
	m := NewMachine(s)
	bits := func() (out [5]Entry) {
		for f := range Frame(3) {
			out[f] = s.Entry(g, f, 0) & (Accessed | Dirty)
		}
		out[3], out[4] = s.Entry(g, 3, 5)&(Accessed|Dirty), s.Entry(g, 3, 6)&(Accessed|Dirty)
		return out
	}
	const a = Accessed
	for _, x := range []struct {
		name  string
		va    VA
		write bool
		fault WalkFault
		bits  [5]Entry
	}{
		{"nothing mapped there", 7 << 12, false, WalkNotPresent, [5]Entry{a, a, a, 0, 0}},
		{"store to a read-only page", 6 << 12, true, WalkReadOnly, [5]Entry{a, a, a, 0, 0}},
		{"load of a read-only page", 6 << 12, false, WalkOK, [5]Entry{a, a, a, 0, a}},
		{"load", 5 << 12, false, WalkOK, [5]Entry{a, a, a, a, a}},
		{"store", 5 << 12, true, WalkOK, [5]Entry{a, a, a, a | Dirty, a}},
	} {
		_, fault := m.Access(x.va, x.write)
		if fault != x.fault || bits() != x.bits {
			t.Errorf("%s: fault %d, bits %#x, want %d, %#x", x.name, fault, bits(), x.fault, x.bits)
		}
	}
}
