package model

import (
	"fmt"
	"math/rand"
	"testing"
)

// pvdpStart returns the start of the reference model PV-DP(frames, levels,
// slots): frame n is the table of level levels-n, the leaf table maps the last
// frames, tables read-only.
func pvdpStart(tb testing.TB, frames, levels, slots int, p *Profile) *State {
	shape := make([]int, levels)
	for i := range shape {
		shape[i] = slots
	}
	geo, err := NewGeometry("pvdp", 8, shape...)
	if err != nil {
		tb.Fatal(err)
	}
	s := NewState(&Layout{Geo: geo, Map: IdentityMap(frames), Hyper: &Hyper{Profile: p}})
	for f := range levels - 1 {
		s.SetEntry(geo, Frame(f), 0, MakeEntry(MFN(f+1), Present|RW))
	}
	for i := range min(slots, frames) {
		f := frames - 1 - i
		flags := Present
		if f >= levels {
			flags |= RW
		}
		s.SetEntry(geo, Frame(levels-1), i, MakeEntry(MFN(f), flags))
	}
	if rc := s.AdoptGuest(0); rc != OK {
		tb.Fatal(rc)
	}
	return s
}

// pvdpMoves returns all entries of PV-DP.
func pvdpEntries(frames int) []Entry {
	all := []Entry{0}
	for f := range frames {
		all = append(all, MakeEntry(MFN(f), Present), MakeEntry(MFN(f), Present|RW))
	}
	return all
}

// BenchmarkPVDP carries out random operations of the PV-DP alphabet.
func BenchmarkPVDP(b *testing.B) {
	for _, p := range []*Profile{Plain(), Xen31(), Xen417(), Ideal()} {
		b.Run(p.Name, func(b *testing.B) {
			const frames, levels, slots = 4, 2, 1
			s := pvdpStart(b, frames, levels, slots, p)
			entries := pvdpEntries(frames)
			rnd := rand.New(rand.NewSource(1))
			type move struct {
				kind, f, n uint8
			}
			moves := make([]move, 4096)
			for i := range moves {
				moves[i] = move{uint8(rnd.Intn(6)), uint8(rnd.Intn(frames)), uint8(rnd.Intn(len(entries)))}
			}
			done := 0
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				m := &moves[i&4095]
				var rc Errno
				switch m.kind {
				case 0:
					rc = s.pin(1+int(m.n&1), MFN(m.f))
				case 1:
					rc = s.unpin(MFN(m.f))
				case 2:
					rc = s.newBaseptr(MFN(m.f))
				default:
					if s.info[m.f].Typ.Level() > 0 && s.info[m.f].T > 0 {
						rc = s.mmuUpdate(uint64(m.f)<<PageShift, entries[m.n])
					}
				}
				s.Commit()
				if rc == OK {
					done++
				}
			}
			b.ReportMetric(100*float64(done)/float64(b.N), "%done")
		})
	}
}

// pvdpKey is a PV-DP state.
func pvdpKey(s *State) string {
	key := fmt.Sprint(s.CPU.CR3)
	for f := range s.info {
		i := s.info[f]
		if i.T == 0 {
			i.Typ = TypeNone
		}
		key += fmt.Sprint(" ", i.Typ, i.T, i.Is(Pinned))
		for w := range s.L.words() {
			key += fmt.Sprint(",", s.Word(Frame(f), w))
		}
	}
	return key
}

// successors calls yield for each enabled action of PV-DP.
func pvdpSuccessors(s, next *State, entries []Entry, yield func(*State)) {
	g := s.L.Geo
	frames := len(s.info)
	try := func(op func(n *State) bool) {
		next.CopyFrom(s)
		if op(next) {
			yield(next)
		}
	}
	for f := range frames {
		i := s.info[f]
		for slot := range g.Slots[1] {
			for _, e := range entries {
				if e == s.Entry(g, Frame(f), slot) {
					continue
				}
				ptr := uint64(f)<<PageShift + uint64(8*slot)
				if i.T > 0 && i.Typ.Level() > 0 {
					try(func(n *State) bool { return n.mmuUpdate(ptr, e) == OK })
				} else if i.T > 0 && i.Typ == TypeWritable {
					try(func(n *State) bool { n.SetEntry(g, Frame(f), slot, e); return true })
				}
			}
		}
		for level := 1; level <= g.Levels && !i.Is(Pinned); level++ {
			try(func(n *State) bool { return n.pin(level, MFN(f)) == OK })
		}
		if i.Is(Pinned) {
			try(func(n *State) bool { return n.unpin(MFN(f)) == OK })
		}
		if Frame(f) != s.CPU.CR3 {
			try(func(n *State) bool { return n.newBaseptr(MFN(f)) == OK })
		}
	}
}

// TestPVDPGraph explores PV-DP(3,2,1): states, transitions and diameter are those
// on which other model checkers agree.
func TestPVDPGraph(t *testing.T) {
	start := pvdpStart(t, 3, 2, 1, Plain())
	entries := pvdpEntries(3)
	seen := map[string]bool{pvdpKey(start): true}
	level := []*State{start}
	transitions, depth := 0, 0
	next := pvdpStart(t, 3, 2, 1, Plain())
	for ; len(level) > 0; depth++ {
		var following []*State
		for _, s := range level {
			pvdpSuccessors(s, next, entries, func(n *State) {
				transitions++
				if k := pvdpKey(n); !seen[k] {
					seen[k] = true
					c := pvdpStart(t, 3, 2, 1, Plain())
					c.CopyFrom(n)
					following = append(following, c)
				}
			})
		}
		level = following
	}
	if len(seen) != 4140 || transitions != 46284 || depth-1 != 10 {
		t.Errorf("%d states, %d transitions, diameter %d; want 4140, 46284, 10", len(seen), transitions, depth-1)
	}
}
