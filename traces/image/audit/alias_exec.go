package audit

import "github.com/ptcheck/ptcheck/traces/image"

func aliasExec() Rule {
	return Rule{
		ID:      "image-alias-exec",
		Says:    "Memory that the kernel executes at one address it cannot write at another.",
		Applies: "where entries have the no-execute bit; to frames of memory; under Xen to guest kernels",
		Source:  "set_memory_ro changes the alias in the direct map too: cpa_process_alias in arch/x86/mm/pat/set_memory.c",
		Limits:  "the kernel writes user programs through its direct map: what only user mode executes is not looked at",
		unfit:   noNX,
		judge: func(a *Audit, s *sight) (string, bool) {
			if s.kind != aLeaf || s.theirs || !a.kernelLeaf(s) || s.nx {
				return "", false
			}
			if s.rw {
				return "", true // image-w-xor-x tells
			}
			for i := range s.pages() {
				if a.census.uses.get(s.pa>>image.PageShift+i)&kernelWrites != 0 {
					return "executable here, writable through another address", true
				}
			}
			return "", true
		},
	}
}
