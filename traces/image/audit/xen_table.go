package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/traces/image"
)

// Xen's slots of a root, and what it has there (asm/config.h, "Memory layout").
const (
	firstXenSlot = 256
	lastXenSlot  = 271
	m2pSlot      = 256 // the read-only copy, which guests may read
	m2pCompat    = 257
	imageSlot    = 261 // M2P to be written, Xen's image, frame table
)

func xenSlot(slot int) bool { return slot >= firstXenSlot && slot <= lastXenSlot }

// isM2P reports whether an address is in the slots of the M2P that guests may read.
func isM2P(va uint64) bool {
	slot := int(va >> 39 & 511)
	return slot == m2pSlot || slot == m2pCompat
}

// word is an entry of 8 bytes of a table.
func word(p *image.Page, slot int) entry { return entry(binary.LittleEndian.Uint64(p[8*slot:])) }

// layout says where a Xen has its frame table and what a record (struct page_info in
// asm/mm.h) looks like.
type layout struct {
	name      string
	base      uint64 // virtual
	size      uint64 // of a record, in bytes
	countInfo uint64 // places in it
	typeInfo  uint64
	owner     uint64
	typeShift uint // of the type in type_info
	writable  uint64
}

// Bits of type_info below the type, in all layouts: PG_shift counts from the top.
const (
	pinnedBit    = 59
	validatedBit = 58
	compatBit    = 57 // an L2 of a 32-bit guest that has Xen's entries
	countMask    = 1<<48 - 1
)

// layouts are those that are known, the newest first. Read in asm/mm.h and
// asm/config.h of Xen 4.3, 4.14, 4.16 and later.
func layouts() []layout {
	return []layout{
		{"32-byte records, 3-bit types (as in 4.14 and later)", 0xffff82e000000000, 32, 8, 16, 24, 61, 7},
		{"32-byte records, 4-bit types (as in 4.3)", 0xffff82e000000000, 32, 8, 16, 24, 60, 7},
		{"48-byte records, 3-bit types (CONFIG_BIGMEM)", 0xffff830000000000, 48, 16, 24, 32, 61, 7},
	}
}

// frameTable reads Xen's records through the tables of a root.
type frameTable struct {
	layout
	m     *image.Image
	root  uint64 // frame of the root
	roots []uint64
	// pinned are lower tables that are pinned.
	pinned []uint64
	// parts of the last record that was read
	page   image.Page
	cached uint64 // virtual page number that page holds, 0 for none
	valid  bool
	owners map[uint64]string // names of owners that were looked up
}

// record is what Xen has of a frame.
type record struct {
	count     uint64 // references
	allocated bool
	kind      uint64 // type: 1 to 4 a table of that level
	refs      uint64 // of the type
	pinned    bool
	validated bool
	compat    bool
	owner     uint64 // frame of the owner's struct domain, 0 for none
}

// translate finds what an address leads to under a root of four levels.
func translate(m *image.Image, root, va uint64) (uint64, bool, error) {
	frame := root
	var page image.Page
	for level := 4; level >= 1; level-- {
		there, err := m.Page(frame, &page)
		if err != nil || there != image.Stored {
			return 0, false, err
		}
		shift := image.FourLevel.Shift(level)
		e := word(&page, int(va>>shift&511))
		if !e.is(present) {
			return 0, false, nil
		}
		if level == 1 || level < 4 && e.is(pageSize) {
			in := uint64(1)<<shift - 1
			return uint64(e&address)&^in | va&in, true, nil
		}
		frame = uint64(e&address) >> image.PageShift
	}
	return 0, false, nil
}

// read reads bytes at a virtual address of the frame table.
func (t *frameTable) read(va uint64, dst []byte) (bool, error) {
	for len(dst) > 0 {
		if vpn := va >> image.PageShift; t.cached != vpn {
			t.cached, t.valid = vpn, false
			pa, ok, err := translate(t.m, t.root, va)
			if err != nil {
				return false, err
			}
			if ok {
				there, err := t.m.Page(pa>>image.PageShift, &t.page)
				if err != nil {
					return false, err
				}
				t.valid = there == image.Stored
			}
		}
		if !t.valid {
			return false, nil
		}
		n := copy(dst, t.page[va&(image.PageSize-1):])
		dst, va = dst[n:], va+uint64(n)
	}
	return true, nil
}

// unset is the count_info of frames that Xen does not manage: it fills the records of
// what is no RAM with ones (init_frametable in arch/x86/mm.c).
const unset = 1<<64 - 1

// record reads the record of a frame; false: Xen has none.
func (t *frameTable) record(frame uint64) (record, bool, error) {
	var raw [48]byte
	b := raw[:t.size]
	ok, err := t.read(t.base+frame*t.size, b)
	if !ok || err != nil {
		return record{}, false, err
	}
	count, info := binary.LittleEndian.Uint64(b[t.countInfo:]), binary.LittleEndian.Uint64(b[t.typeInfo:])
	if count == unset {
		return record{}, false, nil
	}
	bit := func(n uint) bool { return info>>n&1 != 0 }
	return record{
		count: count & countMask, allocated: count>>63 != 0,
		kind: info >> t.typeShift, refs: info & countMask, pinned: bit(pinnedBit), validated: bit(validatedBit), compat: bit(compatBit),
		owner: uint64(binary.LittleEndian.Uint32(b[t.owner:])),
	}, true, nil
}

// table reports whether a record is that of a validated table, and of which level.
func (r *record) table() (int, bool) {
	return int(r.kind), r.kind >= 1 && r.kind <= 4 && r.validated && r.count > 0
}

// findXen finds Xen's frame table: the first known layout that agrees with memory.
func (a *Audit) findXen() error {
	if a.Paging.Mode != image.FourLevel {
		return fmt.Errorf("audit: %s: --xen: Xen has 4-level tables, these are %s", a.image.Name, a.Paging.Mode)
	}
	var why []string
	for _, l := range layouts() {
		t := &frameTable{layout: l, m: a.image, root: a.Paging.Roots[0].Frame(), owners: map[uint64]string{}}
		err := t.check()
		if err == nil {
			return a.useXen(t)
		}
		var no disagreement
		if !errors.As(err, &no) {
			return err
		}
		why = append(why, l.name+": "+err.Error())
	}
	return fmt.Errorf("audit: %s: --xen: no known layout of Xen's frame table agrees with memory: %s", a.image.Name, strings.Join(why, "; "))
}

// disagreement says why a layout is not that of the image.
type disagreement string

func (d disagreement) Error() string { return string(d) }

// check reads the whole frame table and holds it against memory: there must be validated
// roots, each must have Xen's own entries where the processor's root has them, and what
// they lead to must be recorded as tables of the level below, nine times out of ten (what
// is left is for the rules).
func (t *frameTable) check() error {
	if ok, err := t.read(t.base, make([]byte, t.size)); err != nil {
		return err
	} else if !ok {
		return disagreement(fmt.Sprintf("nothing is mapped at %#x", t.base))
	}
	if err := t.scan(); err != nil {
		return err
	}
	if len(t.roots) == 0 {
		return disagreement("no frame is recorded as a validated L4")
	}
	var mine image.Page
	if _, err := t.m.Page(t.root, &mine); err != nil {
		return err
	}
	good, all := 0, 0
	for _, root := range t.roots {
		g, n, err := t.checkRoot(root, word(&mine, imageSlot))
		if err != nil {
			return err
		}
		good, all = good+g, all+n
	}
	if all == 0 || good*10 < all*9 {
		return disagreement(fmt.Sprintf("of %d entries of its L4 tables %d lead to frames that it has as L3", all, good))
	}
	return nil
}

// checkRoot holds a validated root against memory: it must have Xen's entry. It counts
// the guest's entries, and those that lead to what is recorded as L3.
func (t *frameTable) checkRoot(root uint64, xens entry) (good, all int, err error) {
	var page image.Page
	there, err := t.m.Page(root, &page)
	switch {
	case err != nil:
		return 0, 0, err
	case there != image.Stored:
		return 0, 0, disagreement(fmt.Sprintf("L4 %#x is not in the image", root))
	case strip(word(&page, imageSlot)) != strip(xens):
		return 0, 0, disagreement(fmt.Sprintf("the frame %#x that it has as L4 does not have Xen's entries", root))
	}
	for slot := range 512 {
		e := word(&page, slot)
		if xenSlot(slot) || !e.is(present) {
			continue
		}
		all++
		r, ok, err := t.record(uint64(e&address) >> image.PageShift)
		if err != nil {
			return 0, 0, err
		}
		if level, is := r.table(); ok && is && level == 3 {
			good++
		}
	}
	return good, all, nil
}

// strip leaves out what the processor writes into entries.
func strip(e entry) entry { return e &^ 0x60 }

// scan reads the records of all memory: it lists validated roots and pinned lower tables.
func (t *frameTable) scan() error {
	for _, r := range t.m.Ranges() {
		for f := r.First; f < r.First+r.Count; f++ {
			rec, ok, err := t.record(f)
			if err != nil {
				return err
			}
			level, is := rec.table()
			switch {
			case !ok || !is:
			case level == 4:
				t.roots = append(t.roots, f)
			case rec.pinned:
				t.pinned = append(t.pinned, f)
			}
			if len(t.roots)+len(t.pinned) > mostVisits {
				return disagreement(fmt.Sprintf("it has more than %d roots and pinned tables", mostVisits))
			}
		}
	}
	return nil
}

// useXen makes the validated roots those of the audit, behind the processors'.
func (a *Audit) useXen(t *frameTable) error {
	a.xen, a.pat = t, xenPAT()
	a.Xen = &XenFacts{Layout: t.name, Roots: len(t.roots), Pinned: len(t.pinned)}
	for _, root := range t.roots {
		rec, _, err := t.record(root)
		if err != nil {
			return err
		}
		name, err := t.domain(rec.owner)
		if err != nil {
			return err
		}
		phys, known := root<<image.PageShift, false
		for i := range a.Paging.Roots {
			if r := &a.Paging.Roots[i]; r.Phys == phys {
				r.Of, known = r.Of+", "+name, true
			}
		}
		if !known {
			a.Paging.Roots = append(a.Paging.Roots, image.Root{Phys: phys, Of: fmt.Sprintf("%s, root %#x", name, phys)})
		}
	}
	return nil
}

// domain names an owner.
func (t *frameTable) domain(owner uint64) (string, error) {
	if name, known := t.owners[owner]; known {
		return name, nil
	}
	name, err := t.lookUp(owner)
	if err == nil && len(t.owners) < mostOwners {
		t.owners[owner] = name
	}
	return name, err
}

// mostOwners bounds the names that are kept; damaged records name any frame.
const mostOwners = 1 << 10

// lookUp reads an owner: a struct domain begins with the number of the domain
// (xen/sched.h).
func (t *frameTable) lookUp(owner uint64) (string, error) {
	var page image.Page
	there, err := t.m.Page(owner, &page)
	if err != nil || there != image.Stored || owner == 0 {
		return "no domain", err
	}
	switch id := binary.LittleEndian.Uint16(page[:]); id {
	case domIO:
		return "DOMID_IO", nil
	case domXen:
		return "DOMID_XEN", nil
	default:
		return fmt.Sprintf("d%d", id), nil
	}
}

// Domains that are none (public/xen.h): of device memory, and of what Xen shares.
const (
	domIO  = 0x7ff1
	domXen = 0x7ff2
)
