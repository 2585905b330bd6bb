package hostile

import (
	"cmp"
	"slices"
)

// Tries implements [attack.Shrinking].
func (*system) Tries() int { return 100_000 }

// Scopes implements [attack.Shrinking]: there are no others.
func (*system) Scopes(*Options) []*Options { return nil }

// CompareScopes implements [attack.Shrinking].
func (*system) CompareScopes(_, _ *Options) int { return 0 }

// Compare implements [attack.Shrinking]: single operations before races, the order of
// operations, low operands.
func (x *system) Compare(a, b Op) int {
	return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.n, b.n), slices.Compare(a.args[:], b.args[:]),
		cmp.Compare(a.entry, b.entry), cmp.Compare(len(a.beside), len(b.beside)), slices.CompareFunc(a.beside, b.beside, x.Compare))
}

// Alphabet implements [attack.Shrinking]: the operations that there are, and the parts
// of races.
func (x *system) Alphabet(_ *Options, ops []Op) []Op {
	var out []Op
	for _, o := range ops {
		out = append(out, o)
		if o.place > 0 {
			alone := o
			alone.place, alone.beside = 0, nil
			out = append(append(out, alone), o.beside...)
		}
		for i := range o.beside {
			if less := o; len(o.beside) > 1 {
				less.beside = slices.Delete(slices.Clone(o.beside), i, i+1)
				out = append(out, less)
			}
		}
	}
	slices.SortFunc(out, x.Compare)
	return slices.CompactFunc(out, func(a, b Op) bool { return x.Compare(a, b) == 0 })
}

// Rewrites implements [attack.Shrinking]: there are none.
func (*system) Rewrites(*Options, []Op) [][]Op { return nil }
