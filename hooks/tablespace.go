package hooks

import "github.com/ptcheck/ptcheck/model"

// NoTableSpace is the panic of a kernel that finds no room for the table buffer: its memory
// does not suffice.
const NoTableSpace = "Cannot find space for the kernel page tables"

// FindEarlyTableSpace picks the table buffer for mapping a range: as many frames
// as all memory up to its end needs, wherever there are that many in a row; a
// 32-bit kernel needs them mapped, and more of them for the fixmap (Linux
// 2.6.39: find_early_table_space, arch/x86/mm/init.c).
func FindEarlyTableSpace(k *Kernel, r model.FrameRange) {
	n, end := TablesFor(k, r.To), r.To
	if !k.geo().SignExtend {
		n += (k.layout().Kernel.NrFixed + k.geo().Slots[1] - 1) / k.geo().Slots[1]
		end = min(end, k.buffer().MaxMapped)
	}
	base, ok := FindInRange(k, 0, end, n, 1)
	if !ok {
		k.M.Die(model.Crash{Kind: model.CrashPanic, Where: NoTableSpace})
	}
	b := k.buffer()
	b.Start, b.End, b.Top = base, base, base+model.PFN(n)
	b.Flags |= model.BufferOpen
}

// TablesFor is the number of tables below the root that map frames [0, end).
// With large pages only what is left over at the end needs L1 tables.
func TablesFor(k *Kernel, end model.PFN) int {
	g := k.geo()
	frames, n := int(end), 0
	for level := 1; level < max(g.Levels, 3); level++ {
		if level == 1 && k.layout().Kernel.HasPSE {
			n += (frames%g.Slots[1] + g.Slots[1] - 1) / g.Slots[1]
			frames = (frames + g.Slots[1] - 1) / g.Slots[1]
			continue
		}
		frames = (frames + g.Slots[level] - 1) / g.Slots[level]
		n += frames
	}
	return n
}

// AllocLowPage takes the next frame for a table, zeroed, and opens it for filling
// (Linux: alloc_low_page and, top-down, alloc_low_pages).
func AllocLowPage(k *Kernel) (model.VA, model.PFN) {
	pfn := AllocLowPages(k, 1)
	table := k.Fn.Early.OpenTable(k, pfn)
	k.M.ClearPage(table)
	return table, pfn
}

// AllocLowPages takes n frames in a row for tables and returns the first. They are
// not zeroed.
func AllocLowPages(k *Kernel, n int) model.PFN {
	b := k.buffer()
	pfn := b.End
	switch {
	case k.early().TopDown && (b.End+model.PFN(n) > b.Top || b.Is(model.NoBrk)):
		pfn = k.allocMapped(n)
	case b.End+model.PFN(n) > b.Top:
		k.M.Die(model.Crash{Kind: model.CrashPanic, Where: "alloc_low_page: ran out of memory"})
	default:
		b.End += model.PFN(n)
	}
	b.Tables = b.Tables.Add(model.FrameRange{From: pfn, To: pfn + model.PFN(n)})
	for i := range model.PFN(n) {
		k.M.HandOut(pfn + i)
	}
	return pfn
}

// MapLowPage makes a table accessible: a 64-bit kernel of 2.6.39 maps it in a slot
// of early_ioremap (map_low_page), others use the direct map.
func MapLowPage(k *Kernel, pfn model.PFN) model.VA {
	if k.windows() {
		return EarlyIoremap(k, pfn)
	}
	return k.layout().VA(pfn.PA())
}

// UnmapLowPage is the reverse (unmap_low_page).
func UnmapLowPage(k *Kernel, table model.VA) {
	if k.windows() {
		k.Fn.Early.EarlyIounmap(k, table)
	}
}

// windows reports whether tables are filled through slots of early_ioremap.
func (k *Kernel) windows() bool { return k.geo().SignExtend && !k.early().TopDown }

// ReserveTables ends the use of the buffer: what has been used stays, the backend
// hands back the rest. If nothing was used the buffer is forgotten (Linux 2.6.39:
// the end of init_memory_mapping).
func ReserveTables(k *Kernel) {
	b := k.buffer()
	if b.End > b.Start {
		k.PV.Early.PagetableReserve(k, b.Start, b.End)
	}
	b.Flags &^= model.BufferOpen
}
