package hooks

import "github.com/ptcheck/ptcheck/model"

// The boot allocator of later kernels (Linux: mm/memblock.c), frames only. What
// it remembers is in model.TableBuffer.

// FindInRange returns the highest place for n frames of free memory in a row in
// [from, to), a multiple of align (Linux: memblock_find_in_range). It reserves
// nothing.
func FindInRange(k *Kernel, from, to model.PFN, n int, align model.PFN) (model.PFN, bool) {
	free := 0
	for pfn := to; pfn > from; pfn-- {
		if !k.early().IsRAM(pfn-1) || k.buffer().Reserved.Has(pfn-1) {
			free = 0
			continue
		}
		if free++; free >= n && (pfn-1)%align == 0 {
			return pfn - 1, true
		}
	}
	return 0, false
}

// Reserve takes frames out of the allocator's hands (memblock_reserve).
func Reserve(k *Kernel, from, to model.PFN) {
	b := k.buffer()
	b.Reserved = b.Reserved.Add(model.FrameRange{From: from, To: to})
}

// Release gives frames to the allocator (memblock_free).
func Release(k *Kernel, from, to model.PFN) {
	b := k.buffer()
	b.Reserved = b.Reserved.Remove(model.FrameRange{From: from, To: to})
}

// AllocPage hands out a page for data, from mapped memory, zeroed (Linux:
// memblock_alloc). It returns false when there is none left.
func AllocPage(k *Kernel) (model.PFN, bool) {
	pfn, ok := FindInRange(k, 0, k.buffer().MaxMapped, 1, 1)
	if !ok {
		return 0, false
	}
	Reserve(k, pfn, pfn+1)
	k.M.HandOut(pfn)
	k.M.ClearPage(k.layout().VA(pfn.PA()))
	return pfn, true
}

// ExtendBrk takes n frames from the end of the brk (Linux: extend_brk).
func ExtendBrk(k *Kernel, n int) model.PFN {
	b := k.buffer()
	pfn := b.BrkEnd
	if pfn+model.PFN(n) > k.early().Brk.To {
		k.M.Bug("extend_brk", model.OK)
	}
	b.BrkEnd += model.PFN(n)
	return pfn
}

// BrkTable takes a frame for a table, zeroed, from the end of the brk.
func BrkTable(k *Kernel) model.PFN {
	pfn := ExtendBrk(k, 1)
	k.buffer().Tables = k.buffer().Tables.Add(model.FrameRange{From: pfn, To: pfn + 1})
	k.M.HandOut(pfn)
	k.M.ClearPage(k.layout().VA(pfn.PA()))
	return pfn
}

// MemorySetup reserves what is in use at the start of the day: the kernel's image
// with its brk, what the loader has put into memory, and what the backend knows of
// (Linux: setup_arch up to memblock_x86_fill; reserve_initrd).
func MemorySetup(k *Kernel) {
	e, b := k.early(), k.buffer()
	b.BrkEnd, b.MaxMapped = e.Brk.From, e.Mapped
	k.PV.Early.MemorySetup(k)
	Reserve(k, 0, e.Image)
	Reserve(k, e.Brk.From, e.Brk.To)
	Reserve(k, e.Initrd.From, e.Initrd.To)
}

func (k *Kernel) early() *model.EarlyMap     { return k.M.L.Early }
func (k *Kernel) buffer() *model.TableBuffer { return &k.M.Kernel.Buffer }
