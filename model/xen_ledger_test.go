package model

import (
	"fmt"
	"math/rand"
	"testing"
)

// difference says in what a ledger differs from a census of the same state; two types for
// one frame are a difference only if one of them does not see them.
func (l *Ledger) difference(c *Census, s *State) string {
	c.Take(s)
	clash, _, _ := c.Clash()
	mine := NoFrame
	for f := range l.uses {
		if _, _, yes := l.Clash(Frame(f)); yes && mine == NoFrame {
			mine = Frame(f)
		}
	}
	if (clash == NoFrame) != (mine == NoFrame) {
		return fmt.Sprintf("frame %d is used as two types, the ledger says %d", clash, mine)
	}
	if clash != NoFrame {
		return ""
	}
	for f := range c.Tallies {
		if c.Tallies[f] != l.Tallies[f] {
			return fmt.Sprintf("frame %d is %+v, the ledger says %+v", f, c.Tallies[f], l.Tallies[f])
		}
	}
	return ""
}

// TestLedgerFollows keeps a ledger through random operations under every profile, with
// interrupted audits, scribbled memory and forged records among them, and recounts after
// each.
func TestLedgerFollows(t *testing.T) {
	const seeds, ops = 8, 300
	for _, w := range worlds() {
		t.Run(w.name, func(t *testing.T) {
			for seed := range int64(seeds) {
				s, rnd := w.start(t), rand.New(rand.NewSource(seed))
				g := guest{rnd, &w, s}
				var l Ledger
				var c Census
				l.Begin(s)
				for n := range ops {
					s.preempt = 0
					if rnd.Intn(4) == 0 {
						s.preempt = 1 + rnd.Intn(5)
					}
					text, rc := g.step()
					if seed >= seeds/2 && rnd.Intn(3) == 0 {
						text, rc = g.scribble(), OK
					}
					l.Follow(s)
					s.Commit()
					if d := l.difference(&c, s); d != "" {
						t.Fatalf("seed %d, operation %d, %s = %v: %s", seed, n, text, rc, d)
					}
				}
			}
		})
	}
}

// scribble changes memory or a record without asking anybody.
func (g *guest) scribble() string {
	s, f := g.s, Frame(g.Intn(g.frames))
	if g.Intn(3) > 0 {
		slot := g.Intn(3)
		s.SetEntry(g.geo, f, slot, g.entry())
		return fmt.Sprintf("scribble %d[%d]", f, slot)
	}
	i := s.touch(f)
	switch g.Intn(5) {
	case 0:
		i.Flags ^= Allocated
	case 1:
		i.Flags ^= Validated
	case 2:
		i.Flags ^= Partial | PartialEntry
		i.NrValid = uint16(g.Intn(3))
	case 3:
		i.Typ = Type(g.Intn(int(TypeWritable) + 1))
	case 4:
		i.T = uint32(g.Intn(3))
	}
	return fmt.Sprintf("forge the record of %d", f)
}

// TestLedgerWork follows the same operations in memories of several sizes: what has to be
// looked at does not depend on the size.
func TestLedgerWork(t *testing.T) {
	var first uint64
	for _, frames := range []int{1 << 10, 1 << 16, 1 << 20} {
		s := &State{}
		*s = *NewState(&Layout{Geo: AMD64(), Map: IdentityMap(frames), Hyper: &Hyper{Profile: Xen417()}})
		if rc := s.AdoptGuest(0); rc != OK {
			t.Fatal(rc)
		}
		var l Ledger
		l.Begin(s)
		before := l.Work
		for f := Frame(1); f < 200; f++ {
			s.SetEntry(s.L.Geo, f, 0, MakeEntry(MFN(f)+200, Present|RW|User))
			for _, rc := range []Errno{s.pin(1, MFN(f)), s.mmuUpdate(uint64(f)<<PageShift+8, MakeEntry(MFN(f)+300, Present|User)), s.unpin(MFN(f))} {
				if rc != OK {
					t.Fatal(rc)
				}
				l.Follow(s)
				l.Changed()
				l.Forget()
				s.Commit()
			}
		}
		work := l.Work - before
		if first == 0 {
			first = work
		}
		if work != first {
			t.Errorf("%d frames: %d entries and frames looked at; %d in a small memory", frames, work, first)
		}
	}
}
