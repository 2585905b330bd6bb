package kernel

import (
	"bytes"
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// mostOrders bounds the orders that are tried in one state. Beyond, some states that are
// symmetric count apart.
const mostOrders = 5040

// chooser picks the representative of a state.
type chooser struct {
	looker
	image *model.State  // where the state is renamed
	to    []model.Frame // the renaming: to[f] takes over the part of f
	order []model.Frame // the frames of all groups, each group by signature
	ties  [][]model.Frame
	best  []byte
	trial []byte
	bestT []model.Frame
	hits  uint64 // orders tried that give the least state so far
	same  uint64 // orders that give the representative
	orbit uint64 // states in the class, as far as it is known
	rough bool   // too many orders: the representative is one of several
}

// choose finds a renaming that leads from a state to the representative of its class, and the
// number of states in that. It reports false where the state is its own.
func (c *chooser) choose(s *model.State, lk *likeness) bool {
	c.orbit, c.same, c.rough = 1, 1, false
	if !c.look(s, lk) {
		return false
	}
	c.sort(s)
	if len(c.ties) > 0 {
		c.tryAll(s)
	}
	c.orbit /= c.same
	for f, t := range c.to {
		if model.Frame(f) != t {
			return true
		}
	}
	return false
}

// sort orders each group by signature, and collects the frames of equal ones that are not
// certainly alike.
func (c *chooser) sort(s *model.State) {
	c.to, c.order = c.to[:0], slices.Grow(c.order[:0], mostFrames)
	for f := range model.Frame(s.L.Map.Frames()) {
		c.to = append(c.to, f)
	}
	c.ties = c.ties[:0]
	for _, g := range c.groups {
		from := len(c.order)
		c.order = append(c.order, g...)
		mine := c.order[from:]
		slices.SortStableFunc(mine, func(a, b model.Frame) int {
			switch {
			case c.sig[a] < c.sig[b]:
				return -1
			case c.sig[a] > c.sig[b]:
				return 1
			}
			return 0
		})
		c.orbit *= factorial(len(g))
		for i, f := range mine {
			c.to[f] = g[i]
		}
		c.findTies(mine)
	}
}

// findTies looks through an ordered group.
func (c *chooser) findTies(group []model.Frame) {
	for i := 0; i < len(group); {
		end, bound := i, false
		for end < len(group) && c.sig[group[end]] == c.sig[group[i]] {
			bound = bound || c.bound>>uint(group[end])&1 != 0
			end++
		}
		switch tie := group[i:end]; {
		case len(tie) == 1:
		case bound:
			c.ties = append(c.ties, tie)
		default: // nothing but their own leaves is known of them: they are alike
			c.same *= factorial(len(tie))
		}
		i = end
	}
}

// tryAll tries the orders of all ties and keeps the one whose state is the least.
func (c *chooser) tryAll(s *model.State) {
	all := uint64(1)
	for _, tie := range c.ties {
		if all *= factorial(len(tie)); all > mostOrders {
			c.rough = true
			return
		}
	}
	c.best, c.bestT = c.best[:0], append(c.bestT[:0], c.to...)
	c.hits = 0
	c.permute(s, 0, 0)
	copy(c.to, c.bestT)
	c.same *= c.hits
}

// permute tries each order of the ties from a tie on; of that tie the first frames have
// their places.
func (c *chooser) permute(s *model.State, tie, first int) {
	if tie == len(c.ties) {
		c.try(s)
		return
	}
	t := c.ties[tie]
	if first == len(t) {
		c.permute(s, tie+1, 0)
		return
	}
	for i := first; i < len(t); i++ {
		c.swap(t, first, i)
		c.permute(s, tie, first+1)
		c.swap(t, first, i)
	}
}

// swap exchanges two frames of a tie: each gets the place of the other.
func (c *chooser) swap(t []model.Frame, i, k int) {
	a, b := t[i], t[k]
	c.to[a], c.to[b] = c.to[b], c.to[a]
	t[i], t[k] = b, a
}

// try compares what the present order leads to with the least so far.
func (c *chooser) try(s *model.State) {
	c.image.Rename(s, c.to, &c.shape)
	c.trial = c.image.AppendPacked(c.trial[:0])
	switch by := bytes.Compare(c.trial, c.best); {
	case c.hits == 0 || by < 0:
		c.best, c.trial = c.trial, c.best
		copy(c.bestT, c.to)
		c.hits = 1
	case by == 0:
		c.hits++
	}
}

func factorial(n int) uint64 {
	f := uint64(1)
	for i := 2; i <= n; i++ {
		f *= uint64(i)
	}
	return f
}
