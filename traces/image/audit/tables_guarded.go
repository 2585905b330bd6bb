package audit

import (
	"fmt"

	"github.com/ptcheck/ptcheck/traces/image"
)

func tablesGuarded() Rule {
	return Rule{
		ID:      "image-tables-guarded",
		Says:    "No page table is writable for those whom it confines: programs, and under Xen the guest's kernel too.",
		Applies: "everywhere; on bare metal the kernel writes its tables through the direct map, which is legal",
		Source:  "Xen's direct paging: a frame is a table or writable, never both (get_page_type in xen/arch/x86/mm.c)",
		Limits:  "looks at the tables that the roots of the image lead to; those of programs that did not run are found under Xen only",
		judge: func(a *Audit, s *sight) (string, bool) {
			if s.kind != aLeaf || s.theirs || !s.rw || a.xen == nil && !s.user {
				return "", false
			}
			hit := a.census.tablesIn(s.pa>>image.PageShift, s.pages())
			if len(hit) == 0 {
				return "", true
			}
			return fmt.Sprintf("a writable mapping of table %#x (L%d)", hit[0]<<image.PageShift, a.levelOf(hit[0])), true
		},
	}
}
