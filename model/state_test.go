package model

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestRollback changes memory and records at random and takes it back, to
// several marks in turn.
func TestRollback(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for n, l := range packedLayouts(t) {
		for range 50 {
			s := randomState(rng, l)
			images, marks := []string{s.image()}, []int{s.mark()}
			for range 4 {
				for range rng.IntN(20) {
					f := Frame(rng.IntN(l.Map.Frames()))
					if l.Hyper != nil && rng.IntN(3) == 0 {
						s.touch(f).T += 3
						continue
					}
					s.SetWord(f, rng.IntN(l.words()), randomWord(rng))
				}
				images, marks = append(images, s.image()), append(marks, s.mark())
			}
			for i := len(marks) - 1; i >= 0; i-- {
				if s.rollback(marks[i]); s.image() != images[i] {
					t.Fatalf("layout %d: rollback to mark %d gives\n%s, want\n%s", n, i, s.image(), images[i])
				}
			}
		}
	}
}

// TestWrites checks what the journal tells observers: each changed word with its
// old value, oldest first, nothing for a store of what is there already, nothing
// after Commit.
func TestWrites(t *testing.T) {
	l := packedLayouts(t)[2]
	s := NewState(l)
	s.SetWord(1, 0, 5)
	s.Commit()
	s.SetWord(1, 0, 5)
	s.SetWord(0, 2, 0)
	s.SetWord(1, 0, 6)
	s.touch(1).G = 9
	s.SetWord(0, 1, 7)
	s.SetWord(1, 0, 8)
	want := []Write{{1, 0, 5}, {0, 1, 0}, {1, 0, 6}}
	if got := slices.Collect(s.Writes); !slices.Equal(got, want) {
		t.Errorf("writes %+v, want %+v", got, want)
	}
	for w := range s.Writes {
		if w != want[0] {
			t.Errorf("write %+v after the loop ended", w)
		}
		break
	}
	mark := s.mark()
	s.Commit()
	if got := slices.Collect(s.Writes); len(got) != 0 || mark == 0 || s.mark() != 0 {
		t.Errorf("writes %+v after Commit", got)
	}
	if s.rollback(0); s.Word(1, 0) != 8 || s.Info(1).G != 9 {
		t.Error("a committed change was undone")
	}
}

// TestEntriesShareWords checks four-byte entries next to each other and eight-byte
// ones.
func TestEntriesShareWords(t *testing.T) {
	ls := packedLayouts(t)
	narrow, wide := NewState(ls[0]), NewState(ls[1])
	for i := range 4 {
		narrow.SetEntry(ls[0].Geo, 2, i, Entry(0xfff0_0000+i))
		wide.SetEntry(ls[1].Geo, 2, i, NX|Entry(i))
	}
	narrow.SetEntry(ls[0].Geo, 2, 1, 0x8765_4321)
	for i, want := range []Entry{0xfff0_0000, 0x8765_4321, 0xfff0_0002, 0xfff0_0003} {
		if got := narrow.Entry(ls[0].Geo, 2, i); got != want {
			t.Errorf("four-byte entry %d = %#x, want %#x", i, got, want)
		}
	}
	if got := narrow.Word(2, 0); got != 0x8765_4321_fff0_0000 {
		t.Errorf("word %#x", got)
	}
	for i := range 4 {
		if got := wide.Entry(ls[1].Geo, 2, i); got != NX|Entry(i) {
			t.Errorf("eight-byte entry %d = %#x", i, got)
		}
	}
	if narrow.Empty(2) || !narrow.Empty(3) {
		t.Error("wrong frames are empty")
	}
	narrow.SetEntry(ls[0].Geo, 3, 0, 0)
	if narrow.SetEntry(ls[0].Geo, 3, 1, 9); narrow.Empty(3) {
		t.Error("a frame with an entry is empty")
	}
}

// TestCopyFrom checks that a copy is equal and independent, whatever it was
// before, and that copying settles down to no allocation.
func TestCopyFrom(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	for n, l := range packedLayouts(t) {
		for range 50 {
			a, b := randomState(rng, l), randomState(rng, l)
			b.SetWord(0, 0, b.Word(0, 0)+1)
			if b.CopyFrom(a); b.image() != a.image() {
				t.Fatalf("layout %d: copy\n%s, want\n%s", n, b.image(), a.image())
			}
			if b.mark() != 0 {
				t.Fatalf("layout %d: the copy remembers how to undo", n)
			}
			image := b.image()
			if len(a.GDT) > 0 {
				a.GDT[0] += 7 // in place, as the next set_gdt does it
			}
			if b.image() != image {
				t.Fatalf("layout %d: the copy shares its GDT", n)
			}
			for what := ""; what == "" || a.image() == image; {
				what += alter(rng, a) + " "
				if b.image() != image {
					t.Fatalf("layout %d: changing %s of the original changed the copy", n, what)
				}
			}
			if allocs := testing.AllocsPerRun(10, func() { b.CopyFrom(a) }); allocs != 0 {
				t.Fatalf("layout %d: %v allocations a copy", n, allocs)
			}
		}
	}
}
