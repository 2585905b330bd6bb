package model

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTLBTwin fills and flushes at random, and holds a TLB to a plain list: what it has of
// each page, between two pages, and what has come since some moment.
func TestTLBTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	all, told := 0, 0
	for range 300 {
		tlb, plain := TLB{Sticky: true}, map[VA]Cached{}
		var came []VA // since the last look
		looked := tlb.Fills()
		for range 100 {
			page := VA(rng.IntN(40)) * PageSize
			switch rng.IntN(8) {
			case 0:
				tlb.flushPage(page)
				delete(plain, page)
			case 1:
				tlb.flushRange(page, page+4*PageSize)
				for n := range VA(4) {
					delete(plain, page+n*PageSize)
				}
			case 2:
				var since []VA
				if tlb.Since(looked, func(c Cached) bool { since = append(since, c.Page); return true }) {
					all++
				} else {
					told++
					came = slices.DeleteFunc(came, func(p VA) bool { _, ok := plain[p]; return !ok })
					if !slices.Equal(since, came) {
						t.Fatalf("%v have come, and it says %v", came, since)
					}
				}
				looked, came = tlb.Fills(), nil
			default:
				e := tlbEntry{page: page, frame: Frame(rng.IntN(9)), write: rng.IntN(2) > 0, user: rng.IntN(2) > 0}
				tlb.fill(e)
				plain[page] = e.cached()
				came = append(came, page)
			}
			compareTLB(t, &tlb, plain, page, page+VA(rng.IntN(9))*PageSize)
		}
	}
	if all < 100 || told < 100 {
		t.Errorf("it could tell what has come %d times, and could not %d times", told, all)
	}
}

// compareTLB looks at one page and at a range.
func compareTLB(t *testing.T, tlb *TLB, plain map[VA]Cached, from, last VA) {
	t.Helper()
	c, ok := tlb.Of(from)
	if want, has := plain[from]; c != want || ok != has || tlb.Len() != len(plain) {
		t.Fatalf("%d translations, page %#x is %+v, want %d and %+v", tlb.Len(), from, c, len(plain), want)
	}
	var want []Cached
	for page := from; page <= last; page += PageSize {
		if c, ok := plain[page]; ok {
			want = append(want, c)
		}
	}
	var got []Cached
	tlb.Between(from, last, func(c Cached) bool { got = append(got, c); return true })
	if !slices.Equal(got, want) {
		t.Fatalf("from %#x to %#x: %+v, want %+v", from, last, got, want)
	}
}

// TestTLBRenewed: who copies or decodes translations is not told which are new.
func TestTLBRenewed(t *testing.T) {
	one, other := TLB{Sticky: true}, TLB{Sticky: true}
	one.fill(tlbEntry{page: PageSize})
	nothing := func(Cached) bool { return true }
	n := other.Fills()
	other.copyFrom(&one)
	if !other.Since(n, nothing) {
		t.Error("a copy says what is new")
	}
	n = other.Fills()
	other.unpack(one.pack(nil))
	if !other.Since(n, nothing) {
		t.Error("a decoded one says what is new")
	}
}
