package boot

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// Odd members of the families: machines that nobody thought of, with whatever
// features and places of frames their number stands for, some of them with the
// geometries of real processors. They are for fuzzing; searches leave them out.

// MaxOdd is how many odd members a family has.
const MaxOdd = 1 << 16

const oddPrefix = "odd-"

// OddName is the name of odd member n.
func OddName(n int) string { return oddPrefix + strconv.Itoa(n) }

// OddNumber is the reverse of OddName.
func OddNumber(name string) (n int, ok bool) {
	digits, ok := strings.CutPrefix(name, oddPrefix)
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && n >= 0 && n < MaxOdd && OddName(n) == name
}

// oddBits are the choices that a number stands for, spread so that neighbours have
// little in common.
type oddBits uint64

func oddBitsOf(n int) oddBits {
	x := uint64(n)*0x9e3779b97f4a7c15 + 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return oddBits(x ^ x>>31)
}

// below takes a number from 0 to n-1.
func (b *oddBits) below(n int) int {
	v := int(uint64(*b) % uint64(n))
	*b /= oddBits(n)
	return v
}

func (b *oddBits) yes() bool { return b.below(2) == 1 }

// oddNative is odd member n of the native family.
func oddNative(n int) nativeCase {
	b := oddBitsOf(n)
	c := nativeCase{
		levels: 2 + b.below(2), pse: b.yes(), pge: b.yes(), low: b.yes(), sticky: b.yes(),
		prepopulated: b.yes(), highmem: b.yes(), real: b.below(8) == 0,
		textEnd: []model.VA{0, 0xfff, 0x1000, 0x1001, 0x4000, 0x7fff}[b.below(6)],
	}
	if c.levels == 3 {
		c.nx, c.wide, c.prepopulated = b.yes(), b.yes() || c.real, false
	}
	c.lowmem = 8 + b.below(c.mostLowmem()-8+1)
	return c
}

// oddXen is odd member n of the Xen family.
func oddXen(n int) xenCase {
	b := oddBitsOf(n)
	c := xenCase{
		levels: 2 + b.below(3), order: b.below(2), ro: b.yes(), sticky: b.yes(), real: b.below(8) == 0,
		p2m:     []func(int, int) int{straight, reversed, shuffled}[b.below(3)],
		profile: model.Xen31(),
	}
	if c.levels > 2 {
		c.nx = b.yes()
		if b.yes() {
			c.profile = model.Xen417()
		}
	}
	switch c.levels {
	case 3:
		c.wide = b.yes() || c.real
		if b.below(4) == 0 {
			c.p2m = high
		}
	case 4:
		c.wide, c.real = b.yes(), false
	}
	// The builder maps whole tables in the tiny geometries' families; odd ones end
	// anywhere.
	c.lowmem = 12 + b.below(9)
	c.mapped = c.lowmem - b.below(5)
	c.stale = b.below(c.mapped + 1)
	return c
}

// fits reports whether the boot allocator has enough memory for a whole boot, and
// does not run into the kernel's own frames. A boot that fails otherwise fits: it
// is what is looked for.
func fits(start *model.State, ops hooks.Ops) bool {
	s := model.NewState(start.L)
	s.CopyFrom(start)
	ops.Start(s)
	k := hooks.New(model.NewMachine(s), &ops)
	k.M.Budget = s.L.Budget()
	died := k.M.Run(func() { hooks.PagingInit(k) })
	end := s.L.Kernel.MaxLowPFN
	if root := s.L.Kernel.Root; start.Kernel.BootmemNext < root {
		end = root
	}
	return (died == nil || died.Kind != model.CrashPanic) && s.Kernel.BootmemNext <= end
}

// addOdd appends odd members to a family. Numbers whose machine does not fit its
// memory stand for the next one that does.
func addOdd(inits []kernel.Init, numbers []int, ops hooks.Ops, state func(n int) (*model.State, error)) ([]kernel.Init, error) {
	for _, n := range numbers {
		if n < 0 || n >= MaxOdd {
			return nil, fmt.Errorf("odd member %d: want 0 to %d", n, MaxOdd-1)
		}
		const tries = 64
		var err error
		var s *model.State
		for i := range tries {
			if s, err = state((n + i) % MaxOdd); err == nil {
				if fits(s, ops) {
					break
				}
				err = fmt.Errorf("too little memory")
			}
		}
		if err != nil {
			return nil, fmt.Errorf("odd member %d: %w", n, err)
		}
		inits = append(inits, kernel.Init{Name: OddName(n), State: s})
	}
	return inits, nil
}
