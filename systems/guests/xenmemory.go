package guests

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/emulator"
)

// tscMultiplier is 2^32 nanoseconds by the cycles that they take, at 2.5 GHz as CPUID says.
const tscMultiplier = 0x66666666

// hypervisor lays out the hypervisor's own memory: shared_info, the list of frame numbers, and
// what a processor needs to become unprivileged.
func (d *domain) hypervisor() {
	next := d.xenFirst
	take := func() uint64 { next++; return next - 1 }
	d.sharedInfo = take()
	info := d.page(d.sharedInfo) // it begins with a vcpu_info
	info[1] = 1                  // upcalls are masked
	binary.LittleEndian.PutUint32(info[56:], tscMultiplier)
	tables := func(va uint64, flags model.Entry) (root, leaves uint64) {
		l3, l2, l1 := take(), take(), take()
		d.put(l3, slotOf(va, 3), l2<<12|uint64(flags))
		d.put(l2, slotOf(va, 2), l1<<12|uint64(flags))
		return l3<<12 | uint64(flags), l1
	}
	const private = model.Present | model.RW | model.Accessed | model.Dirty
	var l1 uint64
	d.slots[0], l1 = tables(m2pVA, private|model.User)
	for i := range (d.frames()*8 + 0xfff) >> 12 {
		f := take()
		d.put(l1, int(i), f<<12|uint64(model.Present|model.User|model.Accessed))
		for j := range 512 {
			d.put(f, j, ^uint64(0))
		}
	}
	d.m2pTable = l1
	for pfn, mfn := range d.p2m {
		f, slot, _ := d.m2p(uint64(mfn))
		d.put(f, slot, uint64(pfn))
	}
	d.slots[1], l1 = tables(privateVA, private)
	d.privateL1 = l1
	var own [privates]uint64
	for i := range own {
		own[i] = take()
		d.put(l1, i, own[i]<<12|uint64(private))
	}
	d.descriptors(own[firstXens>>12])
	d.stub(own[stubPage], own[stackPage])
}

// m2p is where the list of frame numbers has a frame.
func (d *domain) m2p(mfn uint64) (frame uint64, slot int, ok bool) {
	if mfn >= d.frames() {
		return 0, 0, false
	}
	e := binary.LittleEndian.Uint64(d.page(d.m2pTable)[mfn>>9*8:])
	return e >> 12 & (1<<40 - 1), int(mfn & 511), true
}

// descriptors fills the hypervisor's part of the descriptor table.
func (d *domain) descriptors(f uint64) {
	for selector, v := range map[int]uint64{
		xenCS:    0x00af9b000000ffff,
		0xe010:   0x00cf93000000ffff,
		0xe023:   0x00cffb000000ffff, // 32-bit code
		kernelSS: 0x00cff3000000ffff,
		kernelCS: 0x00affb000000ffff,
	} {
		d.put(f, selector&0xff8>>3, v)
	}
}

// stub is code that loads the descriptor table and goes to the kernel, unprivileged.
func (d *domain) stub(code, stack uint64) {
	b := d.page(code)
	copy(b, "\x0f\x01\x15\xf9\x00\x00\x00\x48\xcf") // lgdt 0xf9(%rip); iretq
	binary.LittleEndian.PutUint16(b[0x100:], 0xffff)
	binary.LittleEndian.PutUint64(b[0x102:], privateVA)
	for i, v := range []uint64{d.pv.Entry, kernelCS, 0x202, d.pv.VirtBase + d.stack<<12 + 0x1000, kernelSS} {
		d.put(stack, i, v)
	}
}

// tell fills start_info and the list of machine frames (Xen: public/xen.h).
func (d *domain) tell() {
	for pfn, mfn := range d.p2m {
		binary.LittleEndian.PutUint64(d.guest(d.list + uint64(pfn)>>9)[pfn&511*8:], uint64(mfn))
	}
	const privileged = 3 // SIF_PRIVILEGED, SIF_INITDOMAIN
	b := d.guest(d.startInfo)
	put := binary.LittleEndian.PutUint64
	copy(b, "xen-3.0-x86_64")
	put(b[32:], uint64(d.m.Pages))
	put(b[40:], d.sharedInfo<<12)
	if d.m.Kind == model.Dom0 {
		put(b[48:], privileged)
	} else {
		put(b[56:], uint64(d.p2m[d.startInfo+1]))
		put(b[64:], 1) // event channel of xenstore
		put(b[72:], uint64(d.p2m[d.startInfo+2]))
		put(b[80:], 2) // and of the console
	}
	put(b[88:], d.pv.VirtBase+d.root<<12)
	put(b[96:], d.stack-d.root)
	put(b[104:], d.listVA())
	copy(b[128:], d.m.Cmdline)
	if d.pv.InitP2M != 0 {
		put(b[1152:], d.list)
		put(b[1160:], d.listEnd-d.list)
	}
}

// listVA is where the list of machine frames is mapped.
func (d *domain) listVA() uint64 {
	if d.pv.InitP2M != 0 {
		return d.pv.InitP2M
	}
	return d.pv.VirtBase + d.list<<12
}

// memoryMap is the machine's memory map: that of QEMU's machine "pc".
func (d *domain) memoryMap() []emulator.Range {
	const acpi = 0x20000
	end := d.frames() << 12
	return []emulator.Range{
		{Start: 0, End: 0x9fc00, Kind: emulator.Usable},
		{Start: 0x9fc00, End: 0xa0000, Kind: emulator.Reserved},
		{Start: 0xf0000, End: 0x100000, Kind: emulator.Reserved},
		{Start: 0x100000, End: end - acpi, Kind: emulator.Usable},
		{Start: end - acpi, End: end, Kind: emulator.Reserved},
		{Start: 0xfffc0000, End: 0x100000000, Kind: emulator.Reserved},
		{Start: 0xfd00000000, End: 0x10000000000, Kind: emulator.Reserved},
	}
}

// toldMap is what Xen tells dom0 of it: the interrupt controllers are Xen's (Xen: the case
// XENMEM_machine_memory_map of arch_memory_op).
func (d *domain) toldMap() []emulator.Range {
	list := append(d.memoryMap(),
		emulator.Range{Start: 0xfec00000, End: 0xfec01000, Kind: emulator.Reserved},
		emulator.Range{Start: 0xfee00000, End: 0xfef00000, Kind: emulator.Reserved})
	slices.SortFunc(list, func(a, b emulator.Range) int { return cmp.Compare(a.Start, b.Start) })
	return list
}

// ram is the machine's memory.
func (d *domain) ram() (out []emulator.Range) {
	for _, r := range d.memoryMap() {
		if r.Kind == emulator.Usable {
			out = append(out, r)
		}
	}
	return out
}

// layout is the machine as the model has it.
func (d *domain) layout() (*model.Layout, error) {
	frames, err := model.NewPhysMap(d.p2m, []model.MFN{model.MFN(d.sharedInfo)})
	if err != nil {
		return nil, err
	}
	h := &model.Hyper{Profile: model.Xen417(), XenLevel: 4, XenFirst: firstXenSlot, XenLast: lastXenSlot,
		Extra: []model.Extra{{Name: "shared_info", Kind: model.SharedInfo}}}
	d.m.Kind.Describe(h)
	h.Regions = []model.Region{
		{First: 0, Last: 0xff, Kind: model.Device},
		{First: 0x100, Last: model.MFN(d.frames()) - 1, Kind: model.OthersMemory},
		{First: 0xfee00, Last: 0xfeeff, Kind: model.Denied},
		{First: 0, Last: 1<<40 - 1, Kind: model.Device},
	}
	return &model.Layout{Geo: model.AMD64(), Map: frames, Hyper: h}, nil
}

// Slots of a root that are the hypervisor's.
const (
	firstXenSlot = 256
	lastXenSlot  = 271
)
