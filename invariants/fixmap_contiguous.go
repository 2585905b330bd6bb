package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func fixmapContiguous() Rule {
	return Rule{
		ID:      "fixmap-contiguous",
		Says:    "The leaf tables of kmap_atomic's addresses lie in a row in memory, and each index maps the frame that was asked for.",
		Applies: "to kernels with high memory, when the fixmap's tables have been made, and at each kmap_atomic",
		Source:  "Linux a3c6018e565d, page_table_kmap_check: kmap_atomic counts entries from the first one",
		Limits:  "a row is one of physical frame numbers, as the kernel counts in its direct map",
		Goal:    "the tables are made, or kmap_atomic is used",
		Kmap:    true,
		Kernel:  LaterKernel,
		Tell:    tellContiguous,
		check:   checkContiguous,
		ops:     []model.Op{model.OpCallEnd},
	}
}

func checkContiguous(c *Checker, st *model.Step) result {
	l, e := c.s.L, c.s.L.Early
	if st.Call.Kind != model.CallKmapInit && st.Call.Kind != model.CallKmap {
		return silent
	}
	root := model.Frame(l.Kernel.Root)
	first, _ := resolve(c.s, l.Geo, root, l.Fix(e.Kmap))
	for i := range e.Kmaps {
		va := l.Fix(e.Kmap + i)
		m, _ := resolve(c.s, l.Geo, root, va)
		below := l.Fix(e.Kmap)/l.Geo.Span(2) - va/l.Geo.Span(2)
		if want := first.table - model.Frame(below); m.level != 1 || m.table != want {
			return c.fail(c.at(va, l.Geo, m).WithFrame(m.table).WithWantFrame(want))
		}
	}
	if st.Call.Kind == model.CallKmap {
		want, care := c.fixFlags(true)
		return c.fixmapIs(l.Fix(e.Kmap+st.Call.Index), l.Map.MFN(model.Frame(st.Call.From)), want, care)
	}
	return held
}

func tellContiguous(v *Violation) string {
	if v.has&partWant != 0 {
		return tellFixmap(v)
	}
	return fmt.Sprintf("address %s of the kmaps has its leaf table in %s; in a row with the first one that must be %s", v.page(), v.name(v.frame), v.name(v.wantFrame))
}
