package explore

import "math/bits"

const (
	parentWord   = 64
	parentSample = 16 // words between two samples
)

// parents remembers which state each state was found from, in a little over two bits a state. States are
// numbered in the order of their parents, so it is enough to write down, for each state in order, a 1
// for each new state found from it and then a 0. The initial states come before all of that.
type parents struct {
	roots   uint64 // number of initial states
	words   []uint64
	n       uint64   // number of bits
	samples []uint64 // number of ones before words 0, 16, 32...
	ones    uint64
}

// child notes a new state found from the state that is being expanded.
func (p *parents) child() { p.ones++; p.push(1) }

// done notes that a state has been expanded; the next in order follows.
func (p *parents) done() { p.push(0) }

// push appends one bit.
func (p *parents) push(bit uint64) {
	if p.n%parentWord == 0 {
		if len(p.words)%parentSample == 0 {
			p.samples = append(p.samples, p.ones-bit)
		}
		p.words = append(p.words, 0)
	}
	p.words[p.n/parentWord] |= bit << (p.n % parentWord)
	p.n++
}

// of returns the parent of state id; ok is false for an initial state.
func (p *parents) of(id uint64) (parent uint64, ok bool) {
	if id < p.roots {
		return 0, false
	}
	k := id - p.roots // the k-th 1 (from 0) stands for this state
	lo, hi := 0, len(p.samples)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; p.samples[mid] <= k {
			lo = mid
		} else {
			hi = mid
		}
	}
	left := k - p.samples[lo]
	w := lo * parentSample
	for ; left >= uint64(bits.OnesCount64(p.words[w])); w++ {
		left -= uint64(bits.OnesCount64(p.words[w]))
	}
	at := uint64(w)*parentWord + uint64(nthOne(p.words[w], left))
	return at - k, true // the zeros before it are the states expanded before
}

// used returns the number of bytes in use.
func (p *parents) used() uint64 { return uint64(len(p.words)+len(p.samples)) * 8 }

// nthOne returns the position of the n-th 1 of w, from 0.
func nthOne(w, n uint64) int {
	for ; n > 0; n-- {
		w &= w - 1
	}
	return bits.TrailingZeros64(w)
}
