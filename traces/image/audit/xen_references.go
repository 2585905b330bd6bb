package audit

import "fmt"

func xenReferences() Rule {
	return Rule{
		ID:      "image-xen-references",
		Says:    "Xen counts at least one reference to a frame for each entry that maps it, names it as a table, or pins it, and one for its allocation.",
		Applies: "with --xen, to frames of memory that guests' tables name; device memory is not counted",
		Source:  "PGC_count_mask, PGC_allocated in Xen's asm/mm.h; get_page, get_page_and_type",
		Limits:  "Xen holds references of its own, so a higher count is legal, and a leak is not seen; a frame that is counted too low could be freed while it is mapped",
		unfit:   underXen,
		finish: func(a *Audit, v *Verdict) {
			c := a.recount
			for _, f := range c.named {
				rec, ok, err := a.xen.record(f)
				if err != nil || !ok || a.ofDevices(&rec) {
					continue
				}
				v.Looked++
				want := uint64(c.maps.get(f)) + uint64(c.refs.get(f))
				if rec.pinned {
					want++
				}
				if rec.allocated {
					want++
				}
				if rec.count < want {
					v.add(1, Finding{What: fmt.Sprintf("frame %#x, %s: Xen counts %d references, memory shows %d", f, rec.text(&a.xen.layout), rec.count, want)})
				}
			}
		},
	}
}
