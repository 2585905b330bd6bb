package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/xen"
)

// tightMutants are bugs that only show where something just fits, just does not, or lies
// where it rarely does.
func tightMutants() []Mutant {
	const builder = "Xen, tools/libxc/xc_dom_x86.c and arch/x86/domain_build.c: both orders of a builder's tables"
	return []Mutant{
		{ID: "brim-refused", What: "a table buffer that just fits is refused", Source: "Linux 2.6.39, find_early_table_space: a wrong comparison",
			Place: onBuffer(4), Catch: "crash panic", Steps: 3, Change: ofKernel(oneToSpare)},
		{ID: "short-unheeded", What: "that there is no room for the table buffer is not noticed: frame 0 is taken for the place found", Source: "Linux, \"memblock: Kill MEMBLOCK_ERROR\" (2011): what says that nothing was found has changed",
			Place: onBuffer(3), Catch: "future-tables-read-only", Steps: 4, Change: ofKernel(anyPlace)},
		{ID: "large-tail", What: "a large page that memory ends in is left out", Source: "Linux b239fb25, kernel_physical_mapping_init: the bound of the loop",
			Place: onNative(2), Catch: "leaf-rewritten", Steps: 2, Change: ofKernel(wholeLargePages)},
		{ID: "large-tail-pae", What: "the same with three levels", Source: "Linux b239fb25, kernel_physical_mapping_init: the bound of the loop",
			Place: onNative(3), Catch: "leaf-rewritten", Steps: 2, Change: ofKernel(wholeLargePages)},
		{ID: "second-l2-empty", What: "only the first of the builder's L2 tables is copied; further ones start empty", Source: "Linux, xen_pagetable_setup_start; with two root entries for low memory",
			Place: onXen(3), Catch: "translations-kept", Steps: 1, Change: ofKernel(handOver(copyFirst, zeroRO, rootRO, load))},
		{ID: "l2-in-a-row", What: "the builder's L2 tables are taken to lie in a row", Source: builder,
			Place: onXen(3), Catch: "crash bug", Steps: 1, Change: ofKernel(handOver(copyRow, zeroRO, rootRO, load))},
		{ID: "root-uncleared", What: "of the builder's root only the present entries are copied, into memory that nobody has cleared", Source: "Linux, xen_pagetable_setup_start, swapper_pg_dir outside of the bss",
			Place: onXen(2), Catch: "crash bug", Steps: 1, Change: ofKernel(handOver(copyPresent, zeroRO, rootRO, load))},
		{ID: "brk-given-back", What: "the brk is given to the boot allocator while tables lie in it", Source: "Linux, reserve_brk, setup_arch",
			Place: onBuffer(3), Catch: "spares-returned", Steps: 1, Change: ofKernel(freeBrk)},
	}
}

// oneToSpare wants one frame more than the table buffer needs.
func oneToSpare(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.FindTables = func(k *hooks.Kernel, r model.FrameRange) {
		hooks.FindEarlyTableSpace(k, r)
		b := &k.M.Kernel.Buffer
		end := r.To
		if !k.M.L.Geo.SignExtend {
			end = min(end, b.MaxMapped)
		}
		if _, ok := hooks.FindInRange(k, 0, end, int(b.Top-b.Start)+1, 1); !ok {
			k.M.Die(model.Crash{Kind: model.CrashPanic, Where: hooks.NoTableSpace})
		}
	}
}

// anyPlace does not look whether a place for the buffer was found.
func anyPlace(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.FindTables = func(k *hooks.Kernel, r model.FrameRange) {
		n, end, b := hooks.TablesFor(k, r.To), r.To, &k.M.Kernel.Buffer
		if !k.M.L.Geo.SignExtend {
			n += (k.M.L.Kernel.NrFixed + k.M.L.Geo.Slots[1] - 1) / k.M.L.Geo.Slots[1]
			end = min(end, b.MaxMapped)
		}
		base, _ := hooks.FindInRange(k, 0, end, n, 1)
		b.Start, b.End, b.Top = base, base, base+model.PFN(n)
		b.Flags |= model.BufferOpen
	}
}

// wholeLargePages leaves out a large page that is not all memory.
func wholeLargePages(_ *hooks.Ops, f *hooks.Funcs) {
	f.MapLarge = func(k *hooks.Kernel, pmd model.VA, pfn model.PFN) {
		if pfn+model.PFN(k.M.L.Geo.Slots[1]) <= k.M.L.Kernel.MaxLowPFN {
			hooks.MapLarge(k, pmd, pfn)
		}
	}
}

// copyL2s copies the builder's PAE root, and gives each present entry an L2 of its own, which
// fill is to fill from the builder's table, by its number among them.
func copyL2s(fill func(k *hooks.Kernel, n int, source, table model.VA)) piece {
	return func(k *hooks.Kernel, base model.VA) {
		shareRoot(k, base)
		if k.M.L.Geo.Levels != 3 {
			copyRoot(k, base)
			return
		}
		n := 0
		for i := range k.M.L.Geo.Slots[3] {
			from := k.Slot(builderRoot(k), i)
			if !k.Read(from).Is(model.Present) {
				continue
			}
			pfn := k.M.AllocBootmem()
			table := k.M.L.VA(pfn.PA())
			fill(k, n, k.TableOf(3, from), table)
			n++
			xen.MakeLowmemPageReadonly(k, table)
			k.SetUpper(3, k.Slot(base, i), k.PV.MakePMD(k, uint64(pfn.PA())|uint64(model.Present)))
		}
	}
}

// copyFirst fills the first L2 alone.
func copyFirst(k *hooks.Kernel, base model.VA) {
	copyL2s(func(k *hooks.Kernel, n int, source, table model.VA) {
		if n == 0 {
			copyTable(k, 2, source, table)
		}
	})(k, base)
}

// copyRow takes the second L2 for the page behind the first one.
func copyRow(k *hooks.Kernel, base model.VA) {
	var first model.VA
	copyL2s(func(k *hooks.Kernel, n int, source, table model.VA) {
		if n == 0 {
			first = source
		}
		copyTable(k, 2, first+model.VA(n)*model.PageSize, table)
	})(k, base)
}

// copyPresent copies what is present.
func copyPresent(k *hooks.Kernel, base model.VA) {
	for i := range k.M.L.Geo.Slots[k.M.L.Geo.Root()] {
		if e := k.Read(k.Slot(builderRoot(k), i)); e.Is(model.Present) {
			k.Write(k.Slot(base, i), e)
		}
	}
	copyBelow(k, k.M.L.Geo.Root(), builderRoot(k), base)
}

// freeBrk gives the brk back as soon as the boot has begun.
func freeBrk(o *hooks.Ops, _ *hooks.Funcs) {
	start := o.PagetableSetupStart
	o.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) {
		start(k, base)
		hooks.Release(k, k.M.L.Early.Brk.From, k.M.L.Early.Brk.To)
	}
}
