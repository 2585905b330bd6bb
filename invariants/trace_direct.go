package invariants

import "github.com/ptcheck/ptcheck/model"

// DirectVotes finds where a kernel has all memory mapped from the addresses by which it
// stores to tables: most stores go that way. It may lie elsewhere in each boot, and a boot
// begins with another one, so all of a record must vote.
type DirectVotes struct{ votes map[model.VA]int }

// Add takes in a store to a table, at an address and in a frame of memory, with so many
// table levels.
func (d *DirectVotes) Add(levels int, va model.VA, n model.MFN) {
	base := va&^(model.PageSize-1) - model.VA(n)<<model.PageShift
	fits := base&(1<<30-1) == 0 && base>>63 != 0 && base < imageMap
	if levels <= 3 {
		fits = base&(1<<28-1) == 0 && base != 0 && base>>32 == 0
	}
	if !fits {
		return
	}
	if d.votes == nil {
		d.votes = map[model.VA]int{}
	}
	d.votes[base]++
}

// imageMap is below where 64-bit kernels have their image and fixmap mapped
// (Documentation/x86/x86_64/mm.rst).
const imageMap = 0xffff_fe00_0000_0000

// Base is the first address of the direct map, 0 if it is not known.
func (d *DirectVotes) Base() (base model.VA) {
	for b, n := range d.votes {
		if n > d.votes[base] || n == d.votes[base] && b < base {
			base = b
		}
	}
	return base
}

// userEnd is the end of user mode's part on 32 bits: where the direct map begins, as a rule
// at 3 GiB.
func (t *Trace) userEnd() model.VA {
	if t.about.Direct != 0 {
		return t.about.Direct
	}
	return 0xc000_0000
}

// The direct map has room for so much memory: for sure on 32 bits, where what there is has
// a hole of vmallocHole bytes behind it (VMALLOC_OFFSET), and at least on 64 bits
// (Documentation/x86/x86_64/mm.rst).
const (
	most32      = 0x3600_0000
	vmallocHole = 8 << 20
	most64      = 1 << 46
)

// inDirectMap reports whether an address belongs to the direct map, or lies right behind it.
func (t *Trace) inDirectMap(va model.VA) bool {
	if t.about.Direct == 0 || len(t.about.RAM) == 0 {
		return false
	}
	size := model.VA(most64)
	if t.levels <= 3 {
		size = min(model.VA(t.about.RAM[len(t.about.RAM)-1].To)<<model.PageShift+vmallocHole, most32)
	}
	return va >= t.about.Direct && va-t.about.Direct < size
}
