package drawn

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// Draw returns a number from lo to hi, both included. name says what it is for.
type Draw func(name string, lo, hi int) int

// Yes draws a yes or no.
func (d Draw) Yes(name string) bool { return d(name, 0, 1) == 1 }

// pick draws one of several values.
func pick[T any](d Draw, name string, from ...T) T { return from[d(name, 0, len(from)-1)] }

// Shuffle draws an order of values.
func Shuffle[T any](d Draw, name string, v []T) {
	for i := len(v) - 1; i > 0; i-- {
		j := i - d(name, 0, i)
		v[i], v[j] = v[j], v[i]
	}
}

// Size says whether geometries are those of real processors or tiny ones.
type Size int

// Sizes.
const (
	Tiny Size = iota
	Real
)

// Boot is a machine at the start of the day and the hooks that it boots with.
type Boot struct {
	Backend string // native or xen
	Levels  int
	State   *model.State
	Ops     hooks.Ops
}

// textEnd draws the end of the kernel's text: in one of the first frames of low
// memory, which are mapped. What the boot allocator hands out above the kernel is not text.
func textEnd(d Draw, k *model.KernelMap, mapped int) model.VA {
	if k.BootmemFirst > k.Root {
		mapped = min(mapped, int(k.BootmemFirst))
	}
	return k.PageOffset + model.VA(d("text pages", 0, mapped-1))<<model.PageShift + pick[model.VA](d, "text rest", 0, 1, 0xfff)
}
