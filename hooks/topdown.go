package hooks

import "github.com/ptcheck/ptcheck/model"

// Mapping memory from its top down: tables come from the brk at first, then from
// memory that is mapped already (Linux 3.8: init_mem_mapping, arch/x86/mm/init.c,
// 8d57470d).

// TopStart takes the first table frames from the brk, maps the range that is
// always mapped, and looks for the place to begin: a free large page near the end
// of memory.
func TopStart(k *Kernel) {
	e, b := k.early(), k.buffer()
	b.Start = ExtendBrk(k, e.PageBuf)
	b.End, b.Top = b.Start, b.Start+model.PFN(e.PageBuf)
	b.Flags |= model.BufferOpen | model.TopStarted
	MapRange(k, model.FrameRange{To: e.ISAEnd})
	span := model.PFN(k.geo().Slots[1])
	base, ok := FindInRange(k, e.ISAEnd, k.layout().Kernel.MaxLowPFN, int(span), span)
	if !ok {
		k.M.Die(model.Crash{Kind: model.CrashPanic, Where: "no free large page"})
	}
	b.RealEnd = base + span
	b.LastStart, b.MaxMapped = b.RealEnd, 0
	b.Step = k.Fn.Early.FirstStep(k)
	k.Fn.Early.SetMinMapped(k, b.RealEnd)
}

// FirstStep is the size of the first step: so small that the brk's frames suffice.
func FirstStep(k *Kernel) model.PFN { return model.PFN(k.geo().Slots[1]) }

// SetMinMapped notes from where on memory is mapped (min_pfn_mapped): tables come
// from there.
func SetMinMapped(k *Kernel, pfn model.PFN) { k.buffer().MinMapped = pfn }

// TopStep maps the next chunk downwards. Steps grow once more has been mapped than
// ever before.
func TopStep(k *Kernel) {
	e, b := k.early(), k.buffer()
	start := e.ISAEnd
	if b.LastStart > b.Step {
		start = max(start, (b.LastStart-1)/b.Step*b.Step)
	}
	mapped := mapRAM(k, model.FrameRange{From: start, To: b.LastStart})
	b.LastStart = start
	k.Fn.Early.SetMinMapped(k, start)
	if mapped > b.Size {
		b.Step <<= e.StepShift
	}
	b.Size += mapped
}

// TopEnd maps what lies above the place where mapping began.
func TopEnd(k *Kernel) {
	b := k.buffer()
	if end := k.layout().Kernel.MaxLowPFN; b.RealEnd < end {
		mapRAM(k, model.FrameRange{From: b.RealEnd, To: end})
	}
	b.Flags = b.Flags&^model.BufferOpen | model.TopDone
}

// mapRAM maps the RAM of a range and returns how many frames that is (Linux:
// init_range_memory_mapping). While a chunk covers the brk's own table frames,
// these are not taken.
func mapRAM(k *Kernel, r model.FrameRange) model.PFN {
	b := k.buffer()
	var mapped model.PFN
	part := func(m model.FrameRange) {
		m.From, m.To = max(m.From, r.From), min(m.To, r.To)
		if m.From >= m.To {
			return
		}
		if max(m.From, b.End) < min(m.To, b.Top) {
			b.Flags |= model.NoBrk
		}
		MapRange(k, m)
		b.Flags &^= model.NoBrk
		mapped += m.To - m.From
	}
	for _, m := range k.early().RAM {
		part(m)
	}
	part(k.early().Extra)
	return mapped
}

// allocMapped takes table frames from memory that is mapped already.
func (k *Kernel) allocMapped(n int) model.PFN {
	b := k.buffer()
	if b.MinMapped >= b.MaxMapped {
		k.M.Die(model.Crash{Kind: model.CrashPanic, Where: "alloc_low_page: ran out of memory"})
	}
	pfn, ok := FindInRange(k, b.MinMapped, b.MaxMapped, n, 1)
	if !ok {
		k.M.Die(model.Crash{Kind: model.CrashPanic, Where: "alloc_low_page: can not alloc memory"})
	}
	Reserve(k, pfn, pfn+model.PFN(n))
	return pfn
}
