package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
)

// bufferMutants are bugs of kernels that extend the direct map with tables from a
// buffer, or from the top of memory down.
func bufferMutants() []Mutant {
	return append(append(guestBuffer(), genericBuffer()...), topMutants()...)
}

// guestBuffer are bugs of the Xen backend.
func guestBuffer() []Mutant {
	return []Mutant{
		{ID: "B09", What: "write permission is only kept from entries that are there already", Source: "Linux fef5ba797991",
			Place: onBuffer(4), Catch: "crash bug", Steps: 4, Change: ofKernel(onlyPresent)},
		{ID: "B10", What: "the unused part of the table buffer is mapped writable", Source: "Linux a38647837a41, caused by 4b239f458c22",
			Place: onBuffer(4), Catch: "future-tables-read-only", Steps: 4, Change: ofKernel(usedPart)},
		{ID: "B11", What: "the unused part of the table buffer is handed back read-only", Source: "Linux 279b706bf8",
			Place: onBuffer(4), Catch: "spares-returned", Steps: 5, Change: ofKernel(onGuest(func(o *hooks.Ops) { o.Early.PagetableReserve = hooks.Reserve }))},
		{ID: "B11-32", What: "a 32-bit kernel maps the whole table buffer read-only, and cannot clear the tables", Source: "Linux 2.6.39, mask_rw_pte of 32-bit kernels",
			Place: onBuffer(3), Catch: "crash fault", Steps: 4, Change: ofKernel(rangeOn32)},
		{ID: "B15b", What: "the replaced table is not released", Source: "Linux a3c6018e565d",
			Place: onBuffer(3), Catch: "spares-returned", Steps: 6, Change: ofKernel(onGuest(func(o *hooks.Ops) { o.ReleasePT = func(*hooks.Kernel, model.PFN) {} }))},
		{ID: "B25", What: "the builder's root is not its first table: others lie outside the range that the guest reserves", Source: "Xen 7a9d764630, Linux 806c312e50f1",
			Place: onBuffer(3), Catch: "spares-returned", Steps: 1, Change: ofStart(func(c *systems.EarlyStart) { c.RootLast = true })},
		{ID: "B27", What: "frames without a machine frame are mapped", Source: "Linux, xen_set_pte_init",
			Place: onBuffer(4), Catch: "crash bug", Steps: 7, Change: ofKernel(mapMissing)},
		{ID: "B29", What: "the late hooks, which keep notes in page structs, work from the start", Source: "Linux 4267739cabb8",
			Place: onBuffer(4), Catch: "hook-order", Steps: 1, Change: ofKernel(lateHooks)},
		{ID: "latest-table", What: "the table before an unused buffer is taken for the one that is being filled, and opened writable", Source: "Linux 2.6.39, mask_rw_pte itself; found by search: it needs a buffer that begins behind a table in use",
			Place: onBuffer(4), Catch: "crash store-rejected", Steps: 4, Change: ofKernel(frameBefore)},
		{ID: "B33", What: "the tables of the list of machine frames are mapped writable", Source: "XenLinux 73e4aa4e2b; Linux, xen_make_pte_init",
			Place: onBuffer(4), Catch: "crash bug", Steps: 4, Change: ofKernel(writableList)},
		{ID: "B38-later", What: "a page is not made read-only because the bound of page structs is not known yet", Source: "XenLinux 7355824f56",
			Place: onBuffer(4), Catch: "crash bug", Steps: 2, Change: ofKernel(boundUnknown)},
	}
}

// genericBuffer are bugs of the generic code, most of which show on bare metal
// too.
func genericBuffer() []Mutant {
	const extra = "Linux 24bdb0b62cc8"
	return []Mutant{
		{ID: "B15a", What: "a table of the fixmap that is there already is kept: kmap_atomic's tables do not lie in a row", Source: "Linux a3c6018e565d",
			Place: onBuffer(3), Catch: "fixmap-contiguous", Steps: 5, Change: ofKernel(keepTable)},
		{ID: "B15c", What: "the new table of the fixmap is linked before the entries are copied", Source: "Linux a3c6018e565d",
			Place: onBuffer(3), Catch: "slots-kept", Steps: 6, Change: ofKernel(linkThenCopy)},
		{ID: "slot-flush", What: "slots of early_ioremap change without a flush: clearing a new table clears another one, through a stale translation", Source: "Linux, __early_set_fixmap, __flush_tlb_one",
			Place: onBuffer(4), Catch: "present-not-reallocated", Steps: 4, Change: ofKernel(noSlotFlush)},
		{ID: "B17", What: "what the boot tables map past the end of memory stays", Source: "Linux 551889a6e2a2",
			Place: onBuffer(3), Catch: "ram-only", Steps: 1, Change: ofKernel(keepPastEnd)},
		{ID: "B17-64", What: "the same, on 64 bits", Source: "Linux, phys_pte_init",
			Place: onBuffer(4), Catch: "ram-only", Steps: 4, Change: ofKernel(func(_ *hooks.Ops, f *hooks.Funcs) {
				f.Early.ClearBeyond = func(*hooks.Kernel, int, model.VA, model.PFN) {}
			})},
		{ID: "B17-first", What: "the first page past the end of memory stays", Source: "Linux 551889a6e2a2 itself, which begins at max_low_pfn + 1",
			Place: onBuffer(3), Catch: "ram-only", Steps: 1, Change: ofKernel(keepFirstPast)},
		{ID: "B24", What: "more than the list of machine frames is freed: up to the next large page", Source: "Linux, before 3fc509fc0c59",
			Place: onBuffer(4), Catch: "spares-returned", Steps: 7, Change: ofKernel(roundedList)},
		{ID: "B26", What: "an extra region below 4 GiB makes the hole part of low memory", Source: extra,
			Place: onBuffer(4), Catch: "ram-only", Steps: 4, Change: ofKernel(throughHole)},
		{ID: "B26-xen", What: "the same under Xen: tables are made for frames that do not exist", Source: extra,
			Place: onBuffer(4), Catch: "tables-minimal", Steps: 4, Change: ofKernel(throughHole)},
		{ID: "B28", What: "the hypervisor's hole is computed from the direct map, which has moved", Source: "Linux 16877a5570e0, caused by d52888aa2753",
			Place: onBuffer(4), Catch: "crash fault", Steps: 8, Change: ofKernel(movedHole)},
		{ID: "B35-full", What: "tables for the whole range are made, needed or not", Source: "XenLinux cdb54b8880",
			Place: onBuffer(4), Catch: "tables-minimal", Steps: 4, Change: ofKernel(wholeRange)},
		{ID: "B35-tables", What: "the same without large pages: what is not needed stays empty", Source: "XenLinux cdb54b8880",
			Place: onTopDown(4), Catch: "tables-minimal", Steps: 4, Change: ofKernel(emptyTables)},
		{ID: "B37", What: "the direct map ends with the memory that is there, not with what may come", Source: "XenLinux 6de27d5b5e",
			Place: onBuffer(3), Catch: "crash bug", Steps: 9, Change: ofKernel(currentOnly)},
		{ID: "B39", What: "page size and attributes change in one step", Source: "Linux ad5ca55f6bdb",
			Place: onBuffer(3), Catch: "size-then-attributes", Steps: 4, Change: ofKernel(singlePass)},
	}
}

// topMutants are bugs of top-down mapping.
func topMutants() []Mutant {
	const top = "Linux 8d57470d"
	return []Mutant{
		{ID: "B13a", What: "the first chunk needs more tables than the brk has", Source: top,
			Place: onTopDown(4), Catch: "crash panic", Steps: 4, Change: ofKernel(func(_ *hooks.Ops, f *hooks.Funcs) {
				f.Early.FirstStep = func(k *hooks.Kernel) model.PFN { return k.M.L.Kernel.MaxLowPFN }
			})},
		{ID: "B13b", What: "where mapped memory begins is forgotten: tables are taken from below it", Source: top,
			Place: onTopDown(4), Catch: "future-tables-read-only", Steps: 5, Change: ofKernel(func(_ *hooks.Ops, f *hooks.Funcs) {
				f.Early.SetMinMapped = func(*hooks.Kernel, model.PFN) {}
			})},
		{ID: "B15a-top", What: "a table of the fixmap that is there already is kept", Source: "Linux a3c6018e565d",
			Place: onTopDown(3), Catch: "fixmap-contiguous", Steps: 9, Change: ofKernel(keepTable)},
		{ID: "B33-top", What: "the tables of the list of machine frames are mapped writable", Source: "XenLinux 73e4aa4e2b; Linux, xen_make_pte_init",
			Place: onTopDown(4), Catch: "crash bug", Steps: 6, Change: ofKernel(writableList)},
		{ID: "B37-top", What: "memory to be ballooned up is left out", Source: "XenLinux 6de27d5b5e",
			Place: onTopDown(4), Catch: "crash bug", Steps: 10, Change: ofKernel(noExtra)},
		{ID: "B14", What: "the brk lacks room for the leaf of one hole", Source: "Linux, \"Reserve 8MB of _brk for P2M leafs\"",
			Place: onTopDown(4), Catch: "crash bug", Steps: 3, Change: ofStart(func(c *systems.EarlyStart) {
				if c.Profile != nil && len(c.RAM) > 1 {
					c.Brk--
				}
			})},
	}
}
