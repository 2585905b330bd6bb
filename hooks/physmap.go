package hooks

import "github.com/ptcheck/ptcheck/model"

// MapRange extends the direct map by a range of frames: each piece of it with
// pages of one size (Linux: init_memory_mapping).
func MapRange(k *Kernel, r model.FrameRange) {
	for _, p := range k.Fn.Early.Pieces(k, r) {
		if p.From < p.To {
			k.Fn.Early.PhysMapping(k, p.From, p.To, p.Large)
		}
	}
	k.PV.FlushTLB(k)
	b := k.buffer()
	b.MaxMapped = max(b.MaxMapped, r.To)
}

// Piece is a part of a range that is mapped with pages of one size; it may be
// empty.
type Piece struct {
	model.FrameRange
	Large bool
}

// SplitRange splits a range into a head and a tail of small pages and large pages
// between them (Linux: save_mr and what calls it).
func SplitRange(k *Kernel, r model.FrameRange) (pieces [3]Piece) {
	span := model.PFN(k.geo().Slots[1])
	head, tail := (r.From+span-1)/span*span, r.To/span*span
	if !k.layout().Kernel.HasPSE || head >= tail {
		pieces[0].FrameRange = r
		return pieces
	}
	pieces[0].FrameRange = model.FrameRange{From: r.From, To: head}
	pieces[1] = Piece{model.FrameRange{From: head, To: tail}, true}
	pieces[2].FrameRange = model.FrameRange{From: tail, To: r.To}
	return pieces
}

// PhysMapping maps a piece, in the manner of the kernel's word size (Linux:
// kernel_physical_mapping_init of init_64.c and init_32.c).
func PhysMapping(k *Kernel, from, to model.PFN, large bool) {
	if k.geo().SignExtend {
		k.physTable(k.rootLevel(), k.Base(), from, to, large)
		return
	}
	for pass := 1; pass <= 2; pass++ {
		k.physPass(from, to, large, pass)
		k.PV.FlushTLB(k)
	}
}

// physTable fills the part of a table that maps [from, to). What is present is
// used as it is. A new table is filled before it is linked (phys_pud_init to
// phys_pte_init).
func (k *Kernel) physTable(level int, table model.VA, from, to model.PFN, large bool) {
	g := k.geo()
	span := model.PFN(g.Span(level) >> model.PageShift)
	for pfn := from; pfn < to; {
		next := min((pfn/span+1)*span, to)
		entry := k.Slot(table, g.Index(k.layout().VA(pfn.PA()), level))
		switch {
		case level == 1:
			if k.PV.PTEVal(k, k.Read(entry)) == 0 {
				k.Fn.MapPage(k, entry, pfn)
			}
		case k.Val(level, k.Read(entry)) == 0:
			if level == 2 && large {
				k.Fn.MapLarge(k, entry, pfn)
				break
			}
			sub, frame := k.Fn.Early.AllocLowPage(k)
			k.physTable(level-1, sub, pfn, next, large)
			k.Fn.Early.CloseTable(k, sub)
			k.populate(level, entry, frame)
		case level == 2 && k.Val(level, k.Read(entry))&uint64(model.PSE) != 0:
		default:
			sub := k.Fn.Early.OpenTable(k, k.layout().PA(k.TableOf(level, entry)).PFN())
			k.physTable(level-1, sub, pfn, next, large)
			k.Fn.Early.CloseTable(k, sub)
		}
		pfn = next
	}
	if level <= 2 {
		k.Fn.Early.ClearBeyond(k, level, table, to)
	}
}

// ClearBeyond empties the slots of a table behind the end of a range. 2.6.39 does
// so always, 3.8 only where the memory map has no RAM.
func ClearBeyond(k *Kernel, level int, table model.VA, from model.PFN) {
	g := k.geo()
	span := model.PFN(g.Span(level) >> model.PageShift)
	end := ((from-1)/(span*model.PFN(g.Slots[level])) + 1) * span * model.PFN(g.Slots[level])
	for pfn := (from + span - 1) / span * span; pfn < end; pfn += span {
		entry := k.Slot(table, g.Index(k.layout().VA(pfn.PA()), level))
		switch {
		case k.early().TopDown && k.anyRAM(pfn, pfn+span):
		case level == 1:
			k.setPTE(entry, 0)
		default:
			k.SetUpper(level, entry, 0)
		}
	}
}

// anyRAM reports whether the memory map lists RAM in a range (e820_any_mapped).
func (k *Kernel) anyRAM(from, to model.PFN) bool {
	for pfn := from; pfn < to; pfn++ {
		if k.early().Listed(pfn) {
			return true
		}
	}
	return false
}
