package model

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFrameSet changes sets at random, and plain lists of frames beside them. Copies that
// were made on the way stay as they were.
func TestFrameSet(t *testing.T) {
	const frames = 200
	rng := rand.New(rand.NewPCG(3, 1))
	type both struct {
		set  FrameSet
		list [frames]bool
	}
	check := func(x *both) {
		n, ranges := 0, slices.Collect(x.set.Ranges)
		for p := range PFN(frames) {
			if x.set.Has(p) != x.list[p] {
				t.Fatalf("frame %d: %v in %v", p, x.set.Has(p), ranges)
			}
			if x.list[p] {
				n++
			}
			next, ok := x.set.Next(p)
			if want := slices.Index(x.list[p:], true); ok != (want >= 0) || ok && next != p+PFN(want) {
				t.Fatalf("from %d on the first is %d, %v in %v", p, next, ok, ranges)
			}
		}
		if x.set.Len() != n || x.set.Empty() != (n == 0) {
			t.Fatalf("%d frames in %v, want %d", x.set.Len(), ranges, n)
		}
		for i, r := range ranges {
			if r.Len() <= 0 || i > 0 && (ranges[i-1].To > r.From || ranges[i-1].To == r.From && r.From != lowFrames) {
				t.Fatalf("ranges %v", ranges)
			}
		}
		packed := x.set.packMore(nil, true)
		back := FrameSet{low: x.set.low}
		if rest := back.unpackMore(append(packed, 7), true); len(rest) != 1 || !slices.Equal(slices.Collect(back.Ranges), ranges) {
			t.Fatalf("%v comes back as %v", ranges, slices.Collect(back.Ranges))
		}
	}
	var copies []both
	var x both
	for range 3000 {
		from := PFN(rng.IntN(frames))
		r := FrameRange{from, min(from+PFN(rng.IntN(20)), frames)}
		in := rng.IntN(2) == 0
		if in {
			x.set = x.set.Add(r)
		} else {
			x.set = x.set.Remove(r)
		}
		for p := r.From; p < r.To; p++ {
			x.list[p] = in
		}
		check(&x)
		if rng.IntN(50) == 0 {
			copies = append(copies, x)
		}
	}
	for i := range copies {
		check(&copies[i])
		y := copies[rng.IntN(len(copies))]
		u, m := both{set: copies[i].set.Union(y.set)}, both{set: copies[i].set.Minus(y.set)}
		first := -1
		for p := range y.list {
			u.list[p], m.list[p] = copies[i].list[p] || y.list[p], copies[i].list[p] && !y.list[p]
			if first < 0 && copies[i].list[p] && y.list[p] {
				first = p
			}
		}
		check(&u)
		check(&m)
		if p, ok := copies[i].set.Meets(y.set); ok != (first >= 0) || ok && int(p) != first {
			t.Fatalf("two sets meet at %d, %v, want %d", p, ok, first)
		}
	}
}

// TestFrameSetOddRanges has ranges that are empty or reach to the end of the first 64.
func TestFrameSetOddRanges(t *testing.T) {
	s := FrameSet{}.Add(FrameRange{3, 7}).Add(FrameRange{60, 64}).Remove(FrameRange{5, 6}).Add(FrameRange{9, 9}).Remove(FrameRange{4, 2})
	if s != LowFrames(1<<3|1<<4|1<<6|15<<60) || !s.IsSmall() {
		t.Errorf("%v", slices.Collect(s.Ranges))
	}
	if In(s, NoFrame) || !In(s, 63) || In(s, 64) {
		t.Error("members beyond the ends")
	}
}

// TestRefCounts counts references at random, small frames and large ones.
func TestRefCounts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var r RefCounts
	want := map[Frame]int{}
	for range 3000 {
		f, n := Frame(rng.IntN(130)), rng.IntN(3)
		was := r
		had := want[f]
		r.Set(f, n)
		if was.Of(f) != had {
			t.Fatalf("a copy changed as well: frame %d has %d, had %d", f, was.Of(f), had)
		}
		want[f] = n
		for f, n := range want {
			if r.Of(f) != n {
				t.Fatalf("frame %d has %d, want %d", f, r.Of(f), n)
			}
		}
		var back RefCounts
		if rest := back.unpack(append(r.pack(nil, true), 7), true); len(rest) != 1 {
			t.Fatalf("%d bytes are left", len(rest))
		}
		for f := range Frame(130) {
			if back.Of(f) != r.Of(f) {
				t.Fatalf("frame %d comes back with %d, had %d", f, back.Of(f), r.Of(f))
			}
		}
	}
}
