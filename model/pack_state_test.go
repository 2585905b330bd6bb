package model

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// packedLayouts are layouts of each kind: bare metal with and without boot
// tables, and guests with and without sign-extended addresses.
func packedLayouts(t testing.TB) []*Layout {
	t.Helper()
	geo := func(width int, slots ...int) *Geometry {
		g, err := NewGeometry("packed", width, slots...)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	boot, pae, long := geo(4, 8, 4), geo(8, 2, 5, 3), geo(8, 2, 3, 2, 7)
	pae.PAERoot, long.SignExtend = true, true
	guest, err := NewPhysMap([]MFN{900, 3, 1 << 30, 7}, []MFN{1023, 1024})
	if err != nil {
		t.Fatal(err)
	}
	extra := []Extra{{Name: "shared", Kind: SharedInfo}, {Name: "other", Kind: Foreign}}
	return []*Layout{
		{Geo: boot, Map: IdentityMap(6)},
		{Geo: pae, Boot: boot, Map: IdentityMap(5)},
		{Geo: pae, Map: guest, Hyper: &Hyper{Profile: Xen31(), Extra: extra}},
		{Geo: long, Map: guest, Hyper: &Hyper{Profile: Xen417(), Extra: extra}},
	}
}

// randomWord is a memory word of any kind: empty, an entry with a small frame
// number, two four-byte entries, or whatever.
func randomWord(rng *rand.Rand) uint64 {
	const small = 1<<22 - 1
	switch rng.IntN(7) {
	case 0:
		return 0
	case 1:
		return rng.Uint64() & small
	case 2:
		return rng.Uint64() & (small | uint64(GuestKernel) | uint64(NX))
	case 3:
		return rng.Uint64() & (small | small<<32)
	case 4:
		return rng.Uint64() & (small << 32)
	case 5:
		return 1 << rng.IntN(64)
	}
	return rng.Uint64()
}

func randomState(rng *rand.Rand, l *Layout) *State {
	s := NewState(l)
	frame := func() Frame { return Frame(rng.IntN(l.Map.Frames()+1)) - 1 }
	flip := func() bool { return rng.IntN(2) == 0 }
	for f := range Frame(l.Map.Frames()) {
		if rng.IntN(3) == 0 {
			continue
		}
		for i := range l.words() {
			s.SetWord(f, i, randomWord(rng))
		}
	}
	s.CPU = CPU{CR3: frame(), UserCR3: frame(), CR4: CR4(rng.Uint32()) & (CR4PSE | CR4PAE | CR4PGE), NXE: flip(), WP: flip()}
	s.Kernel = Kernel{Phase: Phase(rng.IntN(5)), BootmemNext: PFN(rng.IntN(300)), InitMM: frame(), XenCR3: frame(), SetPTE: Variant(rng.IntN(3)),
		AllocPT: Variant(rng.IntN(3)), Global: flip(), SharedMapped: flip(), Second: frame(), SecondPinned: flip()}
	if s.TLB.Sticky = flip(); s.TLB.Sticky {
		for range rng.IntN(6) {
			page := l.Geo.Wrap(VA(rng.Uint64()) &^ (PageSize - 1))
			s.TLB.fill(tlbEntry{page: page, frame: frame(), write: flip(), glob: flip(), user: flip()})
		}
	}
	if l.Hyper != nil {
		randomRecords(rng, s)
	}
	s.Commit()
	return s
}

func randomRecords(rng *rand.Rand, s *State) {
	s.clock = 1 + rng.Uint32N(5)
	s.flushed = 1 + rng.Uint32N(s.clock)
	for f := range s.info {
		if rng.IntN(3) == 0 {
			s.info[f] = FrameInfo{Flags: Allocated, G: 1, Typ: Type(rng.IntN(8)), Stamp: rng.Uint32N(s.clock + 1)}
			continue
		}
		s.info[f] = FrameInfo{Typ: Type(rng.IntN(8)), Flags: FrameFlags(rng.IntN(64)), T: rng.Uint32() >> rng.IntN(32),
			G: rng.Uint32() >> rng.IntN(32), Stamp: rng.Uint32N(s.clock + 1)}
		if rng.IntN(3) == 0 {
			s.info[f].Linear, s.info[f].NrValid = int16(rng.Uint32()), uint16(rng.Uint32())
		}
	}
	for f := range Frame(s.L.Map.Frames()) {
		if rng.IntN(4) == 0 {
			s.GDT = append(s.GDT, f)
		}
	}
}

// image is all that a state is, in a form that compares with ==: what
// AppendPacked promises to keep. What a frame was last used as is left out where
// neither a TLB nor another use can tell; of clocks only the outcome of their
// comparison counts.
func (s *State) image() string {
	var mem [][]uint64
	for f := range Frame(s.L.Map.Frames()) {
		var words []uint64
		for i := range s.L.words() {
			words = append(words, s.Word(f, i))
		}
		mem = append(mem, words)
	}
	var records []FrameInfo
	for _, i := range s.info {
		over := i.T == 0 && i.Typ != TypeSegDesc && !i.Is(Partial)
		idle := i.G == 1 && i.Is(Allocated) && !i.Is(Pinned) && !i.Is(PartialEntry) && i.Linear == 0 && i.NrValid == 0
		stale := s.TLB.Sticky && s.flushed <= i.Stamp
		i.Stamp = 0
		if over && (!s.TLB.Sticky || idle && i.Typ == TypeNone) {
			i.Typ, i.Flags = TypeNone, i.Flags&^(Validated|PAEXenL2)
		} else if stale {
			i.Stamp = 1
		}
		records = append(records, i)
	}
	return fmt.Sprintf("%+v %+v %t %+v %v %x %+v", s.CPU, s.Kernel, s.TLB.Sticky, s.TLB.entries, s.GDT, mem, records)
}

// TestPackedRoundTrip unpacks random states into states full of other things.
func TestPackedRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for n, l := range packedLayouts(t) {
		for range 300 {
			s, other := randomState(rng, l), randomState(rng, l)
			prefix, suffix := []byte("before"), []byte{7, 0, 255}
			packed := s.AppendPacked(slices.Clone(prefix))
			if !bytes.HasPrefix(packed, prefix) {
				t.Fatalf("layout %d: what was in the buffer is gone", n)
			}
			rest := other.Unpack(append(packed[len(prefix):], suffix...))
			if !bytes.Equal(rest, suffix) {
				t.Fatalf("layout %d: %v follows the state, want %v", n, rest, suffix)
			}
			if a, b := s.image(), other.image(); a != b {
				t.Fatalf("layout %d: unpacked state differs\n%s\n%s", n, a, b)
			}
			if again := other.AppendPacked(nil); !bytes.Equal(again, packed[len(prefix):]) {
				t.Fatalf("layout %d: packed again it is\n%x, was\n%x", n, again, packed)
			}
		}
	}
}

// TestPackedEqualMeansEqual changes one thing at random: the packed bytes must
// differ exactly when the state does.
func TestPackedEqualMeansEqual(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	differ, same := 0, 0
	for n, l := range packedLayouts(t) {
		for range 1500 {
			s := randomState(rng, l)
			c := NewState(l)
			c.CopyFrom(s)
			what := alter(rng, c)
			equal := bytes.Equal(s.AppendPacked(nil), c.AppendPacked(nil))
			if want := s.image() == c.image(); equal != want {
				t.Fatalf("layout %d, %s changed: packed equal %t, states equal %t\n%s\n%s", n, what, equal, want, s.image(), c.image())
			}
			if equal {
				same++
			} else {
				differ++
			}
		}
	}
	if differ < 2000 || same < 200 {
		t.Errorf("%d pairs differed, %d did not", differ, same)
	}
}

// alter changes one thing in a state, perhaps to what it was.
func alter(rng *rand.Rand, s *State) string {
	o := randomState(rng, s.L)
	f := Frame(rng.IntN(s.L.Map.Frames()))
	switch what := rng.IntN(8); {
	case what == 0:
		s.SetWord(f, rng.IntN(s.L.words()), randomWord(rng))
		return "a word"
	case what == 1:
		i := rng.IntN(s.L.words())
		s.SetWord(f, i, s.Word(f, i)^1<<rng.IntN(64))
		return "a bit"
	case what == 2:
		return "CPU." + alterField(rng, reflect.ValueOf(&s.CPU).Elem(), reflect.ValueOf(o.CPU))
	case what == 3:
		return "Kernel." + alterField(rng, reflect.ValueOf(&s.Kernel).Elem(), reflect.ValueOf(o.Kernel))
	case what == 4:
		s.TLB.copyFrom(&o.TLB)
		return "TLB"
	case what == 5 && len(s.TLB.entries) > 0:
		e := &s.TLB.entries[rng.IntN(len(s.TLB.entries))]
		*[]*bool{&e.write, &e.glob}[rng.IntN(2)] = rng.IntN(2) == 0
		return "a cached translation"
	case what == 6 && s.L.Hyper != nil:
		return "record." + alterField(rng, reflect.ValueOf(&s.info[f]).Elem(), reflect.ValueOf(o.info[f]))
	case what == 7 && s.L.Hyper != nil:
		s.GDT = o.GDT
		return "GDT"
	}
	return "nothing"
}

// alterField copies one field, padding apart, from another value of the same
// struct.
func alterField(rng *rand.Rand, to, from reflect.Value) string {
	i := rng.IntN(to.NumField())
	for to.Type().Field(i).Name == "_" {
		i = rng.IntN(to.NumField())
	}
	to.Field(i).Set(from.Field(i))
	return to.Type().Field(i).Name
}

// TestPackedManyTranslations packs more cached translations than a byte counts.
func TestPackedManyTranslations(t *testing.T) {
	l := packedLayouts(t)[0]
	for _, n := range []int{253, 254, 255, 256, 600} {
		s := NewState(l)
		s.TLB.Sticky = true
		for i := range n {
			s.TLB.fill(tlbEntry{page: VA(i) << PageShift, frame: Frame(i % 5)})
		}
		c := NewState(l)
		func() {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("%d translations: %v", n, r)
				}
			}()
			c.Unpack(s.AppendPacked(nil))
		}()
		if c.image() != s.image() {
			t.Errorf("of %d cached translations %d come back, sticky %t", n, len(c.TLB.entries), c.TLB.Sticky)
		}
	}
}

// TestPackedStatesBehaveAlike runs random guests. Before each operation the
// state is packed and unpacked; both must answer alike and become alike. What
// the packed form leaves out must not matter to any later operation.
func TestPackedStatesBehaveAlike(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	tiny := func(width int, slots ...int) *Geometry {
		g, err := NewGeometry(fmt.Sprint(slots), width, slots...)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	pae, long := tiny(8, 2, 2, 4), tiny(8, 2, 2, 2, 4)
	pae.PAERoot, long.SignExtend = true, true
	for _, p := range Profiles() {
		for _, g := range []*Geometry{tiny(4, 4, 4), pae, long} {
			for _, sticky := range []bool{false, true} {
				done := map[string]int{}
				a := bootGuest(t, g, p, 14)
				a.TLB.Sticky, a.L.AccessBits = sticky, sticky
				for range 1500 {
					was := a.AppendPacked(nil)
					b := NewState(a.L)
					b.Unpack(was)
					op := randomGuestOp(rng, g)
					x, y := op.do(NewMachine(a)), op.do(NewMachine(b))
					if x != y || !bytes.Equal(a.AppendPacked(nil), b.AppendPacked(nil)) {
						before := NewState(a.L)
						before.Unpack(was)
						t.Fatalf("%s %s sticky=%t: %s: %s and %s\nbefore %s\none %s\nthe other %s", p.Name, g.Name, sticky, op.name, x, y,
							before.image(), a.image(), b.image())
					}
					done[x]++
				}
				if done["0"] < 50 || done["-EINVAL"] < 50 {
					t.Errorf("%s %s: answers %v, not much of a test", p.Name, g.Name, done)
				}
			}
		}
	}
}

// guestOp is an operation of a guest; do returns its answer.
type guestOp struct {
	name string
	do   func(m *Machine) string
}

// randomGuestOp is a hypercall or an access. Low memory is mapped at 0.
func randomGuestOp(rng *rand.Rand, g *Geometry) guestOp {
	mfn, other := MFN(rng.IntN(14)), MFN(rng.IntN(14))
	flags := []Entry{Present, Present | RW, Present | RW | User, Present | Accessed, Present | RW | Dirty, 0, Present | Global, Present | RW | PSE}
	e := MakeEntry(other, flags[rng.IntN(len(flags))])
	va := VA(rng.IntN(16)) << PageShift
	off := rng.IntN(5) * g.Width
	level, flush := 1+rng.IntN(g.Levels), UVMF(rng.IntN(3))
	rc := func(name string, do func(m *Machine) Errno) guestOp {
		return guestOp{fmt.Sprintf("%s mfn %d entry %#x va %#x off %d", name, mfn, e, va, off), func(m *Machine) string { return do(m).String() }}
	}
	switch n := rng.IntN(20); {
	case n < 5:
		return rc("mmu_update", func(m *Machine) Errno { return m.MMUUpdate(uint64(mfn)<<PageShift|uint64(off), e) })
	case n < 9:
		return rc("update_va_mapping", func(m *Machine) Errno { return m.UpdateVAMapping(va, e, flush) })
	case n < 11:
		return rc(fmt.Sprintf("pin %d", level), func(m *Machine) Errno { return m.Pin(level, mfn) })
	case n < 13:
		return rc("unpin", func(m *Machine) Errno { return m.Unpin(mfn) })
	case n < 14:
		return rc("new_baseptr", func(m *Machine) Errno { return m.NewBaseptr(mfn) })
	case n < 15:
		return rc("copy", func(m *Machine) Errno { return m.CopyFrame(mfn, other) })
	case n < 16:
		return rc("set_gdt", func(m *Machine) Errno { return m.SetGDT(mfn) })
	case n < 17:
		return rc("invlpg", func(m *Machine) Errno { return m.InvalidatePage(va) })
	}
	write := rng.IntN(2) == 0
	return guestOp{fmt.Sprintf("access %#x+%d write %t entry %#x", va, off, write, e), func(m *Machine) string {
		at := va + VA(off)
		tr, fault := m.Access(at, write)
		if !write {
			m.Commit()
			return fmt.Sprintf("load %d %d", fault, tr.Frame)
		}
		return fmt.Sprintf("store %d %d %t", fault, tr.Frame, m.StoreAt(at, &tr, fault, g.Width, uint64(e), false))
	}}
}
