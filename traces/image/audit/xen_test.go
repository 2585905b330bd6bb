package audit

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/traces/image"
	"github.com/ptcheck/ptcheck/traces/image/imagetest"
)

// guest is a machine with Xen and a guest of two roots.
type guest struct {
	*imagetest.Tables
	l       layout
	second  uint64 // physical address of the second root
	records map[uint64]*record
	domain  uint64 // frame of the owner
}

const (
	m2pFrame    = 0x40
	domainFrame = 0x41
	tableFrame  = 0x42 // first of Xen's frame table
)

// newGuest makes a machine as Xen leaves it; its records are recounted with code of the
// test's own.
func newGuest(l layout) *guest {
	g := &guest{Tables: imagetest.NewTables(imagetest.New(frames), image.FourLevel, tableFrom), l: l, records: map[uint64]*record{}, domain: domainFrame}
	const rw, u, nx = imagetest.Writable, imagetest.User, imagetest.NX
	// The guest: some memory, its tables read-only, text, a program.
	kernel := uint64(0xffff888000000000)
	for f := uint64(0x100); f < 0x140; f++ {
		g.Map(kernel+f<<image.PageShift, f<<image.PageShift, 1, u|rw|nx)
	}
	g.Map(kernel+textFrame<<image.PageShift, textFrame<<image.PageShift, 1, u)
	g.Map(userData, dataFrame<<image.PageShift, 1, u|rw|nx)
	for f := g.Root >> image.PageShift; f < g.Next; f++ {
		g.Map(kernel+f<<image.PageShift, f<<image.PageShift, 1, u|nx)
	}
	guestEnd := g.Next
	// Xen: M2P for the guest, frame table, direct map, linear table.
	g.Map(0xffff800000000000, m2pFrame<<image.PageShift, 1, u|nx)
	size := frames * l.size >> image.PageShift
	for i := range size + 1 {
		g.Map(l.base+i<<image.PageShift, (tableFrame+i)<<image.PageShift, 1, rw|nx)
	}
	g.Map(0xffff82c000000000, m2pFrame<<image.PageShift, 1, rw|nx)
	for f := uint64(0); f < frames; f += 512 {
		g.Map(0xffff848000000000+f<<image.PageShift, f<<image.PageShift, 2, rw|nx)
	}
	g.Set(g.Root, 258, g.Root|imagetest.Present|rw)
	g.second = g.Next << image.PageShift
	g.Next++
	*g.Frame(g.second >> image.PageShift) = *g.Frame(g.Root >> image.PageShift)
	g.Set(g.second, 258, g.second|imagetest.Present|rw)
	binary.LittleEndian.PutUint16(g.Frame(domainFrame)[:], 7)
	g.count(guestEnd)
	return g
}

// count makes the records of all frames.
func (g *guest) count(guestEnd uint64) {
	for f := range uint64(frames) {
		g.records[f] = &record{allocated: true, count: 1, owner: g.domain}
	}
	for _, root := range []uint64{g.Root, g.second} {
		r := g.records[root>>image.PageShift]
		r.pinned = true
		r.refs++
		r.count++
		g.walk(root>>image.PageShift, 4)
	}
	running := g.records[g.Root>>image.PageShift]
	running.refs++
	running.count++
}

// walk counts from a table that was not met before.
func (g *guest) walk(frame uint64, level int) {
	r := g.records[frame]
	r.kind, r.validated = uint64(level), true
	for slot := range 512 {
		e := word(g.Frame(frame), slot)
		if level == 4 && xenSlot(slot) || !e.is(present) {
			continue
		}
		to := g.records[uint64(e&address)>>image.PageShift]
		to.count++
		switch {
		case level > 1:
			if to.refs++; to.refs == 1 {
				g.walk(uint64(e&address)>>image.PageShift, level-1)
			}
		case e.is(writable):
			to.kind, to.validated = g.l.writable, true
			to.refs++
		}
	}
}

// read writes the records into memory and makes an image.
func (g *guest) read(t testing.TB) *image.Image {
	t.Helper()
	for f, r := range g.records {
		at := uint64(tableFrame)<<image.PageShift + f*g.l.size
		info := r.kind<<g.l.typeShift | r.refs
		for bit, set := range map[uint]bool{pinnedBit: r.pinned, validatedBit: r.validated} {
			if set {
				info |= 1 << bit
			}
		}
		count := r.count
		if r.allocated {
			count |= 1 << 63
		}
		g.Put64(at+g.l.countInfo, count)
		g.Put64(at+g.l.typeInfo, info)
		g.Put32(at+g.l.owner, uint32(r.owner))
	}
	m := imagetest.Machine{Long: true, CPUs: []image.CPU{imagetest.CPU(image.FourLevel, g.Root)}}
	return readImage(t, imagetest.ELF(g.Memory, &m))
}

// TestXenClean holds that each known layout is found and nothing is broken.
func TestXenClean(t *testing.T) {
	for _, l := range layouts() {
		g := newGuest(l)
		a := run(t, g.read(t), Options{Xen: true})
		if b := a.broken(); len(b) > 0 {
			t.Errorf("%s: broken %v: %+v", l.name, b, a.verdict(b[0]).Findings)
		}
		x := a.Xen
		if x.Layout != l.name || x.Roots != 2 || x.Tables == 0 || x.Typed != x.Tables || x.Counted != x.Tables-1 || x.Writable == 0 || x.Agreeing != x.Writable {
			t.Errorf("%s: %+v", l.name, x)
		}
		if len(a.Leaves) != 2 || a.Leaves[0].Root != "CPU 0, d7" || !strings.HasPrefix(a.Leaves[1].Root, "d7, root ") {
			t.Errorf("%s: roots %+v", l.name, a.Leaves)
		}
		if n := a.verdict("image-xen-counts").Notes; len(n) != 1 || !strings.Contains(n[0], "virtual processors run on it") {
			t.Errorf("%s: notes %q", l.name, n)
		}
	}
}

// xenFault is a mistake that is planted into a machine with Xen.
type xenFault struct {
	rule, name string
	also       []string // other rules that it breaks, too
	plant      func(g *guest)
}

func xenFaults() []xenFault {
	leafTable := func(g *guest) uint64 {
		table, _ := g.Place(userData, 1)
		return table >> image.PageShift
	}
	return []xenFault{
		{"image-xen-types", "a table without a type", []string{}, func(g *guest) {
			g.records[leafTable(g)].kind = 0
		}},
		{"image-xen-types", "a table that is not validated", []string{}, func(g *guest) {
			g.records[leafTable(g)].validated = false
		}},
		{"image-xen-counts", "a count too low", nil, func(g *guest) { g.records[leafTable(g)].refs = 0 }},
		{"image-xen-counts", "a count too high", nil, func(g *guest) { g.records[leafTable(g)].refs += 3 }},
		{"image-xen-writable", "a writable frame without a type", nil, func(g *guest) { g.records[dataFrame].kind = 0 }},
		{"image-xen-writable", "a count of writable mappings too low", nil, func(g *guest) { g.records[dataFrame].refs-- }},
		{"image-xen-references", "a reference that is not counted", nil, func(g *guest) { g.records[dataFrame].count-- }},
		{"image-tables-guarded", "a guest maps a table writable", []string{"image-xen-writable"}, func(g *guest) {
			g.Map(0xffff888000000000+leafTable(g)<<image.PageShift, leafTable(g)<<image.PageShift, 1, imagetest.User|imagetest.Writable|imagetest.NX)
		}},
		{"image-kernel-hidden", "the frame table open to the guest", nil, func(g *guest) {
			g.Map(g.l.base, tableFrame<<image.PageShift, 1, imagetest.User|imagetest.NX)
		}},
		{"image-kernel-hidden", "the M2P writable", nil, func(g *guest) {
			g.Map(0xffff800000000000, m2pFrame<<image.PageShift, 1, imagetest.User|imagetest.Writable|imagetest.NX)
		}},
		{"image-w-xor-x", "in the guest's kernel", []string{"image-xen-writable"}, func(g *guest) {
			g.Map(0xffff888000000000+textFrame<<image.PageShift, textFrame<<image.PageShift, 1, imagetest.User|imagetest.Writable)
		}},
		{"image-w-xor-x", "in Xen", nil, func(g *guest) {
			g.Map(0xffff82c000001000, m2pFrame<<image.PageShift, 1, imagetest.Writable)
		}},
	}
}

// TestXenFaults plants each mistake: the rules named beforehand are broken, no other is.
func TestXenFaults(t *testing.T) {
	for _, f := range xenFaults() {
		g := newGuest(layouts()[0])
		f.plant(g)
		a := run(t, g.read(t), Options{Xen: true})
		want := append([]string{f.rule}, f.also...)
		if b := a.broken(); !slices.Equal(b, want) {
			t.Errorf("%s, %s: broken %v, want %v", f.rule, f.name, b, want)
		}
	}
}

// TestXenHolds holds that references of Xen itself break nothing, and are told.
func TestXenHolds(t *testing.T) {
	g := newGuest(layouts()[0])
	g.records[dataFrame].refs += 2
	g.records[0x130].kind, g.records[0x130].refs = 0, 0
	g.records[0x130].owner = 0x44
	binary.LittleEndian.PutUint16(g.Frame(0x44)[:], domIO)
	g.Put64(tableFrame<<image.PageShift+0x131*g.l.size+g.l.countInfo, 0)
	a := run(t, g.read(t), Options{Xen: true})
	if b := a.broken(); len(b) > 0 {
		t.Errorf("broken %v", b)
	}
	if n := a.verdict("image-xen-writable").Notes; len(n) != 1 || !strings.Contains(n[0], "Xen holds the rest") {
		t.Errorf("notes %q", n)
	}
}

// TestNoXen holds that a machine without Xen, or with one of an unknown layout, is
// refused with the reason of each layout.
func TestNoXen(t *testing.T) {
	other := newGuest(layouts()[0])
	for f := range other.records {
		r := other.records[f]
		r.validated = false
	}
	roots := newGuest(layouts()[0])
	roots.records[0x111].kind, roots.records[0x111].validated = 4, true
	for name, x := range map[string]struct {
		m    *image.Image
		want string
	}{
		"bare metal": {newSmall(image.FourLevel).read(t), "nothing is mapped at"},
		"PAE":        {newSmall(image.PAE).read(t), "Xen has 4-level tables"},
		"no roots":   {other.read(t), "no frame is recorded as a validated L4"},
		"wrong root": {roots.read(t), "does not have Xen's entries"},
	} {
		_, err := Run(x.m, Options{Xen: true})
		if err == nil || !strings.Contains(err.Error(), x.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, x.want)
		}
	}
}
