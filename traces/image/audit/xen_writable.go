package audit

import "fmt"

func xenWritable() Rule {
	return Rule{
		ID:      "image-xen-writable",
		Says:    "A frame with writable mappings is recorded by Xen as writable, and counted at least that often.",
		Applies: "with --xen, to frames of memory that guests' tables map writable; device memory is not counted",
		Source:  "PGT_writable_page in Xen's asm/mm.h; get_page_from_l1e",
		Limits:  "Xen holds some pages of guests writable itself (vcpu_info, event channels, grants): a higher count is only told",
		unfit:   underXen,
		finish: func(a *Audit, v *Verdict) {
			a.Xen.Writable = len(a.recount.frames)
			for _, f := range a.recount.frames {
				rec, ok, err := a.xen.record(f)
				if err != nil || !ok {
					continue
				}
				v.Looked++
				n := uint64(a.recount.writes.get(f))
				what := fmt.Sprintf("frame %#x, %s: memory shows %d writable mappings", f, rec.text(&a.xen.layout), n)
				switch {
				case rec.kind == a.xen.writable && rec.refs == n:
					a.Xen.Agreeing++
				case rec.kind == a.xen.writable && rec.refs > n:
					v.note("%s; Xen holds the rest", what)
				case a.ofDevices(&rec):
				default:
					v.add(1, Finding{What: what})
				}
			}
		},
	}
}

// ofDevices reports whether a frame belongs to DOMID_IO: its mappings are not counted.
func (a *Audit) ofDevices(r *record) bool {
	name, err := a.xen.domain(r.owner)
	return err == nil && name == "DOMID_IO"
}
