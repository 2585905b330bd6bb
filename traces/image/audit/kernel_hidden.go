package audit

func kernelHidden() Rule {
	return Rule{
		ID:      "image-kernel-hidden",
		Says:    "No page of the kernel's addresses is open to user mode.",
		Applies: "to the upper half, or above the direct map's start; vsyscall's page may be read; under Xen to Xen's own slots, of which guests may read the M2P. A 64-bit guest's kernel runs in user mode itself",
		Source:  "Documentation/arch/x86/x86_64/mm.rst; map_vsyscall; Xen's asm/config.h, 'GUEST ACCESSIBLE'",
		Limits:  "what speculation reaches (Meltdown) is another question",
		unfit: func(a *Audit) string {
			if a.half == 0 {
				return "where the kernel's addresses begin was not found"
			}
			return ""
		},
		judge: func(a *Audit, s *sight) (string, bool) {
			if s.kind != aLeaf || !a.kernelHalf(s.va) || a.xen != nil && !s.theirs {
				return "", false
			}
			switch {
			case !s.user:
			case s.va == vsyscall && !s.rw && !s.theirs:
			case s.theirs && isM2P(s.va) && !s.rw && s.nx:
			default:
				return "open to user mode", true
			}
			return "", true
		},
	}
}

// vsyscall is the page that every 64-bit program may read or call.
const vsyscall = 0xffffffffff600000
