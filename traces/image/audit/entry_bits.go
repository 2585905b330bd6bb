package audit

import "fmt"

func entryBits() Rule {
	return Rule{
		ID:      "image-entry-bits",
		Says:    "No present entry has a bit that the processor refuses.",
		Applies: "everywhere but in two-level tables, which have no such bits",
		Source:  "Intel SDM vol. 3, tables 4-8 to 4-20: reserved bits",
		Limits:  "how many address bits the processor has is not known from an image",
		judge: func(a *Audit, s *sight) (string, bool) {
			switch s.kind {
			case malformed:
				return fmt.Sprintf("entry %#x has reserved bits", uint64(s.raw)), true
			case aLeaf, aTable, again:
				return "", true
			}
			return "", false
		},
	}
}
