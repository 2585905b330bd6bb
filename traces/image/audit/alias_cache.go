package audit

import (
	"math/bits"
	"strings"

	"github.com/ptcheck/ptcheck/traces/image"
)

func aliasCache() Rule {
	return Rule{
		ID:      "image-alias-cache",
		Says:    "All mappings of a frame of memory have the same cache type.",
		Applies: "to memory above 1 MiB: what lies in the ISA hole below belongs to devices, and MTRRs rule there; under Xen to frames that Xen has a record of, so not to ACPI's tables",
		Source:  "Intel SDM vol. 3, section 12.12.4: mapping one page with different types is undefined; Linux' memtype_reserve and kernel_map_sync_memtype",
		Limits:  "types are told by index into the PAT as Linux and Xen set it; MTRRs are not in an image; strong and weak uncached count as one",
		judge: func(a *Audit, s *sight) (string, bool) {
			if s.kind != aLeaf || s.pa+s.size <= isaEnd {
				return "", false
			}
			mine := a.cacheUse(s)
			looked := false
			for i := range s.pages() {
				frame := s.pa>>image.PageShift + i
				if frame < isaEnd>>image.PageShift {
					continue
				}
				all := a.census.uses.get(frame) & cacheUses
				looked = looked || all != 0
				if bits.OnesCount8(uint8(all)) > 1 && a.manages(frame) {
					return mine.cacheText() + " here, " + (all &^ mine).cacheText() + " elsewhere", true
				}
			}
			return "", looked
		},
	}
}

// manages reports whether a frame is memory for the hypervisor, if there is one.
func (a *Audit) manages(frame uint64) bool {
	if a.xen == nil {
		return true
	}
	_, ok, err := a.xen.record(frame)
	return ok && err == nil
}

// isaEnd is where the ISA hole ends.
const isaEnd = 1 << 20

// cacheText names cache types.
func (u use) cacheText() string {
	var out []string
	for _, n := range [...]struct {
		u    use
		name string
	}{{cachedWB, "write-back"}, {cachedWC, "write-combining"}, {cachedUC, "uncached"}, {cachedOther, "write-through or write-protected"}} {
		if u&n.u != 0 {
			out = append(out, n.name)
		}
	}
	return strings.Join(out, " and ")
}
