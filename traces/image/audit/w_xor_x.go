package audit

func wXorX() Rule {
	return Rule{
		ID:      "image-w-xor-x",
		Says:    "No page of the kernel is writable and executable.",
		Applies: "where entries have the no-execute bit; under Xen to guest kernels and to Xen itself",
		Source:  "Linux' own check at boot, ptdump_walk_pgd_level_checkwx; CONFIG_STRICT_KERNEL_RWX",
		Limits:  "during a boot it breaks for a while: 6.1 has some 2,600 such pages until free_initmem; programs may ask for them, so user memory is not looked at",
		unfit:   noNX,
		judge: func(a *Audit, s *sight) (string, bool) {
			if s.kind != aLeaf || !a.kernelLeaf(s) {
				return "", false
			}
			if s.rw && !s.nx {
				return "writable and executable", true
			}
			return "", true
		},
	}
}
