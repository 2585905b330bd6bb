package explore

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// entriesOf draws entries with states of a length, or of all lengths.
func entriesOf(r *rand.Rand, n, size int) (all []entry) {
	for range n {
		k := size
		if size == 0 {
			if k = r.IntN(50); r.IntN(100) == 0 {
				k = r.IntN(3 * spillBlock)
			}
		}
		state := make([]byte, k)
		for i := range state {
			state[i] = byte(r.Uint32())
		}
		all = append(all, entry{r.Uint64(), r.Uint64(), state})
	}
	return all
}

// filled writes entries to a file.
func filled(t *testing.T, name string, l layout, buffer int, all []entry) *sink {
	t.Helper()
	to, err := newSink(osFiles{}, name, l, buffer)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		to.put(&all[i])
	}
	return to
}

// TestSpill writes entries of all layouts, and reads them with buffers of all sizes.
func TestSpill(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		l := layout{hash: seed%2 == 0, key: seed%3 == 0, size: []int{0, 1, 16, 5000}[seed%4]}
		all := entriesOf(r, r.IntN(2000), l.size)
		name := filepath.Join(t.TempDir(), "x")
		s, err := filled(t, name, l, r.IntN(5*spillBlock), all).finish()
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(name); err != nil || uint64(info.Size()) != s.bytes || s.entries != uint64(len(all)) {
			t.Errorf("%v: %d bytes, %d entries, %v", l, s.bytes, s.entries, err)
		}
		from, err := newSource(osFiles{}, s, l, r.IntN(5*spillBlock))
		for i := 0; err == nil && !from.done; i++ {
			want := all[i]
			if e := from.entry; !bytes.Equal(e.state, want.state) || l.hash && e.hash != want.hash || l.key && e.key != want.key {
				t.Fatalf("%v: entry %d of %d is wrong", l, i, len(all))
			}
			err = from.next()
		}
		if err != nil || from.left > 0 {
			t.Errorf("%v: %d left, %v", l, from.left, err)
		}
		from.close()
	}
}

// TestSpillWhileWritten reads states from all places of a file that is still being written.
func TestSpillWhileWritten(t *testing.T) {
	for _, size := range []int{0, 3, 24} {
		x, err := newDisk(Options{Disk: t.TempDir(), files: osFiles{}}, size, new(memory))
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(uint64(size), 1))
		all := entriesOf(r, 5000, size)
		x.states.buf = make([]byte, 0, 2*spillBlock)
		for i, e := range all {
			x.append(e.state)
			id := uint64(r.IntN(i + 1))
			if got, err := x.state(id); err != nil || !bytes.Equal(got, all[id].state) {
				t.Fatalf("size %d: state %d of %d: %v", size, id, i+1, err)
			}
		}
		x.remove()
	}
}

// TestSpillDamage wants a sentence for each way in which a file can be other than it was written.
func TestSpillDamage(t *testing.T) {
	l := layout{hash: true, size: 24}
	all := entriesOf(rand.New(rand.NewPCG(1, 1)), 1024, l.size) // 4 blocks
	for want, change := range map[string]func(s *spill, b []byte) []byte{
		"it has 16384 bytes, 32768 were written": func(_ *spill, b []byte) []byte { return b[:2*spillBlock] },
		"it has 0 bytes, 32768 were written":     func(*spill, []byte) []byte { return nil },
		"it has 32800 bytes, 32768 were written": func(_ *spill, b []byte) []byte { return append(b, b[:32]...) },
		"block 4 of 4 is not what was written":   func(_ *spill, b []byte) []byte { b[len(b)-1] ^= 4; return b },
		"block 1 of 4 is not what was written":   func(_ *spill, b []byte) []byte { return append(b[spillBlock:], b[:spillBlock]...) },
		"block 2 of 4 is not what was written":   func(_ *spill, b []byte) []byte { clear(b[spillBlock:][:1]); return b },
		"it has not all of its 1025 entries":     func(s *spill, b []byte) []byte { s.entries++; return b },
		"it has more than its 1023 entries":      func(s *spill, b []byte) []byte { s.entries--; return b },
		"no such file":                           func(s *spill, b []byte) []byte { s.name += "y"; return b },
		"it has not all of its 1024 entries":     func(s *spill, b []byte) []byte { s.bytes, s.sums = 0, nil; return nil },
		"it has 32768 bytes, 65536 were written": func(s *spill, b []byte) []byte { s.bytes *= 2; return b },
	} {
		name := filepath.Join(t.TempDir(), "x")
		s, err := filled(t, name, l, 1, all).finish()
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, change(s, b), 0o666); err != nil {
			t.Fatal(err)
		}
		from, err := newSource(osFiles{}, s, l, spillBlock)
		for err == nil && !from.done {
			err = from.next()
		}
		if err == nil || !strings.HasPrefix(err.Error(), "explore: disk: ") || !strings.Contains(err.Error(), s.name) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// TestMisfit tampers with the counts of searches, whose files are whole.
func TestMisfit(t *testing.T) {
	for want, tamper := range map[string]func(s *search, x *disk){
		"3 states have 4 parents":         func(s *search, _ *disk) { s.parents.roots++ },
		"2 of 1 are expanded":             func(s *search, _ *disk) { s.parents.done() },
		"it has not all of its 2 entries": func(_ *search, x *disk) { x.visited.entries++ },
	} {
		s, err := newSearch(newGrid(9), Options{Disk: t.TempDir()}.withDefaults())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.start(); err != nil {
			t.Fatal(err)
		}
		tamper(s, s.store.(*disk))
		if err := s.run(); !ofFile(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
		s.close()
	}
}
