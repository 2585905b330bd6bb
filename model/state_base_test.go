package model

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestBaseIsAJournal has two states of the same machine go through the same changes, one
// with a journal and one with a copy of itself: what has changed, what is taken back and
// what is kept is the same.
func TestBaseIsAJournal(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	kept := 0
	for _, l := range packedLayouts(t) {
		if l.Hyper == nil {
			continue
		}
		journal := randomState(rng, l)
		copied := NewState(l)
		copied.CopyFrom(journal)
		if copied.KeepBase(); !copied.KeepsBase() {
			continue
		}
		kept++
		journal.Commit()
		for range 300 {
			changeBoth(rng, journal, copied)
			if copied.image() != journal.image() || copied.Changed() != journal.Changed() || copied.ChangedFrames() != journal.ChangedFrames() {
				t.Fatalf("changed %#x\n%s\nby the journal %#x\n%s", copied.ChangedFrames(), copied.image(), journal.ChangedFrames(), journal.image())
			}
			if got, want := lastWrites(copied), lastWrites(journal); !slices.Equal(got, want) {
				t.Fatalf("writes %v, by the journal %v", got, want)
			}
			if rng.IntN(2) == 0 {
				copied.Undo()
				journal.Undo()
			} else {
				copied.Commit()
				journal.Commit()
			}
			if copied.image() != journal.image() || copied.Changed() {
				t.Fatalf("afterwards\n%s\nby the journal\n%s", copied.image(), journal.image())
			}
		}
	}
	if kept == 0 {
		t.Error("no layout keeps a copy")
	}
}

// changeBoth changes words and records of two states alike.
func changeBoth(rng *rand.Rand, a, b *State) {
	for range rng.IntN(8) {
		f := Frame(rng.IntN(a.L.Map.Frames()))
		if rng.IntN(2) == 0 {
			n := rng.Uint32N(1000)
			a.touch(f).T += n
			b.touch(f).T += n
			continue
		}
		i, w := rng.IntN(a.L.words()), randomWord(rng)
		a.SetWord(f, i, w)
		b.SetWord(f, i, w)
	}
}

// lastWrites are the first old values of the words that differ from them, by frame and word.
func lastWrites(s *State) (out []Write) {
	seen := map[[2]int]bool{}
	for w := range s.Writes {
		at := [2]int{int(w.Frame), w.Word}
		if !seen[at] && s.Word(w.Frame, w.Word) != w.Old {
			out = append(out, w)
		}
		seen[at] = true
	}
	slices.SortFunc(out, func(a, b Write) int {
		if a.Frame != b.Frame {
			return int(a.Frame - b.Frame)
		}
		return a.Word - b.Word
	})
	return out
}
