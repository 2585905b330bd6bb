package boot_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
)

// TestFramesAreSymmetric holds what docs/performance.md says of the symmetry of frames natively, on
// the members that make up most of the states: those of three levels without large pages. Two
// frames can be exchanged, each with its place in the direct map, if one leaf table maps both with
// the same rights and the allocator has handed out both or will hand out neither. Of other pairs
// below one leaf table some cannot. (With 8 frames the allocator hands out all that it may.) It
// is the dumb twin of what a search with symmetry stores: closures under exchanges of two frames.
func TestFramesAreSymmetric(t *testing.T) {
	s := kerneltest.New(t, boot.Native(), kernel.Options{Levels: []int{3}, Lowmem: 8})
	list, err := boot.Native().Searches(systems.Values{"levels": "3", "lowmem": "8", "symmetry": "on"}, systems.Change{})
	if err != nil {
		t.Fatal(err)
	}
	x := list[0].Model().(interface {
		explore.Model
		explore.Orbiter
	})
	members, every := 0, 61
	if longtest.On() {
		every = 7
	}
	for i := range s.Inits {
		st := s.Inits[i].State
		if st.L.Kernel.HasPSE || st.TLB.Sticky { // exchange knows neither
			continue
		}
		if members++; members > 1 && !longtest.On() {
			break
		}
		g := reach(s, i)
		classes, stored := map[string]string{}, map[string]bool{}
		var kept, broken [numPairs]int
		for n, packed := range g.states {
			least, size := g.least(packed)
			x.Decode(packed)
			if x.Orbit() != uint64(size) {
				t.Fatalf("%s: a class of %d states, by exchanges of two frames of %d", s.Inits[i].Name, x.Orbit(), size)
			}
			canon := string(x.Canon(nil))
			if other, ok := classes[string(least)]; ok && other != canon {
				t.Fatalf("%s: two representatives of one class", s.Inits[i].Name)
			}
			classes[string(least)], stored[canon] = canon, true
			if n%every == 0 { // trying costs more than finding
				g.tryPairs(packed, &kept, &broken)
			}
		}
		t.Logf("%s: %d states in %d classes", s.Inits[i].Name, len(g.states), len(classes))
		if len(classes) == len(g.states) || len(stored) != len(classes) {
			t.Errorf("%s: %d states in %d classes with %d representatives", s.Inits[i].Name, len(g.states), len(classes), len(stored))
		}
		if kept[alike] == 0 || broken[alike] != 0 || broken[unlike] == 0 {
			t.Errorf("%s: exchanges of frames alike: %d kept, %d broken; of others %d kept, %d broken",
				s.Inits[i].Name, kept[alike], broken[alike], kept[unlike], broken[unlike])
		}
	}
	if members == 0 {
		t.Error("no member has three levels and small pages")
	}
}

// TestSymmetryOfDrawn searches drawn machines on which there are frames that no search of the family
// takes for alike, comparing each state.
func TestSymmetryOfDrawn(t *testing.T) {
	for _, x := range []struct{ what, machine string }{
		{"of two L2 tables the end of construction maps one low", "drawn-native-tiny-3-1.0.0.0.0.8"},
		{"text ends with the first byte of a frame", "drawn-native-tiny-3-1.0.0.1.1.6.0.0.2.1.1.2.0.9"},
	} {
		b := boot.Native()
		build := b.New
		b.New = func(o kernel.Options) (*kernel.System, error) {
			o.Drawn = []string{x.machine}
			return build(o)
		}
		list, err := b.Searches(systems.Values{"symmetry": "on", "recheck": "1"}, systems.Change{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := list[0].Run(t.Context(), explore.Options{MaxStates: 500})
		if err != nil || len(r.Findings) > 0 || r.AllStates <= r.States {
			t.Errorf("%s: %d states for %d, %v, %v", x.what, r.States, r.AllStates, r.Findings, err)
		}
	}
}

// Kinds of pairs of frames below one leaf table.
const (
	alike = iota
	unlike
	numPairs
)

// reached are the states of one member.
type reached struct {
	m      *kernel.Model
	other  *model.State // where exchange works
	states [][]byte
	end    model.PFN // no state has handed out this frame or one above
}

// reach collects the states of member i.
func reach(s *kernel.System, i int) *reached {
	m := s.NewModel()
	m.Init(i)
	g := &reached{m: m, other: model.NewState(m.State().L), states: [][]byte{m.Encode(nil)}}
	seen := map[string]bool{string(g.states[0]): true}
	for n := 0; n < len(g.states); n++ {
		m.Decode(g.states[n])
		g.end = max(g.end, m.State().Kernel.BootmemNext)
		m.Decode(g.states[n])
		for _, c := range m.Calls(nil) {
			if m.Apply(c).Kind == explore.Moved {
				if next := m.Encode(nil); !seen[string(next)] {
					seen[string(next)] = true
					g.states = append(g.states, next)
				}
			}
			m.Restore()
		}
	}
	return g
}

// pairs calls f for each pair of frames below one leaf table that the kernel's image does not
// occupy, with its kind in state s.
func (g *reached) pairs(s *model.State, f func(a, b model.PFN, kind int)) {
	k := &s.L.Kernel
	per := model.PFN(s.L.Geo.Slots[1])
	part := func(p model.PFN) int { // of what the allocator knows
		switch {
		case p < s.Kernel.BootmemNext:
			return 0
		case p < g.end:
			return 1 + int(p) // each comes in its turn
		}
		return -1
	}
	text := func(p model.PFN) bool { return s.L.VA(p.PA()) <= k.TextEnd }
	end := k.MaxLowPFN
	if k.Root > k.BootmemFirst {
		end = k.Root
	}
	for a := k.BootmemFirst; a < end; a++ {
		for b := a + 1; b < end && b/per == a/per; b++ {
			kind := unlike
			if part(a) == part(b) && text(a) == text(b) {
				kind = alike
			}
			f(a, b, kind)
		}
	}
}

// exchange is the packed state in which frames a and b, and their places in the direct map, have
// changed parts.
func (g *reached) exchange(packed []byte, a, b model.PFN) []byte {
	g.m.Decode(packed)
	s, o := g.m.State(), g.other
	o.CopyFrom(s)
	to := func(f model.Frame) model.Frame {
		switch f {
		case model.Frame(a):
			return model.Frame(b)
		case model.Frame(b):
			return model.Frame(a)
		}
		return f
	}
	direct := g.leafTable(s, a)
	geo := s.L.Geo
	for f := range model.Frame(s.L.Kernel.MaxLowPFN) {
		for slot := range len(s.Words(model.Frame(s.L.Kernel.Root))) {
			e, at := s.Entry(geo, f, slot), slot
			if m := model.Frame(e.MFN()); e.Is(model.Present) && to(m) != m {
				e = model.MakeEntry(model.MFN(to(m)), e.Flags())
			}
			if first := a &^ (model.PFN(geo.Slots[1]) - 1); f == direct && slot < geo.Slots[1] {
				at = int(to(model.Frame(first)+model.Frame(slot))) - int(first)
			}
			o.SetEntry(geo, to(f), at, e)
		}
	}
	o.Commit()
	o.CPU.CR3, o.Kernel.Second, o.Kernel.InitMM = to(s.CPU.CR3), to(s.Kernel.Second), to(s.Kernel.InitMM)
	return o.AppendPacked(packed[:1:1]) // behind the number of the member
}

// leafTable is the table of the kernel's that maps a frame of low memory.
func (g *reached) leafTable(s *model.State, p model.PFN) model.Frame {
	if s.Kernel.Phase == model.PhaseBoot {
		return model.NoFrame // the boot's own directory is there yet, and maps all alike
	}
	t, _ := s.WalkFrom(s.L.Geo, model.Frame(s.L.Kernel.Root), s.L.VA(p.PA()))
	if t.Level != 1 {
		return model.NoFrame
	}
	return t.Table
}

// least is the least of the states that exchanges of frames alike lead to, and how many these are.
func (g *reached) least(packed []byte) ([]byte, int) {
	seen := map[string]bool{string(packed): true}
	all := [][]byte{packed}
	for n := 0; n < len(all); n++ {
		g.m.Decode(all[n])
		g.pairs(g.m.State(), func(a, b model.PFN, kind int) {
			if kind != alike {
				return
			}
			if x := g.exchange(all[n], a, b); !seen[string(x)] {
				seen[string(x)] = true
				all = append(all, x)
			}
		})
	}
	return slices.MinFunc(all, bytes.Compare), len(all)
}

// tryPairs exchanges each pair in a state and counts, by kind, the exchanges after which every call,
// its frame exchanged too, does what it did before, and the others.
func (g *reached) tryPairs(packed []byte, kept, broken *[numPairs]int) {
	g.m.Decode(packed)
	s := model.NewState(g.other.L)
	s.CopyFrom(g.m.State())
	g.pairs(s, func(a, b model.PFN, kind int) {
		if g.carries(packed, a, b) {
			kept[kind]++
		} else {
			broken[kind]++
		}
	})
}

// carries reports whether the exchange of a and b carries the calls of a state over.
func (g *reached) carries(packed []byte, a, b model.PFN) bool {
	m, image := g.m, g.exchange(packed, a, b)
	m.Decode(packed)
	for _, code := range m.Calls(nil) {
		m.Decode(packed)
		o := m.Apply(code)
		want := g.exchange(m.Encode(nil), a, b)
		c := kernel.CallOf(code)
		if c.Kind == model.CallMap && c.Arg == uint32(a) {
			c.Arg = uint32(b)
		} else if c.Kind == model.CallMap && c.Arg == uint32(b) {
			c.Arg = uint32(a)
		}
		m.Decode(image)
		if m.Apply(c.Code()) != o || !bytes.Equal(m.Encode(nil), want) {
			return false
		}
	}
	return true
}
