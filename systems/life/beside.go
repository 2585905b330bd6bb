package life

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// surveyed is how many states are looked at for those in which two calls can be made side
// by side.
const surveyed = 400

// besideKey is what two calls side by side have in common with others: their kinds, and
// whether they are about the same process.
type besideKey struct {
	a, b model.CallKind
	same bool
}

func keyOf(s *model.State, c kernel.Call) besideKey {
	about := func(cpu int, c kernel.Call) int {
		if n, _ := c.LifeArgs(); n >= 0 {
			return n
		}
		return int(s.Kernel.Life.CPU[cpu].Current)
	}
	second := kernel.Call{Kind: c.Beside.Kind, Arg: uint32(c.Beside.Arg)}
	k := besideKey{c.Kind, c.Beside.Kind, about(0, c) == about(1, second)}
	if k.a > k.b {
		k.a, k.b = k.b, k.a
	}
	return k
}

// sideBySide searches the pairs of calls of two processors, each in the nearest state in
// which both can be made.
func (f family) sideBySide(o kernel.Options) ([]kernel.Part, error) {
	plain, err := f.boot(f.combination(&o, everything))
	if err != nil {
		return nil, err
	}
	if plain, err = f.finish(plain, o); err != nil {
		return nil, err
	}
	s := &kernel.System{Name: f.name, Enabled: lifeCalls, Kinds: plain.Kinds}
	seen := map[besideKey]int{}
	for i := range plain.Inits {
		var pairs []kernel.Call
		had := map[besideKey]int{}
		plain.Survey(i, surveyed, func(st *model.State, to func() []kernel.Call) bool {
			pairs = lifePairs(pairs[:0], st)
			var side []kernel.Call
			for _, c := range pairs {
				if k := keyOf(st, c); had[k] == 0 {
					had[k]++
					seen[k]++
					side = append(side, c)
				}
			}
			if side != nil {
				at := plain.Wayside(i, to())
				at.Side = side
				s.Inits = append(s.Inits, at)
			}
			return true
		})
		fmt.Println(plain.Inits[i].Name, len(had))
	}
	s.Scope = fmt.Sprintf("%d pairs of calls side by side", len(seen))
	if s, err = f.finish(s, o); err != nil {
		return nil, err
	}
	return []kernel.Part{{Name: "pairs of calls", System: s, Budget: partBudget}}, nil
}
