package explore

import "math"

// Left estimates how many states a breadth-first search has yet to expand that ends at a depth, 0 for when
// nothing is new. The growth of levels shows it: from level to level they grow by a factor that itself falls
// by about the same factor each time, until they shrink and end. ok is false where no end is in sight yet, and
// where there are no levels: the number is not known then.
func (p *Progress) Left(depth int) (states uint64, ok bool) {
	d := len(p.Levels) - 1
	if depth > 0 && d >= 0 && d+1 >= depth {
		return p.ahead(), true
	}
	if d < fewestLevels {
		return 0, false
	}
	ratio := func(k int) float64 { return float64(p.Levels[k]) / float64(p.Levels[k-1]) }
	const back = 2 // levels over which the fall is taken
	now := ratio(d)
	fall := math.Pow(now/ratio(d-back), 1.0/back)
	switch {
	case now < 1:
		fall = min(fall, 1) // they end, whatever the last few say
	case depth == 0 && fall >= 1:
		return 0, false
	}
	size, more := float64(p.Levels[d]), 0.0
	for k := d + 1; depth == 0 || k < depth; k++ {
		now *= fall
		if size *= now; size < 1 {
			break
		}
		if more += size; more > mostLeft {
			return 0, false
		}
	}
	return p.ahead() + uint64(more), true
}

// fewestLevels is how many levels must be behind the first before their growth says something, and mostLeft is
// a number of states beyond which it says nothing.
const fewestLevels, mostLeft = 6, 1e15

// ahead are the states of the present level that wait: those waiting without the ones that it has led to.
func (p *Progress) ahead() uint64 {
	var all uint64
	for _, n := range p.Levels {
		all += n
	}
	return p.Waiting - min(p.Waiting, p.States-min(p.States, all))
}
