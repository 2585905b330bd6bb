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

// most32 is how much memory the direct map of a 32-bit kernel has for sure, if there is so
// much.
const most32 = 0x3600_0000

// has reports whether an address belongs to the direct map.
func (d *directMap) has(t *Trace, va model.VA) bool {
	if !d.known || len(t.about.RAM) == 0 {
		return false
	}
	size := model.VA(t.about.RAM[len(t.about.RAM)-1].To) << model.PageShift
	if t.levels <= 3 {
		size = min(size, most32)
	}
	return va >= d.base && va-d.base < size
}
