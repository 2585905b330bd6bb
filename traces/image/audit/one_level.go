package audit

import "fmt"

func oneLevel() Rule {
	return Rule{
		ID:      "image-one-level",
		Says:    "A table is in use at one level only.",
		Applies: "everywhere; a root's pointer to itself in a slot of Xen is its linear pagetable. Several pointers to one table at one level are legal: espfix shares one 2,048 times",
		Source:  "a table read at two levels maps its own entries as memory: Xen's one-type rule, Linux' level-typed pgd_t to pte_t",
		Limits:  "32-bit Linux before PAE, and other systems, may map their tables through themselves on purpose",
		judge: func(a *Audit, s *sight) (string, bool) {
			if s.kind == clash {
				return fmt.Sprintf("table %#x is used as L%d here, and as L%d elsewhere", s.pa, s.level-1, s.was), true
			}
			return "", s.kind == aTable || s.kind == again
		},
	}
}
