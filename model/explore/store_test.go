package explore

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

// TestArena stores states of all lengths and reads them in order and at random.
func TestArena(t *testing.T) {
	for _, size := range []int{0, 1, 8, 9, 16, 17, 1000} {
		var mem memory
		a := newArena(size, &mem)
		for round := range 2 {
			r := rand.New(rand.NewPCG(uint64(size), uint64(round)))
			var states [][]byte
			var places []ref
			for i := range 3000 {
				n := size
				if size == 0 {
					n = r.IntN(5000)
					if i%500 == 0 {
						n = maxStateLen - r.IntN(2) // few of these fit into a chunk
					}
				}
				s := make([]byte, n)
				for k := range s {
					s[k] = byte(r.Uint32())
				}
				states = append(states, s)
				places = append(places, a.append(s))
			}
			at := a.start(0)
			for i, want := range states {
				got, after := a.next(at)
				if at != places[i] || !bytes.Equal(got, want) || a.find(uint64(i)) != places[i] || !bytes.Equal(a.at(places[i]), want) {
					t.Fatalf("size %d: state %d of %d bytes is wrong", size, i, len(want))
				}
				at = after
			}
			if at != a.end {
				t.Errorf("size %d: the end is at %d, not %d", size, at, a.end)
			}
			a.reset()
		}
		mem.close()
	}
}

// TestSameHash puts many states of one hash into the stores, whose home slot is the last: all have the same tag,
// and they wrap around.
func TestSameHash(t *testing.T) {
	const n = 500
	for _, hash := range []uint64{^uint64(0), 0, 1 << 40} {
		var mem memory
		x := newExact(16, &mem)
		in := filler{to: &x.table}
		for i := range uint64(n) {
			in.add(hash, slotValue(hash, x.arena.appendWords(i, i*i)))
		}
		in.flush()
		items := make([]pending, 2*n)
		for i := range items {
			items[i] = pending{hash: hash, a: uint64(i), b: uint64(i * i)}
		}
		x.find(items, nil)
		for i, p := range items {
			if (p.cand != 0) != (i < n) {
				t.Errorf("hash %x: state %d: found %v", hash, i, p.cand != 0)
			}
		}
		mem.close()
	}
}

// TestFresh enters states with few different hashes from several goroutines, and looks whether each is there
// once, with the least of its keys.
func TestFresh(t *testing.T) {
	const crew, states = 4, 3000
	perWorker := 8000
	if longtest.On() {
		perWorker = 20_000
	}
	for _, words := range []bool{true, false} {
		var mem memory
		f := fresh{words: words, table: mem.slots(1 << 15)}
		for i := range crew {
			f.owners = append(f.owners, &owner{id: uint64(i), recs: mem.records(states)})
		}
		for range 2 {
			least := make([]uint64, states)
			for i := range least {
				least[i] = noKey
			}
			inputs := make([][]pending, crew)
			for i := range crew {
				r := rand.New(rand.NewPCG(uint64(i), 7))
				for k := range uint64(perWorker) {
					v := r.Uint64N(states)
					p := pending{key: k*crew + uint64(i), hash: v % 700 << 20, a: v, b: v / 3}
					least[v] = min(least[v], p.key)
					inputs[i] = append(inputs[i], p)
				}
			}
			var wait sync.WaitGroup
			for i := range crew {
				wait.Go(func() {
					for _, p := range inputs[i] {
						if err := f.insert(f.owners[i], &p, fmt.Append(nil, p.a)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wait.Wait()
			total := 0
			for _, o := range f.owners {
				for _, r := range o.recs[:o.n] {
					v := r.a
					if !words {
						fmt.Sscan(string(o.state(&r)), &v)
					}
					if r.key != least[v] {
						t.Errorf("state %d has key %d, not %d", v, r.key, least[v])
					}
					least[v] = noKey // not a second time
					total++
				}
			}
			if total < states*9/10 || total > states {
				t.Errorf("%d records", total)
			}
			f.clear()
			if i := slices.IndexFunc(f.table, func(s uint64) bool { return s != 0 }); i >= 0 {
				t.Errorf("slot %d is not empty after clear", i)
			}
		}
		mem.close()
	}
}

func TestParents(t *testing.T) {
	for _, roots := range []uint64{1, 3} {
		p := parents{roots: roots}
		r := rand.New(rand.NewPCG(roots, 2))
		var want []uint64
		for state := range uint64(5000) {
			children := 0
			switch {
			case state%1000 > 900:
			case state%70 == 0:
				children = r.IntN(200)
			default:
				children = r.IntN(3)
			}
			for range children {
				p.child()
				want = append(want, state)
			}
			p.done()
		}
		for i := range roots {
			if _, ok := p.of(i); ok {
				t.Errorf("initial state %d has a parent", i)
			}
		}
		for i, w := range want {
			if got, ok := p.of(roots + uint64(i)); !ok || got != w {
				t.Fatalf("roots %d: parent of %d: %d %v, want %d", roots, roots+uint64(i), got, ok, w)
			}
		}
		q := parents{words: slices.Clone(p.words)}
		q.restore(roots, p.n)
		if !slices.Equal(q.words, p.words) || !slices.Equal(q.samples, p.samples) || q.ones != p.ones {
			t.Error("restore makes something else")
		}
	}
}

func TestSortItems(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var spare []item
	for n := range 300 {
		items := make([]item, n)
		for i := range items {
			items[i] = item{r.Uint64() >> r.IntN(64) &^ 0xff00, uint64(i)}
		}
		want := slices.Clone(items)
		slices.SortStableFunc(want, func(a, b item) int {
			if a.key < b.key {
				return -1
			} else if a.key > b.key {
				return 1
			}
			return 0
		})
		spare = sortItems(items, spare)
		if !slices.Equal(items, want) {
			t.Fatalf("%d items: %v", n, items)
		}
	}
}

// TestHashes looks for collisions and for uneven bits among similar states.
func TestHashes(t *testing.T) {
	const n = 1 << 18
	buf := make([]byte, 40)
	for name, hash := range map[string]func(i uint64) uint64{
		"words low":    func(i uint64) uint64 { return hashWords(i, 0) },
		"words high":   func(i uint64) uint64 { return hashWords(0, i<<40) },
		"words both":   func(i uint64) uint64 { return hashWords(i&511, i>>9) },
		"second words": func(i uint64) uint64 { return hashWords2(i&511, i>>9) },
		"bytes end": func(i uint64) uint64 {
			buf[38], buf[39], buf[37] = byte(i), byte(i>>8), byte(i>>16)
			return hashBytes(buf)
		},
		"bytes lengths": func(i uint64) uint64 { buf[0], buf[1] = byte(i), byte(i>>8); return hashBytes(buf[:2+i>>16]) },
	} {
		clear(buf)
		seen := make([]uint64, 0, n)
		var ones [64]int
		for i := range uint64(n) {
			h := hash(i)
			seen = append(seen, h)
			for b := range ones {
				ones[b] += int(h >> b & 1)
			}
		}
		slices.Sort(seen)
		if len(slices.Compact(seen)) != n {
			t.Errorf("%s: collisions", name)
		}
		for b, k := range ones {
			if k < n*49/100 || k > n*51/100 {
				t.Errorf("%s: bit %d is set in %d of %d", name, b, k, n)
			}
		}
	}
}

// TestCallLog remembers small and large numbers.
func TestCallLog(t *testing.T) {
	var mem memory
	l := callLog{mem: &mem}
	at := func(i uint32) uint32 { return i * 7919 % maxCalls }
	for i := range uint32(200_000) {
		l.add(at(i))
	}
	for i := range uint32(200_000) {
		if got := l.at(uint64(i)); got != at(i) {
			t.Fatalf("entry %d is %d, not %d", i, got, at(i))
		}
	}
}

// TestOmission checks the bound on lost states by losing some: with a hash of few bits it must be near 1.
func TestOmission(t *testing.T) {
	if p := omission(1<<32, 1); p != 0.5 {
		t.Errorf("2^32 states in 64 bits: %g", p)
	}
	if p := omission(1<<40, 1); p != 1 {
		t.Errorf("2^40 states in 64 bits: %g", p)
	}
	if p := omission(17_776_000, 2); p <= 0 || p > 1e-24 {
		t.Errorf("17 million states in 128 bits: %g", p)
	}
}
