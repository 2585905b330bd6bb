package audit

import "github.com/ptcheck/ptcheck/traces/image"

// region is a part of the address space that has a name.
type region struct {
	first uint64
	name  string
}

// linux64 are the places of 64-bit Linux that do not move (mm.rst under
// Documentation/arch/x86/x86_64); the direct map, vmalloc space and vmemmap do, and are
// "kernel half" unless the direct map was found.
func linux64() []region {
	return []region{
		{0, "user half"}, {1 << 63, "kernel half"}, {0xfffffe0000000000, "cpu entry area"}, {0xfffffe8000000000, "kernel half"},
		{0xffffff0000000000, "espfix"}, {0xffffff8000000000, "kernel half"}, {0xffffffef00000000, "EFI"}, {0xffffffff00000000, "kernel half"},
		{kernelImage, "kernel image, modules"}, {0xffffffffff000000, "fixmap"},
	}
}

// xen64 are Xen's slots (asm/config.h); the guest has the rest.
func xen64() []region {
	return []region{
		{0, "guest, user half"}, {0xffff800000000000, "Xen: M2P for guests"}, {0xffff808000000000, "Xen: PCI, compat M2P"},
		{0xffff810000000000, "Xen: linear tables"}, {0xffff820000000000, "Xen: of the domain"}, {0xffff828000000000, "Xen: M2P"},
		{0xffff82c000000000, "Xen: vmap, image"}, {0xffff82e000000000, "Xen: frame table"}, {0xffff830000000000, "Xen: direct map"},
		{0xffff880000000000, "guest, kernel half"},
	}
}

// area names what an address is for.
func (a *Audit) area(va uint64) string {
	if a.Paging.Mode < image.FourLevel {
		return a.area32(va)
	}
	if half := uint64(1) << (a.Paging.Mode.AddressBits() - 1); va >= half && va < -half {
		return "not canonical"
	}
	list := linux64()
	if a.xen != nil {
		list = xen64()
	} else if d := a.DirectMap; d != 0 && va >= d && va-d < a.top() {
		return "direct map"
	}
	name := list[0].name
	for _, r := range list {
		if va >= r.first {
			name = r.name
		}
	}
	return name
}

// area32 names an address of a 32-bit machine.
func (a *Audit) area32(va uint64) string {
	switch {
	case a.half == 0:
		return ""
	case va < a.half:
		return "user half"
	case va-a.half < min(a.top(), lowMemory):
		return "low memory"
	}
	return "kernel half"
}

// lowMemory is the most that a 32-bit kernel maps for good (MAXMEM with the default
// split).
const lowMemory = 896 << 20

// top is where memory ends.
func (a *Audit) top() uint64 {
	n := len(a.census.memory)
	for n > 0 && a.Paging.Mode < image.FourLevel && a.census.memory[n-1].First<<image.PageShift >= 0xc0000000 {
		n-- // ROM below 4 GiB
	}
	if n == 0 {
		return 0
	}
	last := &a.census.memory[n-1]
	return (last.First + last.Count) << image.PageShift
}
