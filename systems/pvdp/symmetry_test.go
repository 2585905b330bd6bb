package pvdp

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// renamed returns the packed working state of m with its frames renamed by perm
// and the slots of each frame, in its new name, reordered by slots.
func renamed(m *Model, perm []int, slots [][]int) []byte {
	p := &m.pack
	s := packedState{cr3: model.Frame(perm[m.s.CPU.CR3]), user: m.s.CPU.UserCR3}
	if s.user != model.NoFrame {
		s.user = model.Frame(perm[s.user])
	}
	for _, f := range m.s.GDT {
		s.gdt |= 1 << uint(perm[f])
	}
	for f := range m.a.frames {
		to := perm[f]
		var content uint64
		for slot := range m.a.slots {
			e := m.s.Entry(m.a.geo, model.Frame(f), slot)
			if e != 0 {
				e = model.MakeEntry(model.MFN(perm[e.MFN()]), e.Flags())
			}
			content |= p.number(e) << (uint(slots[to][slot]) * p.layout.entry)
		}
		s.frames[to] = packedFrame{content, p.info(m.s.InfoAt(model.Frame(f)))}
	}
	return p.write(nil, &s, m.a.frames)
}

// successors are the representatives of all states one operation away, sorted,
// with the verdict on each.
func successors(m *Model, state []byte) []string {
	m.Decode(state)
	var out []string
	for _, c := range m.Calls(nil) {
		if m.Apply(c).Kind == explore.Moved {
			out = append(out, string(m.Canon(nil)))
		}
		m.Restore()
	}
	sort.Strings(out)
	return out
}

// TestSymmetryIsTrue renames frames, and slots where they are declared
// interchangeable, of states on random walks: the representative is the same, the
// verdict is the same, and so are the representatives of all successors.
func TestSymmetryIsTrue(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(Options) (*Guest, error)
		o     Options
	}{
		{"pvdp", NewReference, Options{Frames: 4, Levels: 2, Slots: 1}},
		{"pvdp with slots", NewReference, Options{Frames: 3, Levels: 2, Slots: 3}},
		{"pvdp of three levels", NewReference, Options{Frames: 5, Levels: 3, Slots: 2}},
		{"adversary", New, Options{Frames: 5, Levels: 3, Slots: 2, Ops: OpNames(), Flags: []string{"P", "PW", "PWU"}, Profile: model.Ideal()}},
		{"leaking adversary", New, Options{Frames: 5, Levels: 4, Slots: 2, Ops: []string{"mu", "pin", "unpin"}, Flags: []string{"P", "PS"}, Profile: model.Xen417()}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := c.build(c.o)
			if err != nil {
				t.Fatal(err)
			}
			m, err := a.NewModel()
			if err != nil {
				t.Fatal(err)
			}
			rnd := rand.New(rand.NewPCG(1, 2))
			for range 12 {
				m.Init(0)
				for range 20 {
					calls := m.Calls(nil)
					m.Apply(calls[rnd.IntN(len(calls))])
					m.Decode(m.Encode(nil))
					compareRenamed(t, m, rnd)
				}
			}
		})
	}
}

func compareRenamed(t *testing.T, m *Model, rnd *rand.Rand) {
	t.Helper()
	state := m.Encode(nil)
	canon, verdict := m.Canon(nil), m.CheckState()
	perm := rnd.Perm(m.a.frames)
	slots := make([][]int, m.a.frames)
	for f := range slots {
		for s := range m.a.slots {
			slots[f] = append(slots[f], s)
		}
		if m.a.slotSymmetry {
			slots[f] = rnd.Perm(m.a.slots)
		}
	}
	other := renamed(m, perm, slots)
	want := successors(m, state)
	got := successors(m, other)
	m.Decode(other)
	if !bytes.Equal(m.Canon(nil), canon) {
		t.Fatalf("%x and %x, the same but for names %v %v, have different representatives", state, other, perm, slots)
	}
	if v := m.CheckState(); v != verdict {
		t.Fatalf("verdict %v, renamed %v", verdict, v)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%x has %d successors up to names, renamed %d others", state, len(want), len(got))
	}
	m.Decode(state)
}
