package guests

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/emulator"
)

// Machine is what a kernel is booted on as a guest.
type Machine struct {
	Kind     model.GuestKind // Dom0, or one of the kinds of domU
	Pages    int             // of the guest's memory
	Cmdline  string
	Features emulator.Features
}

// Limits of a guest's memory, in pages: the kernel has to fit with its tables, and one table maps
// the list of frame numbers.
const (
	LeastPages = 128 << 8
	MostPages  = 512 << 8
)

// Where things lie on the machine, in frames.
const (
	guestFirst = 0x8000 // the guest's memory begins at 128 MiB
	xenFrames  = 0x1000 // the hypervisor's own is behind it
)

// Virtual addresses of the hypervisor's.
const (
	m2pVA     = 0xffff800000000000 // the list of frame numbers, which guests may read
	privateVA = 0xffff808000000000 // what only the hypervisor may
	gdtPages  = 16
	stubPage  = gdtPages
	stackPage = gdtPages + 1
	privates  = gdtPages + 2
)

// Segments of 64-bit guests (Xen: public/arch-x86/xen-x86_64.h).
const (
	kernelCS  = 0xe033
	kernelSS  = 0xe02b
	xenCS     = 0xe008
	firstXens = 0xe000 // selectors from here on are the hypervisor's
)

// Flags of the entries that builders make (Xen: arch/x86/pv/dom0_build.c, BASE_PROT;
// tools/libs/guest/xg_dom_x86.c, L1_PROT).
const (
	pointerFlags = model.Present | model.RW | model.User | model.Accessed | model.Dirty
	dom0Leaf     = model.Present | model.RW | model.User | model.Accessed | model.GuestKernel
	domULeaf     = model.Present | model.RW | model.Accessed
)

// domain is a guest as the domain builder hands it over.
type domain struct {
	m     *Machine
	k     *emulator.Kernel
	pv    emulator.Paravirtual
	p2m   []model.MFN // the machine frame of each of the guest's
	pages map[uint64][]byte

	next      uint64   // the first frame of the guest's that is not used
	tables    []uint64 // frames that are tables
	root      uint64
	startInfo uint64
	stack     uint64
	list      uint64 // the list of machine frames
	listEnd   uint64

	xenFirst   uint64 // frame of the machine
	sharedInfo uint64
	m2pTable   uint64    // the leaf table that maps the list of frame numbers
	privateL1  uint64    // and the one that maps the descriptor table
	slots      [2]uint64 // entries of the hypervisor's in each root
}

// build lays a guest out.
func build(k *emulator.Kernel, m *Machine) (*domain, error) {
	pv, ok := k.Paravirtual()
	switch {
	case !ok:
		return nil, errors.New("the kernel cannot be a paravirtual guest with 64 bits: it has no ELF notes for Xen that say so")
	case m.Pages < LeastPages || m.Pages > MostPages:
		return nil, fmt.Errorf("a guest with %d MiB: it may have %d to %d", m.Pages>>8, LeastPages>>8, MostPages>>8)
	case k.End > uint64(m.Pages)/2<<12:
		return nil, fmt.Errorf("the kernel needs more memory than %d MiB", m.Pages>>8)
	case len(m.Cmdline) >= 1024:
		return nil, errors.New("the command line has more than 1023 bytes")
	}
	d := &domain{m: m, k: k, pv: pv, pages: map[uint64][]byte{}, next: (k.End + 0xfff) >> 12}
	d.place()
	if err := d.image(); err != nil {
		return nil, err
	}
	d.layOut()
	d.hypervisor()
	d.tell()
	return d, nil
}

// place chooses machine frames. Dom0 gets one piece; the toolstack gets memory for other domains
// 2 MiB at a time, the highest first.
func (d *domain) place() {
	const piece = 512
	n := uint64(d.m.Pages)
	for pfn := range n {
		at := pfn
		if d.m.Kind != model.Dom0 {
			at = (n/piece-1-pfn/piece)*piece + pfn%piece
		}
		if pfn >= n/piece*piece {
			at = pfn
		}
		d.p2m = append(d.p2m, model.MFN(guestFirst+at))
	}
	d.xenFirst = guestFirst + n
}

// page is the content of a frame of the machine.
func (d *domain) page(mfn uint64) []byte {
	if d.pages[mfn] == nil {
		d.pages[mfn] = make([]byte, 4096)
	}
	return d.pages[mfn]
}

// guest is the content of a frame of the guest's.
func (d *domain) guest(pfn uint64) []byte { return d.page(uint64(d.p2m[pfn])) }

// image puts the kernel into the guest's memory.
func (d *domain) image() error {
	for _, piece := range d.k.Memory() {
		for off := 0; off < len(piece.Bytes); {
			pa := piece.PA + uint64(off)
			off += copy(d.guest(pa >> 12)[pa&0xfff:], piece.Bytes[off:])
		}
	}
	return nil
}

// take takes the next frames of the guest's.
func (d *domain) take(n uint64) uint64 {
	first := d.next
	d.next += n
	return first
}

// layOut places what follows the kernel, in dom0's order (construct_dom0) or in that of other
// domains (xc_dom_build_image), and makes the tables.
func (d *domain) layOut() {
	d.startInfo = d.take(1)
	if d.m.Kind != model.Dom0 {
		d.take(2) // for xenstore and console
	}
	entries := uint64(d.m.Pages) * 8
	inline := d.pv.InitP2M == 0
	if inline {
		d.list = d.take((entries + 0xfff) >> 12)
	}
	first := d.next
	// As many tables as map everything up to the stack, rounded to 4 MiB, with 512 KiB to spare.
	leaves := uint64(1)
	end := uint64(0)
	for {
		end = (first+3+leaves+1)<<12 + 1<<22 - 1
		end &^= 1<<22 - 1
		if end-(first+3+leaves+1)<<12 < 512<<10 {
			end += 1 << 22
		}
		if end>>21 <= leaves {
			break
		}
		leaves++
	}
	d.root = d.take(1)
	l3, l2, l1 := d.three(leaves)
	d.stack = d.take(1)
	for f := d.root; f < d.stack; f++ {
		d.tables = append(d.tables, f)
	}
	d.next = end >> 12
	base := d.pv.VirtBase
	d.link(d.root, slotOf(base, 4), l3)
	d.link(l3, slotOf(base, 3), l2)
	for i := range leaves {
		d.link(l2, slotOf(base, 2)+int(i), l1[i])
	}
	d.placeList(inline, entries)
	for pfn := range end >> 12 {
		d.leaf(l1[pfn>>9], int(pfn&511), pfn)
	}
}

// three takes frames for the tables of one part of the address space. The toolstack takes them
// from the top level down; Xen takes a table for dom0 when it comes to it, the leaves first.
func (d *domain) three(leaves uint64) (l3, l2 uint64, l1 []uint64) {
	if d.m.Kind == model.Dom0 {
		l1 = append(l1, d.take(1))
		l2 = d.take(1)
		l3 = d.take(1)
	} else {
		l3, l2 = d.take(1), d.take(1)
	}
	for uint64(len(l1)) < leaves {
		l1 = append(l1, d.take(1))
	}
	return l3, l2, l1
}

// placeList places the list of machine frames at an address of its own, with tables behind it.
func (d *domain) placeList(inline bool, entries uint64) {
	if inline {
		d.listEnd = d.list + (entries+0xfff)>>12
		return
	}
	n := (entries + 0xfff) >> 12
	d.list = d.take(n)
	at := d.pv.InitP2M
	l3, l2, l1 := d.three((n + 511) >> 9)
	d.listEnd = d.next
	for f := d.list + n; f < d.next; f++ {
		d.tables = append(d.tables, f)
	}
	d.link(d.root, slotOf(at, 4), l3)
	d.link(l3, slotOf(at, 3), l2)
	for i := range (n + 511) >> 9 {
		d.link(l2, slotOf(at, 2)+int(i), l1[i])
	}
	for i := range n {
		d.leaf(l1[i>>9], int(i&511), d.list+i)
	}
}

func slotOf(va uint64, level int) int { return int(va >> (12 + 9*uint(level-1)) & 511) }

// put writes a word of a frame of the machine.
func (d *domain) put(mfn uint64, slot int, v uint64) {
	binary.LittleEndian.PutUint64(d.page(mfn)[8*slot:], v)
}

// link makes a pointer to a table.
func (d *domain) link(table uint64, slot int, to uint64) {
	d.put(uint64(d.p2m[table]), slot, uint64(d.p2m[to])<<12|uint64(pointerFlags))
}

// leaf maps a frame. Tables are read-only.
func (d *domain) leaf(table uint64, slot int, pfn uint64) {
	flags := domULeaf
	if d.m.Kind == model.Dom0 {
		flags = dom0Leaf
	}
	for _, t := range d.tables {
		if t == pfn {
			flags &^= model.RW
		}
	}
	d.put(uint64(d.p2m[table]), slot, uint64(d.p2m[pfn])<<12|uint64(flags))
}

// frames is how many frames the machine has, a multiple of 128 MiB.
func (d *domain) frames() uint64 {
	const piece = 0x8000
	return (d.xenFirst + xenFrames + piece - 1) / piece * piece
}
