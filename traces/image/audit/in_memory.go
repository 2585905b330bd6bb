package audit

import (
	"fmt"

	"github.com/ptcheck/ptcheck/traces/image"
)

func inMemory() Rule {
	return Rule{
		ID:      "image-in-memory",
		Says:    "Pointers lead to memory, and what is mapped cached is memory.",
		Applies: "pointers everywhere; pages where the image knows all memory of the machine (QEMU's dumps): devices are mapped uncached",
		Source:  "ram-only for model machines; init_memory_mapping maps the ranges of the e820 map",
		Limits:  "an image of a kernel about itself has only what that kernel manages, so pages that lead elsewhere may be firmware's; frames of ROM and of the ISA hole count as memory",
		judge: func(a *Audit, s *sight) (string, bool) {
			switch {
			case s.kind == outside:
				return fmt.Sprintf("the pointer leads to %#x, where the image has no memory", s.pa), true
			case s.kind == aTable || s.kind == again:
				return "", true
			case s.kind != aLeaf || !a.image.Whole || a.cacheUse(s) != cachedWB || s.theirs:
				return "", false
			}
			if !a.census.covers(s.pa>>image.PageShift, s.pages()) {
				return "mapped cached, and the machine has no memory there", true
			}
			return "", true
		},
	}
}
