package invariants

import "github.com/ptcheck/ptcheck/model"

// directMap is where the kernel has all memory mapped, found from the addresses by which it
// stores to tables.
type directMap struct {
	base  model.VA
	known bool
}

func (d *directMap) base32() model.VA {
	if d.known {
		return d.base
	}
	return 0xc000_0000
}

// vote takes in a store.
func (d *directMap) vote(t *Trace, e *TraceEvent) {
	if d.known {
		return
	}
	base := e.VA&^(model.PageSize-1) - model.VA(t.s.L.Map.MFN(e.Frame))<<model.PageShift
	if t.levels <= 3 {
		d.known, d.base = base&(1<<28-1) == 0 && base != 0, base
		return
	}
	d.known, d.base = base&(1<<30-1) == 0 && base>>63 != 0 && base < 0xffff_fe00_0000_0000, base
}

// The direct map has room for so much memory: for sure on 32 bits, where what there is has
// a hole of vmallocHole bytes behind it (VMALLOC_OFFSET), and at least on 64 bits
// (Documentation/x86/x86_64/mm.rst).
const (
	most32      = 0x3600_0000
	vmallocHole = 8 << 20
	most64      = 1 << 46
)

// has reports whether an address belongs to the direct map, or lies right behind it.
func (d *directMap) has(t *Trace, va model.VA) bool {
	if !d.known || len(t.about.RAM) == 0 {
		return false
	}
	size := model.VA(most64)
	if t.levels <= 3 {
		size = min(model.VA(t.about.RAM[len(t.about.RAM)-1].To)<<model.PageShift+vmallocHole, most32)
	}
	return va >= d.base && va-d.base < size
}
