package audit

import (
	"fmt"

	"github.com/ptcheck/ptcheck/traces/image"
)

// entry is a raw entry of a table; one of 4 bytes uses the low half. Intel SDM vol. 3,
// sections 4.3 to 4.5.
type entry uint64

const (
	present   entry = 1 << 0
	writable  entry = 1 << 1
	user      entry = 1 << 2
	pageSize  entry = 1 << 7 // in level 2 and above
	global    entry = 1 << 8
	noExecute entry = 1 << 63
	address   entry = 0x000ffffffffff000
)

func (e entry) is(flags entry) bool { return e&flags == flags }

// rights are what all levels together grant.
type rights struct{ rw, user, nx bool }

// everything is what a root grants.
func everything() rights { return rights{rw: true, user: true} }

// kind says what the walk came across.
type kind uint8

const (
	aLeaf     kind = iota // an entry that maps memory
	aTable                // an entry that leads to a table, met for the first time with these rights
	again                 // one that leads to a table met before
	aHole                 // no entry, above level 1
	anEmpty               // no entry in a table of level 1
	outside               // a pointer to where the image has no memory
	clash                 // a pointer to a table that is in use at another level
	malformed             // an entry with bits that the processor refuses
	linear                // a root's pointer to itself, where a hypervisor has one
)

// sight is what the walk came across at an address.
type sight struct {
	kind
	va, size uint64
	level    int // of the table that has the entry
	raw      entry
	pa       uint64 // what the entry leads to
	rights          // with those of the entry
	theirs   bool   // in slots of a hypervisor
	first    uint64 // again: the address at which the table was met
	was      int    // clash: the level at which the table is in use
}

// pages is the number of 4096-byte pages of a sight.
func (s *sight) pages() uint64 { return s.size >> image.PageShift }

// hop is an entry on the way to a sight.
type hop struct {
	table uint64 // its physical address
	level int
	slot  int
	raw   entry
}

// visit is a table with the rights under which it is met.
type visit struct {
	phys   uint64
	level  int
	rights rights
	theirs bool
}

// subtree is what lies below a visited table.
type subtree struct {
	va     uint64 // where it was met first
	leaves leaves
}

// leaves counts leaf entries by level, each as often as it is reached.
type leaves [4]uint64

// mostVisits is how many tables a walk takes in before it gives up: those of 4 TiB in
// small pages, and more than any loop needs.
const mostVisits = 1 << 20

// mostPages is how many pages of 4096 bytes a walk takes in, large pages by their size:
// 16 TiB.
const mostPages = 1 << 32

// walker goes through tables. Its memory grows with the tables that there are.
type walker struct {
	m    *image.Image
	p    *image.Paging
	see  func(*sight)
	xen  bool // there is a Xen: slots of roots are its own
	path []hop
	done map[visit]*subtree
	// inUse is the level at which a table is in use, by its physical address.
	inUse map[uint64]int
	// excluded counts tables that the image left out because they were zero.
	excluded int
	pages    uint64 // mapped by the leaves that were seen
	nx       bool   // some entry has the no-execute bit
}

func newWalker(m *image.Image, p *image.Paging, xen bool, see func(*sight)) *walker {
	return &walker{m: m, p: p, xen: xen, see: see, done: map[visit]*subtree{}, inUse: map[uint64]int{}}
}

// root walks from a root and returns the leaves below it.
func (w *walker) root(r *image.Root) (leaves, error) {
	w.path = w.path[:0]
	level := w.p.Mode.Levels()
	there, err := w.m.Has(r.Frame())
	if err != nil {
		return leaves{}, fmt.Errorf("audit: %s: the root of %s at %#x: %w", w.m.Name, r.Of, r.Phys, err)
	}
	if there == image.Absent {
		return leaves{}, fmt.Errorf("audit: %s: the root of %s at %#x lies where the image has no memory", w.m.Name, r.Of, r.Phys)
	}
	if was, used := w.inUse[r.Phys]; used && was != level {
		w.see(&sight{kind: clash, level: level, pa: r.Phys, was: was})
		return leaves{}, nil
	}
	return w.table(visit{r.Phys, level, everything(), false}, 0)
}

// table walks a table that maps from va on.
func (w *walker) table(v visit, va uint64) (leaves, error) {
	if len(w.done) >= mostVisits {
		return leaves{}, fmt.Errorf("audit: %s: more than %d tables: no machine has that many, these are none", w.m.Name, mostVisits)
	}
	sub := &subtree{va: va}
	w.done[v] = sub
	w.inUse[v.phys] = v.level
	page, err := w.read(v.phys)
	if err != nil {
		return leaves{}, err
	}
	mode := w.p.Mode
	shift := mode.Shift(v.level)
	for i := range mode.Slots(v.level) {
		at := va + uint64(i)<<shift
		if high := canonical(mode, at); high != at {
			if i == mode.Slots(v.level)/2 { // no address lies between the halves
				w.see(&sight{kind: aHole, va: at, size: high - at, level: v.level})
			}
			at = high
		}
		below, err := w.entry(v, i, w.slot(page, v.phys, i), at)
		if err != nil {
			return leaves{}, err
		}
		for l, n := range below {
			sub.leaves[l] += n
		}
	}
	return sub.leaves, nil
}

// read reads a table. One that was left out is all zero.
func (w *walker) read(phys uint64) (*image.Page, error) {
	page := new(image.Page)
	there, err := w.m.Page(phys>>image.PageShift, page)
	if err != nil {
		return nil, err
	}
	if there != image.Stored {
		w.excluded++
	}
	return page, nil
}

// canonical extends the sign of an address, in modes that do.
func canonical(mode image.Mode, va uint64) uint64 {
	bits := mode.AddressBits()
	if bits > 32 && va>>(bits-1)&1 == 1 {
		return va | ^uint64(0)<<bits
	}
	return va
}

// entry takes one entry in.
func (w *walker) entry(v visit, slot int, raw entry, va uint64) (leaves, error) {
	s := sight{va: va, size: 1 << w.p.Mode.Shift(v.level), level: v.level, raw: raw, theirs: v.theirs}
	if w.xen && v.level == w.p.Mode.Levels() && xenSlot(slot) {
		s.theirs = true
	}
	if !raw.is(present) {
		s.kind = aHole
		if v.level == 1 {
			s.kind = anEmpty
		}
		w.see(&s)
		return leaves{}, nil
	}
	s.rights = w.grant(v, raw)
	w.path = append(w.path, hop{v.phys, v.level, slot, raw})
	defer func() { w.path = w.path[:len(w.path)-1] }()
	if w.isLeaf(v.level, raw) {
		s.kind, s.pa = aLeaf, w.frameOf(v.level, raw)
		if reserved(w.p.Mode, v.level, raw) {
			s.kind = malformed
			w.see(&s)
			return leaves{}, nil
		}
		if w.pages += s.pages(); w.pages > mostPages {
			return leaves{}, fmt.Errorf("audit: %s: more than %d TiB are mapped: no machine has that much memory", w.m.Name, mostPages>>(40-image.PageShift))
		}
		w.see(&s)
		var one leaves
		one[v.level]++
		return one, nil
	}
	return w.pointer(v, &s)
}

// grant is what an entry grants below a table.
func (w *walker) grant(v visit, raw entry) rights {
	r := v.rights
	if raw.is(noExecute) && w.p.Mode != image.TwoLevel {
		w.nx = true
		r.nx = true
	}
	if w.p.Mode == image.PAE && v.level == 3 { // a PAE root grants everything
		return v.rights
	}
	r.rw, r.user = r.rw && raw.is(writable), r.user && raw.is(user)
	return r
}

// pointer takes in an entry that leads to a table.
func (w *walker) pointer(v visit, s *sight) (leaves, error) {
	s.pa = uint64(s.raw & address)
	if reserved(w.p.Mode, v.level, s.raw) {
		s.kind = malformed
		w.see(s)
		return leaves{}, nil
	}
	there, err := w.m.Has(s.pa >> image.PageShift)
	if err != nil {
		return leaves{}, err
	}
	next := visit{s.pa, v.level - 1, s.rights, s.theirs}
	was, used := w.inUse[s.pa]
	sub, known := w.done[next]
	switch {
	case there == image.Absent:
		s.kind = outside
	case w.xen && s.theirs && was == w.p.Mode.Levels():
		s.kind = linear
	case used && was != next.level:
		s.kind, s.was = clash, was
	case known:
		s.kind, s.first = again, sub.va
		w.see(s)
		return sub.leaves, nil
	default:
		s.kind = aTable
		w.see(s)
		return w.table(next, s.va)
	}
	w.see(s)
	return leaves{}, nil
}

// isLeaf reports whether a present entry maps memory.
func (w *walker) isLeaf(level int, raw entry) bool {
	switch {
	case level == 1:
		return true
	case level == 2:
		return raw.is(pageSize) && (w.p.Mode != image.TwoLevel || w.p.PSE)
	case level == 3:
		return raw.is(pageSize) && w.p.Mode >= image.FourLevel
	}
	return false
}

// frameOf is the physical address that a leaf maps. Large pages of two-level tables have
// bits 32 to 39 of it in bits 13 to 20 (PSE-36).
func (w *walker) frameOf(level int, raw entry) uint64 {
	if w.p.Mode == image.TwoLevel && level == 2 {
		return uint64(raw&0xffc00000) | uint64(raw>>13&0xff)<<32
	}
	return uint64(raw&address) &^ (1<<w.p.Mode.Shift(level) - 1)
}

// Bits that must be zero in present entries: Intel SDM vol. 3, tables 4-8 to 4-20.
// Software may use bits 52 to 62 in long mode, and none of them in PAE. QEMU marks entries
// of a PAE root as accessed (bit 5), which a processor would refuse.
const (
	reservedPAE     entry = 0x7ff << 52
	reservedPAERoot entry = noExecute | reservedPAE | 0x1c6
)

// reserved reports whether the processor refuses a present entry in every machine of the
// mode. Address bits above those that the processor has are not known from an image.
func reserved(mode image.Mode, level int, raw entry) bool {
	var zero entry
	switch {
	case mode == image.TwoLevel:
		return false
	case mode == image.PAE && level == 3:
		zero = reservedPAERoot
	case mode == image.PAE:
		zero = reservedPAE
	case level >= 4:
		zero = pageSize
	}
	if level > 1 && level < 4 && raw.is(pageSize) && (level == 2 || mode >= image.FourLevel) {
		zero |= entry(1)<<mode.Shift(level) - 1<<13 // bit 12 is the PAT bit
	}
	return raw&zero != 0
}
