package model

import (
	"fmt"
	"math/bits"
)

// MaxLevels is the largest number of table levels of a machine that is run or searched.
const MaxLevels = 4

// mostLevels is the largest number of table levels that there is: machines that were
// recorded may have it.
const mostLevels = 5

// Geometry is the shape of a page-table tree: how many levels, how many slots
// a table of each level has and how wide an entry is. The same code serves
// real geometries and the tiny ones of exhaustive search.
//
// Levels count from the leaves: L1 tables hold page entries, the root is level
// Levels. Slot counts need not be powers of two; the index field of an address
// is rounded up to whole bits and an index beyond the last slot is unmapped.
type Geometry struct {
	Name   string
	Levels int                 // 2 to 5
	Slots  [mostLevels + 1]int // Slots[n]: entries of a level-n table; [0] unused
	Width  int                 // bytes an entry: 4 or 8
	// Large is the highest level whose entries may map a large page.
	Large int

	// PAERoot says that root entries have no R/W, U/S, A, D or NX bits and
	// grant everything, as the four page-directory-pointer entries of PAE do.
	PAERoot bool
	// SignExtend says that addresses are canonical (64-bit mode).
	SignExtend bool

	shift [mostLevels + 2]uint // shift[n]: lowest VA bit of the level-n index
	words int                  // of the largest table
}

// NewGeometry checks and completes a geometry. slots are given from the root
// down to L1.
func NewGeometry(name string, width int, slots ...int) (*Geometry, error) {
	g := &Geometry{Name: name, Levels: len(slots), Width: width, Large: 2}
	if g.Levels < 2 || g.Levels > mostLevels {
		return nil, fmt.Errorf("model: geometry %s: %d levels, want 2 to %d", name, g.Levels, mostLevels)
	}
	if width != 4 && width != 8 {
		return nil, fmt.Errorf("model: geometry %s: entry width %d, want 4 or 8", name, width)
	}
	g.shift[1] = PageShift
	for n := 1; n <= g.Levels; n++ {
		s := slots[g.Levels-n]
		if s < 1 || s*width > PageSize {
			return nil, fmt.Errorf("model: geometry %s: %d slots of %d bytes at level %d do not fit a page", name, s, width, n)
		}
		g.Slots[n] = s
		g.words = max(g.words, (s*width+7)/8)
		g.shift[n+1] = g.shift[n] + uint(bits.Len(uint(s-1)))
	}
	return g, nil
}

func mustGeometry(name string, width int, slots ...int) *Geometry {
	g, err := NewGeometry(name, width, slots...)
	if err != nil {
		panic(err)
	}
	return g
}

// I386 returns the two-level geometry of a non-PAE i386: 1024 x 1024 x 4 bytes.
func I386() *Geometry { return mustGeometry("2level", 4, 1024, 1024) }

// PAE returns the three-level geometry of a PAE i386: 4 x 512 x 512 x 8 bytes.
func PAE() *Geometry {
	g := mustGeometry("pae", 8, 4, 512, 512)
	g.PAERoot = true
	return g
}

// AMD64 returns the four-level geometry of 64-bit mode: 4 x 512 slots.
func AMD64() *Geometry {
	g := mustGeometry("64bit", 8, 512, 512, 512, 512)
	g.SignExtend = true
	return g
}

// LongMode returns the geometry of 64-bit mode as later kernels use it, with 4 or 5 levels
// and pages of 1 GiB.
func LongMode(levels int) *Geometry {
	slots := [mostLevels]int{512, 512, 512, 512, 512}
	g := mustGeometry(fmt.Sprintf("64bit-%dlevel", levels), 8, slots[:levels]...)
	g.SignExtend, g.Large = true, 3
	return g
}

// VABits is the number of significant virtual address bits.
func (g *Geometry) VABits() uint { return g.shift[g.Levels+1] }

// Wrap brings the result of address arithmetic back into the address space:
// modulo 2^VABits, sign-extended where addresses are canonical.
func (g *Geometry) Wrap(va VA) VA {
	n := 64 - g.VABits()
	if g.SignExtend {
		return VA(int64(va<<n) >> n)
	}
	return va << n >> n
}

// Canonical reports whether an address can be used at all.
func (g *Geometry) Canonical(va VA) bool { return g.Wrap(va) == va }

// Index is the slot that va selects in a table of the given level. It may be
// at or beyond Slots[level] when the slot count is not a power of two.
func (g *Geometry) Index(va VA, level int) int {
	return int(va>>g.shift[level]) & (1<<(g.shift[level+1]-g.shift[level]) - 1)
}

// Span is the number of bytes that one entry of the given level maps.
func (g *Geometry) Span(level int) VA { return 1 << g.shift[level] }

// Root is the level of the root table.
func (g *Geometry) Root() int { return g.Levels }

// Words is the number of 64-bit words that the largest table occupies.
func (g *Geometry) Words() int { return g.words }

// GrantsRights reports whether an entry of this level carries R/W and U/S bits.
func (g *Geometry) GrantsRights(level int) bool {
	return !(g.PAERoot && level == g.Levels)
}
