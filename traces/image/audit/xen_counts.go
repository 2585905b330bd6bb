package audit

import "fmt"

func xenCounts() Rule {
	return Rule{
		ID:      "image-xen-counts",
		Says:    "Xen counts each table as often as entries name it, pins hold it and processors run on it.",
		Applies: "with --xen, to the tables that validated roots and pinned tables lead to",
		Source:  "PGT_count_mask in Xen's asm/mm.h; get_page_type, put_page_type; v->arch.guest_table(_user)",
		Limits:  "which roots the virtual processors hold is not looked up: for a root a higher count is only told",
		unfit:   underXen,
		finish: func(a *Audit, v *Verdict) {
			c := a.recount
			for _, f := range c.order {
				v.Looked++
				rec, ok, err := a.xen.record(f)
				if !ok || err != nil {
					continue // image-xen-types tells
				}
				want := uint64(c.refs.get(f))
				if rec.pinned {
					want++
				}
				what := fmt.Sprintf("frame %#x, %s: memory shows %d references", f, rec.text(&a.xen.layout), want)
				switch {
				case rec.refs == want:
					a.Xen.Counted++
				case rec.refs > want && c.levels[f] == 4:
					v.note("%s; virtual processors run on it", what)
				default:
					v.add(1, Finding{What: what})
				}
			}
		},
	}
}
