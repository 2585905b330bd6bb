package audit

import "fmt"

func xenTypes() Rule {
	return Rule{
		ID:      "image-xen-types",
		Says:    "Each table of a guest is recorded by Xen as a validated table of the level at which it is in use.",
		Applies: "with --xen, to the tables that validated roots and pinned tables lead to",
		Source:  "PGT_type_mask, PGT_validated in Xen's asm/mm.h; alloc_page_type in arch/x86/mm.c",
		Limits:  "Xen is stopped anywhere: a validation that is under way would show as one that is missing",
		unfit:   underXen,
		finish: func(a *Audit, v *Verdict) {
			c := a.recount
			for _, f := range c.order {
				v.Looked++
				rec, ok, err := a.xen.record(f)
				level, is := rec.table()
				if ok && err == nil && is && level == c.levels[f] {
					a.Xen.Typed++
					continue
				}
				v.add(1, Finding{What: fmt.Sprintf("frame %#x serves as L%d, and Xen has it as %s", f, c.levels[f], rec.text(&a.xen.layout))})
			}
			for _, f := range c.other {
				v.add(1, Finding{What: fmt.Sprintf("frame %#x serves as L%d, and as a table of another level too", f, c.levels[f])})
			}
			a.Xen.Tables = len(c.order)
		},
	}
}

// text is a type in words.
func (r *record) text(l *layout) string {
	name := fmt.Sprintf("type %d", r.kind)
	switch {
	case r.kind == 0:
		name = "no type"
	case r.kind <= 4:
		name = fmt.Sprintf("L%d", r.kind)
	case r.kind == 5:
		name = "descriptors"
	case r.kind == l.writable:
		name = "writable"
	}
	name += fmt.Sprintf(" x%d", r.refs)
	if r.pinned {
		name += " pinned"
	}
	if !r.validated && r.kind != 0 {
		name += " not validated"
	}
	return name
}
