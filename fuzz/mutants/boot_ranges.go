package mutants

// rangeMutants are mutants that the rules about hooks, requests, ranges and
// repetition catch.
func rangeMutants() []Mutant {
	const (
		init  = "Linux, arch/i386/mm/init.c"
		start = "Linux, arch/x86/xen/mmu.c, orders of the hand-over"
		setup = "Linux b239fb25, native_pagetable_setup_start and _done"
	)
	out := []Mutant{
		{ID: "B01", What: "a two-level root is pinned as level 3, which is ignored with success", Source: "Linux ab144f5ec64c, xen_pagetable_setup_done",
			Place: onXen(2), Catch: "root-pinned", Steps: 4, Change: ofKernel(pin2007)},
		{ID: "B05", What: "the fixmap's tables run to the top of the address space, into the hypervisor's slots", Source: init + " before b239fb25",
			Place: onXen(2), Catch: "hypervisor-slots", Steps: 2, Change: ofKernel(rangeToTop)},
		{ID: "B05-pae", What: "the same with PAE", Source: init + " before b239fb25",
			Place: onXen(3), Catch: "hypervisor-slots", Steps: 2, Change: ofKernel(rangeToTop)},
		{ID: "B18", What: "low memory is used after its mappings were overwritten by PAE root entries", Source: setup,
			Place: onNative(3), Catch: "crash fault", Steps: 1, Change: ofKernel(afterStart(lowAccess))},
		{ID: "B18-split", What: "the entries of the new root reach live entries of the old one", Source: setup,
			Place: onNative(3), Catch: "translations-kept", Steps: 1, Change: ofKernel(afterStart(clearTwiceAsMuch))},
		{ID: "B20", What: "the root is read-only before the copy has been made", Source: "Linux 805e3f495057",
			Place: onXen(3), Catch: "crash fault", Steps: 1, Change: ofKernel(handOver(onOld(rootRO), copyRoot, zeroRO, load))},
		{ID: "B20-share", What: "both roots name the same kernel L2", Source: "Linux 805e3f495057",
			Place: onXen(3), Catch: "crash bug", Steps: 1, Change: ofKernel(handOver(shareRoot, zeroRO, rootRO, load))},
		{ID: "B21-pin", What: "the new root is pinned before it is read-only", Source: start,
			Place: onXen(4), Catch: "crash bug", Steps: 1, Change: ofKernel(handOver(copyRoot, zeroRO, pinNew, rootRO, unpinOld, load))},
		{ID: "B21-free", What: "the old root becomes writable before CR3 has left it", Source: start,
			Place: onXen(2), Catch: "crash bug", Steps: 1, Change: ofKernel(handOver(copyRoot, zeroRO, rootRO, oldRW, load))},
		{ID: "B21-pinned", What: "the old root becomes writable while it is pinned", Source: start,
			Place: onXen(3), Catch: "crash bug", Steps: 1, Change: ofKernel(handOver(copyRoot, zeroRO, rootRO, load, oldRW))},
		{ID: "B21-unheeded", What: "the refusal to load a writable root is ignored", Source: start,
			Place: onXen(2), Catch: "refusals-heeded", Steps: 1, Change: ofKernel(handOver(copyRoot, zeroRO, loadAnyway, rootRO))},
		{ID: "B35-waste", What: "a page is allocated for each table that is there already", Source: "XenLinux cdb54b8880",
			Place: onNative(3), Catch: "setup-idempotent", Steps: 3, Change: ofKernel(wastePages)},
		{ID: "B36-nx", What: "no leaf is no-execute", Source: "XenLinux d1252ef838, 7186363e84",
			Place: onNative(3), Catch: "leaf-rewritten", Steps: 2, Change: ofKernel(noLeafNX)},
		{ID: "B36-late", What: "what is mapped after construction is open to user code", Source: "XenLinux 7eb2ea0351",
			Place: onXen(3), Catch: "fixmap-lands", Steps: 4, Change: ofKernel(lateUser)},
		{ID: "B38", What: "new tables stay writable while memory's bounds are not known", Source: "XenLinux 7355824f56",
			Place: onXen(3), Catch: "crash bug", Steps: 2, Change: ofKernel(boundsUnknown)},
		{ID: "B40", What: "the root in use is cleared to be built anew", Source: "Linux 4bfaaef01a1b",
			Place: onNative(2), Catch: "translations-kept", Steps: 1, Change: ofKernel(afterStart(clearRunning))},
		{ID: "B43", What: "an empty root entry becomes present when it is made", Source: "Linux df912ea4ae72; XenLinux eee7931c83",
			Place: onNative(2), Catch: "pointer-flags", Steps: 5, Change: ofKernel(emptyPresent)},
	}
	return append(out, unlistedBootMutants()...)
}

// unlistedBootMutants are bugs that one rule is there for, though no history tells
// of them.
func unlistedBootMutants() []Mutant {
	const (
		init  = "Linux, arch/i386/mm/init.c"
		setup = "Linux b239fb25, native_pagetable_setup_start and _done"
	)
	return []Mutant{
		{ID: "gap", What: "a leaf is cleared before it is written", Source: init + ", kernel_physical_mapping_init",
			Place: onNative(2), Catch: "translations-kept", Steps: 2, Change: ofKernel(clearFirst)},
		{ID: "root-not-loaded", What: "a switch to another address space does not load its root", Source: "Linux ab144f5ec64c, xen_write_cr3",
			Place: onXen(3), Catch: "root-valid", Steps: 8, Change: ofKernel(stayOnRoot)},
		{ID: "pointer-nx", What: "pointers to tables are no-execute, with all that is below", Source: "Linux b239fb25, _PAGE_TABLE",
			Place: onNative(3), Catch: "pointer-flags", Steps: 2, Change: ofKernel(pointerNX)},
		{ID: "pointer-ro", What: "pointers to tables are read-only", Source: "Linux b239fb25, _PAGE_TABLE",
			Place: onXen(4), Catch: "pointer-flags", Steps: 2, Change: ofKernel(pointerRO)},
		{ID: "next-frame", What: "each page is mapped to the frame after its own", Source: init + ", kernel_physical_mapping_init",
			Place: onNative(3), Catch: "direct-map-true", Steps: 2, Change: ofKernel(nextFrame)},
		{ID: "torn", What: "the half of an entry that has the present bit is stored first", Source: "Linux, native_set_pte of 3-level tables",
			Place: onNative(3), Catch: "no-torn-entry", Steps: 6, Change: ofKernel(lowHalfFirst)},
		{ID: "torn-xen", What: "the same under a hypervisor", Source: "Linux f4f97b3e, xen_set_pte",
			Place: onXen(3), Catch: "no-torn-entry", Steps: 2, Change: ofKernel(lowHalfFirst)},
		{ID: "not-reserved", What: "pages for tables are taken past the allocator", Source: "Linux, RANGE bugs such as 3fc509fc0c59",
			Place: onNative(3), Catch: "stores-stay", Steps: 2, Change: ofKernel(ownPage)},
		{ID: "late-reserve", What: "a table is in use before its page is allocated", Source: init + ", one_page_table_init",
			Place: onNative(2), Catch: "tables-reserved", Steps: 2, Change: ofKernel(lateReserve)},
		{ID: "no-identity", What: "no low identity mapping for other processors", Source: setup,
			Place: onNative(3), Catch: "identity-kept", Steps: 4, Change: ofKernel(noIdentity)},
		{ID: "early-zap", What: "low mappings go when construction ends", Source: init + ", zap_low_mappings",
			Place: onNative(2), Catch: "identity-kept", Steps: 3, Change: ofKernel(earlyZap)},
		{ID: "no-range", What: "no tables for the fixmap", Source: init + ", page_table_range_init",
			Place: onNative(2), Catch: "direct-map-complete", Steps: 2, Change: ofKernel(noRange)},
		{ID: "no-pkmap", What: "no tables for the pkmap area", Source: init + ", permanent_kmaps_init",
			Place: onNative(2), Catch: "direct-map-complete", Steps: 2, Change: ofKernel(noPkmap)},
		{ID: "stray-store", What: "setup_start writes to a page that is no table", Source: setup,
			Place: onXen(4), Catch: "stores-stay", Steps: 1, Change: ofKernel(afterStart(scratch))},
		{ID: "stray-page", What: "setup_start uses a page that it has not allocated", Source: setup,
			Place: onNative(3), Catch: "stores-stay", Steps: 1, Change: ofKernel(afterStart(unallocated))},
		{ID: "marked-twice", What: "a leaf that was final turns from global to not global, or back, when it is written again", Source: init + ", kernel_physical_mapping_init",
			Place: onNative(3), Catch: "setup-idempotent", Steps: 3, Change: ofKernel(markRewritten)},
		{ID: "alloc-pd-writable", What: "a new L2 of a 64-bit guest stays writable", Source: init + ", one_md_table_init; Linux 2.6.27, xen_alloc_pmd",
			Place: onXen(4), Catch: "crash bug", Steps: 2, Change: ofKernel(quietPD)},
		{ID: "link-first", What: "alloc_pt hears of a table after it is linked", Source: init + ", one_page_table_init",
			Place: onNative(3), Catch: "hook-order", Steps: 2, Change: ofKernel(linkFirst)},
		{ID: "untold-root", What: "alloc_pd does not hear of a two-level root", Source: setup,
			Place: onNative(2), Catch: "hook-order", Steps: 1, Change: ofKernel(noStart)},
		{ID: "early-late", What: "the late alloc_pt is live during construction", Source: "Linux ab144f5ec64c, xen_pagetable_setup_done",
			Place: onXen(3), Catch: "hook-order", Steps: 1, Change: ofKernel(afterStart(earlyLate))},
	}
}
