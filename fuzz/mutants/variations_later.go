package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// topdown and buffered ask for kernels of 3.8 and of 2.6.39.
func topdown(s *model.State) bool  { return s.L.Early.TopDown }
func buffered(s *model.State) bool { return !s.L.Early.TopDown }

// laterVariations are those of later kernels.
func laterVariations() []Variation {
	const source = "Linux, arch/x86/mm/init.c"
	later := Fits{Kernel: invariants.LaterKernel}
	bare := Fits{Kernel: invariants.LaterKernel, Machine: invariants.BareMetal}
	return []Variation{
		{ID: "pieces-reversed", What: "the pieces of a range are mapped from its end", Source: source, Fits: later, Change: ofKernel(piecesReversed)},
		{ID: "flush-tables", What: "the TLB is flushed whenever a table is left", Source: source, Fits: later, Change: ofKernel(flushTables)},
		{ID: "larger-hole", What: "the hole that is left out of dumps is larger", Source: "Linux 16877a55", Fits: later.also(long), Change: ofKernel(largerHole)},
		{ID: "pieces-small", What: "the first table of a range is mapped by itself", Source: source, Fits: later.also(topdown), Change: ofKernel(twoParts)},
		{ID: "buffer-low", What: "the table buffer lies as low as possible", Source: source, Fits: later.also(buffered), Change: ofKernel(bufferLow)},
		{ID: "buffer-exact", What: "everything in the buffer is kept: nothing is left over", Source: source, Fits: later.also(buffered), Change: ofKernel(keepAll)},
		{ID: "buffer-larger", What: "the table buffer is larger than needed", Source: source, Fits: later.also(buffered), Change: ofKernel(bufferLarger)},
		{ID: "map-twice", What: "a range is mapped twice", Source: source, Fits: later, Change: ofKernel(mapTwice)},
		{ID: "small-steps", What: "chunks never grow", Source: "Linux 8d57470d", Fits: later.also(topdown), Change: ofKernel(smallSteps)},
		{ID: "later-small-pages", What: "4 KiB pages where large ones are possible", Source: "Linux, DEBUG_PAGEALLOC; probe_page_size_mask",
			Fits: bare.also(func(s *model.State) bool { return s.L.Kernel.HasPSE }), Change: ofKernel(piecesWithout)},
		{ID: "later-large-pages", What: "large pages where 4 KiB pages do", Source: "Linux, probe_page_size_mask; Intel SDM vol. 3, 4.1.4",
			Fits: bare.also(topdown).also(func(s *model.State) bool { return !s.L.Kernel.HasPSE }), Change: ofKernel(piecesWith)},
		{ID: "espfix", What: "read-only pointers lead to one table in many places", Source: "Linux 3891a04aafd6, espfix_64.c",
			Fits: later.also(long), Change: ofKernel(espfix)},
		{ID: "device-later", What: "device memory is mapped in the fixmap, uncached", Source: "Linux, set_fixmap_nocache(FIX_APIC_BASE)",
			Fits: bare, Change: deviceLater()},
		{ID: "text-read-only", What: "kernel text that is not written becomes read-only when construction has ended", Source: "Linux, mark_rodata_ro",
			Fits: bare, Change: afterDone(textReadOnly)},
		{ID: "boot-no-execute", What: "data that the boot tables map loses execution when construction has ended", Source: "Linux, mark_nxdata_nx; mark_rodata_ro: set_memory_nx",
			Fits: bare.also(long).also(func(s *model.State) bool { return s.L.Kernel.NX }), Change: afterDone(bootNoExecute)},
	}
}

// deviceLater maps it on bare metal where a guest has shared_info.
func deviceLater() systems.Change {
	c := device(kernel.FixShared)
	c.Kernel = forBare(c.Kernel).Kernel
	return c
}

// afterDone has setup_done of a bare machine do more.
func afterDone(more func(k *hooks.Kernel)) systems.Change {
	return forBare(func(o *hooks.Ops, _ *hooks.Funcs) {
		done := o.PagetableSetupDone
		o.PagetableSetupDone = func(k *hooks.Kernel, base model.VA) {
			done(k, base)
			more(k)
			k.PV.FlushTLB(k)
		}
	})
}

// changeLeaf changes the flags of the leaf table's entry for a frame of the direct map.
func changeLeaf(k *hooks.Kernel, pfn model.PFN, add, drop model.Entry) {
	if pte, level, ok := k.LookupAddress(k.M.L.VA(pfn.PA())); ok && level == 1 && k.Read(pte).Is(model.Present) {
		k.PV.SetPTE[model.VariantLate](k, pte, k.Read(pte)&^drop|add)
	}
}

// textReadOnly takes write permission from the pages of text that are not written: the
// spare page of the fixmap calls.
func textReadOnly(k *hooks.Kernel) {
	if l := k.M.L; l.VA(l.Kernel.Spare.PA()) <= l.Kernel.TextEnd {
		changeLeaf(k, l.Kernel.Spare, 0, model.RW)
	}
}

// bootNoExecute takes execution from all that is no text.
func bootNoExecute(k *hooks.Kernel) {
	for pfn := range k.M.L.Kernel.MaxLowPFN {
		if k.M.L.Kernel.NX && k.M.L.VA(pfn.PA()) > k.M.L.Kernel.TextEnd {
			changeLeaf(k, pfn, model.NX, 0)
		}
	}
}

// bufferLarger makes the table buffer larger by a frame, if there is one.
func bufferLarger(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.FindTables = func(k *hooks.Kernel, r model.FrameRange) {
		hooks.FindEarlyTableSpace(k, r)
		b := &k.M.Kernel.Buffer
		if _, ok := hooks.FindInRange(k, b.Top, b.Top+1, 1, 1); ok && (k.M.L.Geo.SignExtend || b.Top < b.MaxMapped) && b.Top < r.To {
			b.Top++
		}
	}
}

// piecesWithout makes no piece of large pages, and the buffer large enough for tables
// instead.
func piecesWithout(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.Pieces = func(_ *hooks.Kernel, r model.FrameRange) (p [3]hooks.Piece) {
		p[0].FrameRange = r
		return p
	}
	f.Early.FindTables = func(k *hooks.Kernel, r model.FrameRange) {
		hooks.FindEarlyTableSpace(k, r)
		b, slots := &k.M.Kernel.Buffer, model.PFN(k.M.L.Geo.Slots[1])
		n := b.Top - b.Start + (r.To+slots-1)/slots
		end := r.To
		if !k.M.L.Geo.SignExtend {
			end = min(end, b.MaxMapped)
		}
		if base, ok := hooks.FindInRange(k, 0, end, int(n), 1); ok {
			b.Start, b.End, b.Top = base, base, base+n
		}
	}
}

// piecesWith makes the middle of a range a piece of large pages.
func piecesWith(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.Pieces = func(k *hooks.Kernel, r model.FrameRange) (p [3]hooks.Piece) {
		span := model.PFN(k.M.L.Geo.Slots[1])
		head, tail := (r.From+span-1)/span*span, r.To/span*span
		if k.M.L.Hyper != nil || !k.M.L.Early.TopDown || k.M.L.Kernel.HasPSE || head >= tail {
			return hooks.SplitRange(k, r)
		}
		p[0].FrameRange = model.FrameRange{From: r.From, To: head}
		p[1] = hooks.Piece{FrameRange: model.FrameRange{From: head, To: tail}, Large: true}
		p[2].FrameRange = model.FrameRange{From: tail, To: r.To}
		return p
	}
}

// espfix maps a page read-only at two addresses of a root slot that nobody uses, through
// two read-only pointers to one leaf table.
func espfix(o *hooks.Ops, _ *hooks.Funcs) {
	done := o.PagetableSetupDone
	o.PagetableSetupDone = func(k *hooks.Kernel, base model.VA) {
		done(k, base)
		g := k.M.L.Geo
		if !g.SignExtend {
			return
		}
		slot := k.M.L.UserSlots() - 1
		if k.Read(k.Slot(base, slot)) != 0 || k.M.L.XenSlot(g.Root(), slot, false) || k.M.L.Hyper != nil && k.M.L.Hyper.XenLevel != g.Root() {
			return
		}
		var tables [3]model.PFN // L3, L2, L1
		for i := range tables {
			pfn, ok := hooks.AllocPage(k)
			if !ok {
				return
			}
			model.Put(&k.M.Kernel.Buffer.Tables, model.Frame(pfn), true)
			tables[i] = pfn
		}
		page, ok := hooks.AllocPage(k)
		if !ok {
			return
		}
		model.Put(&k.M.Kernel.Buffer.Data, model.Frame(page), true)
		linkEspfix(k, k.Slot(base, slot), tables, page)
	}
}

// linkEspfix links the tables below a root entry.
func linkEspfix(k *hooks.Kernel, entry model.VA, tables [3]model.PFN, page model.PFN) {
	at := func(pfn model.PFN, slot int) model.VA { return k.Slot(k.M.L.VA(pfn.PA()), slot) }
	link := func(level int, entry model.VA, to model.PFN, flags model.Entry) {
		k.SetUpper(level, entry, k.PV.MakePMD(k, uint64(to.PA())|uint64(flags)))
	}
	k.AllocPD(tables[0])
	link(4, entry, tables[0], hooks.PageTable)
	k.AllocPD(tables[1])
	link(3, at(tables[0], 0), tables[1], hooks.PageTable)
	k.AllocPT(tables[2])
	for i := range 2 {
		link(2, at(tables[1], i), tables[2], hooks.PageTable&^model.RW)
	}
	k.PV.SetPTE[k.M.Kernel.SetPTE](k, at(tables[2], 0), k.PV.MakePTE(k, uint64(page.PA())|uint64(model.Present)))
}

func piecesReversed(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.Pieces = func(k *hooks.Kernel, r model.FrameRange) [3]hooks.Piece {
		p := hooks.SplitRange(k, r)
		p[0], p[2] = p[2], p[0]
		return p
	}
}

// twoParts maps what the first table of a range covers by itself. 2.6.39 must not:
// it empties the slots behind a piece.
func twoParts(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.Pieces = func(k *hooks.Kernel, r model.FrameRange) [3]hooks.Piece {
		p := hooks.SplitRange(k, r)
		span := model.PFN(k.M.L.Geo.Slots[1])
		if cut := r.From/span*span + span; !p[1].Large && cut < r.To {
			p[0].To, p[1].FrameRange = cut, model.FrameRange{From: cut, To: r.To}
		}
		return p
	}
}

func flushTables(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.CloseTable = func(k *hooks.Kernel, table model.VA) {
		hooks.UnmapLowPage(k, table)
		k.PV.FlushTLB(k)
	}
}

func largerHole(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.GuardHole = func(k *hooks.Kernel) (first, last int) {
		first, _ = hooks.GuardHole(k)
		return first, k.M.L.UserSlots() - 1
	}
}

// bufferLow looks for the lowest place instead of the highest, with a free frame
// before it: a 64-bit guest of 2.6.39 takes the frame before an unused buffer for
// the table that is being filled, and must not have a table there.
func bufferLow(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.FindTables = func(k *hooks.Kernel, r model.FrameRange) {
		hooks.FindEarlyTableSpace(k, r)
		b := &k.M.Kernel.Buffer
		n := b.Top - b.Start
		for from := model.PFN(0); from < b.Start; from++ {
			if _, ok := hooks.FindInRange(k, from, from+n+1, int(n)+1, 1); ok {
				b.Start, b.End, b.Top = from+1, from+1, from+1+n
				return
			}
		}
	}
}

// keepAll counts the whole buffer as used.
func keepAll(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.ReserveTables = func(k *hooks.Kernel) {
		b := &k.M.Kernel.Buffer
		end := b.End
		b.End = b.Top
		hooks.ReserveTables(k)
		b.End = end
	}
}

// mapTwice maps each piece twice. A 64-bit guest of 2.6.39 must not: it tells the
// table that is being filled from others by its number alone, and would open the
// one it has made last as if it were new.
func mapTwice(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.PhysMapping = func(k *hooks.Kernel, from, to model.PFN, large bool) {
		hooks.PhysMapping(k, from, to, large)
		if l := k.M.L; l.Hyper == nil || !l.Geo.SignExtend || l.Early.TopDown {
			hooks.PhysMapping(k, from, to, large)
		}
	}
}

func smallSteps(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.SetMinMapped = func(k *hooks.Kernel, pfn model.PFN) {
		hooks.SetMinMapped(k, pfn)
		k.M.Kernel.Buffer.Size = 1 << 10
	}
}
