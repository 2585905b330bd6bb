package invariants

import (
	"cmp"
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// area is a part of a kernel's address space, and who may do what with its pages.
type area struct {
	name string
	// has reports whether a page that a leaf of a level maps lies there; the first area of
	// the list counts.
	has func(l *model.Layout, level int, va model.VA) bool
	// must are the rights and attributes that its leaves have on bare metal, guest those
	// under a hypervisor, which has a say in who may write. never are those that none has.
	must, guest, never model.Entry
	// apart says that no page is both writable and executable.
	apart  bool
	source string
}

const numAreas = 8

// areas are the parts of an address space, in the order in which they are asked. What is
// no demand is the kernel's choice: whether a page is global, and what its software bits
// say.
func areas() [numAreas]area {
	const uncached = model.PWT | model.PCD
	return [...]area{
		{name: "a process's part", has: processPart, must: model.User, guest: model.User, never: uncached,
			source: "Linux, asm/pgtable_types.h: PAGE_SHARED, PAGE_COPY; Intel SDM vol. 3, 4.6"},
		{name: "the kernel's text", has: textPart, never: model.User | model.NX | uncached,
			source: "Linux, PAGE_KERNEL_EXEC; is_kernel_text; mark_rodata_ro may take write permission away later"},
		{name: "the direct map", has: directPart, must: model.RW | model.NX, guest: model.NX, never: model.User | uncached,
			source: "Linux, PAGE_KERNEL and PAGE_KERNEL_LARGE; CONFIG_DEBUG_WX; Intel SDM vol. 3, 4.6"},
		{name: "the array of page structs", has: structsPart, must: model.RW | model.NX, guest: model.RW | model.NX, never: model.User | uncached,
			source: "Linux, vmemmap_populate: PAGE_KERNEL"},
		{name: "the vmalloc area", has: vmallocPart, must: model.NX, guest: model.NX, never: model.User | uncached,
			source: "Linux, __vmalloc: PAGE_KERNEL; descriptor tables in it are read-only under Xen"},
		{name: "the kmaps", has: pkmapPart, must: model.NX, guest: model.NX, never: model.User | uncached,
			source: "Linux, kmap_prot: PAGE_KERNEL"},
		{name: "the fixmap", has: fixmapPart, must: model.NX, guest: model.NX, never: model.User | uncached,
			source: "Linux, asm/fixmap.h: FIXMAP_PAGE_NORMAL; early_ioremap; kmap_atomic"},
		{name: "the rest of the kernel's part", has: kernelPart, never: model.User, apart: true,
			source: "Linux, CONFIG_DEBUG_WX: note_page; espfix_64.c, whose pages are read-only and executable"},
	}
}

// halfOf is the address at which the upper half of the address space begins.
func halfOf(l *model.Layout) model.VA {
	if l.Geo.SignExtend {
		return model.VA(1) << (l.Geo.VABits() - 1)
	}
	return l.Kernel.PageOffset
}

func processPart(l *model.Layout, _ int, va model.VA) bool {
	return l.Life != nil && va < halfOf(l)
}

func kernelPart(l *model.Layout, _ int, va model.VA) bool { return va >= halfOf(l) }

func directPart(l *model.Layout, _ int, va model.VA) bool {
	return l.PA(va).PFN() < l.Kernel.MaxLowPFN
}

func textPart(l *model.Layout, level int, va model.VA) bool {
	return directPart(l, level, va) && isText(l, va, level)
}

func structsPart(l *model.Layout, _ int, va model.VA) bool {
	e := l.Early
	return e != nil && e.Vmemmap != 0 && va >= e.Vmemmap && va < e.Vmalloc
}

// vmallocPart has no end of its own: whatever the fixmap and the kmaps do not have.
func vmallocPart(l *model.Layout, level int, va model.VA) bool {
	from := model.VA(0)
	switch {
	case l.Life != nil:
		from = l.Life.Vmalloc
	case l.Early != nil:
		from = l.Early.Vmalloc
	}
	return from != 0 && va >= from && !pkmapPart(l, level, va) && !fixmapPart(l, level, va)
}

func pkmapPart(l *model.Layout, _ int, va model.VA) bool {
	k := &l.Kernel
	return k.Highmem && va >= k.PkmapBase && va < k.PkmapBase+model.VA(k.LastPkmap)*model.PageSize
}

func fixmapPart(l *model.Layout, _ int, va model.VA) bool {
	return l.Kernel.NrFixed > 1 && va >= l.Fix(l.Kernel.NrFixed-1)
}

// judged are the rights and attributes of a page that mean something.
func (c *Checker) judged(m *mapping) model.Entry {
	l, bits := c.s.L, model.RW|model.User|model.NX|model.PWT|model.PCD
	if !c.s.CPU.NXE || !l.Kernel.NX || l.Geo.Width == 4 || l.Hyper != nil && !l.Geo.SignExtend {
		// There is no such right, or making an entry loses the bit (32-bit guests).
		bits &^= model.NX
	}
	if l.IsDevice(l.Names(m.leaf)) {
		bits &^= model.PWT | model.PCD // how a device is cached is its driver's choice
	}
	return bits
}

// ofTheBoot reports whether a page is one that the boot tables map, as they map it: all
// they have is executable. A 64-bit kernel keeps what they map of the direct map (its
// mark_rodata_ro and mark_nxdata_nx come after all that is modelled); a 32-bit kernel
// writes it anew, range by range.
func (c *Checker) ofTheBoot(va model.VA) bool {
	l := c.s.L
	if l.Early == nil || l.Life != nil || !l.Geo.SignExtend && c.allMapped() {
		return false
	}
	return mapsPage(c.start.pages, va) || mapsPage(c.start.low, va)
}

// mapsPage reports whether an address is among pages, which ascend.
func mapsPage(pages []page, va model.VA) bool {
	_, ok := slices.BinarySearchFunc(pages, va, func(p page, va model.VA) int { return cmp.Compare(p.va, va) })
	return ok
}

// allMapped reports whether a later kernel has been asked to map all of its memory.
func (c *Checker) allMapped() bool {
	e, b := c.s.L.Early, &c.s.Kernel.Buffer
	if e.TopDown {
		return b.Is(model.TopDone)
	}
	return !b.Open() && int(b.Mapped) == 1<<len(e.Ranges)-1
}

// rights is what a leaf grants with all entries above it: who may write, execute and use
// it, and how it is cached. Under a hypervisor the entries above are its guests' to
// change, and the leaf counts alone; a 64-bit one marks what the kernel keeps for itself,
// for both kernel and processes run in user mode there.
func (c *Checker) rights(m *mapping) model.Entry {
	l, is := c.s.L, c.effective(m)
	switch {
	case l.Hyper == nil && !m.user, l.Hyper != nil && l.Geo.SignExtend && is.Is(model.GuestKernel):
		is &^= model.User
	case l.Hyper != nil && l.Geo.SignExtend:
		is |= model.User
	}
	if m.level == 1 && is.Is(model.PSE) {
		is |= model.PCD // PAT: not the ordinary way, whatever it says
	}
	return is
}
