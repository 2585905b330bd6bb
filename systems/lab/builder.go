package lab

import (
	"encoding/binary"

	"github.com/ptcheck/ptcheck/model"
)

// area is where dom0's builder puts things, as page numbers from the base
// address (Xen: pv/dom0_build.c).
type area struct {
	module, modulePages model.PFN
	p2m                 model.PFN
	startInfo           model.PFN
	tables              model.PFN
	nrTables            int
	end                 model.PFN // of everything mapped
	ptes                int       // entries of a table
	base                model.VA
	word                model.PFN // bytes of a machine word
	leafFlags, upper    model.Entry
}

const superPages = 1 << 10 // pages of 4 MiB

// layOut computes the area for a script of a length in bytes.
func layOut(bits int, image Image, script int) area {
	a := area{base: 0xffffffff80000000, word: 8, ptes: 512}
	a.leafFlags = model.Present | model.RW | model.User | model.Accessed | model.GuestKernel
	if bits == 32 {
		a.base, a.word = 0xc0000000, 4
		a.leafFlags = model.Present | model.RW | model.Accessed
	}
	a.upper = model.Present | model.RW | model.User | model.Accessed | model.Dirty
	a.module = image.Pages
	a.modulePages = model.PFN(script+model.PageSize-1) / model.PageSize
	a.p2m = a.module + a.modulePages
	a.startInfo = a.p2m + (domPages*a.word+model.PageSize-1)/model.PageSize
	a.tables = a.startInfo + 1
	for a.nrTables = 2; ; a.nrTables++ {
		stack := a.tables + model.PFN(a.nrTables) + 1
		a.end = (stack + superPages - 1) &^ (superPages - 1)
		if a.end-stack < 128 {
			a.end += superPages
		}
		leaves := int(a.end+511) / 512
		upper := 3 // one of each level above
		if bits == 32 {
			upper = 5 // the L3 and all four L2s
		}
		if leaves+upper <= a.nrTables {
			return a
		}
	}
}

// tableFrames hands out the builder's table frames in order.
type tableFrames struct{ next model.PFN }

func (t *tableFrames) take() model.Frame {
	t.next++
	return model.Frame(t.next - 1)
}

// build fills memory as the builder does and returns the root (Xen:
// dom0_construct_pv).
func (a *area) build(s *model.State, image Image) (root model.Frame) {
	g, m := s.L.Geo, s.L.Map
	inRoot := a.upper
	if g.PAERoot && !s.L.Hyper.Profile.Modern {
		inRoot = model.Present // such hypervisors refuse everything else
	}
	pool := tableFrames{a.tables}
	root = pool.take()
	var path [model.MaxLevels + 1]model.Frame
	path[g.Levels] = root
	for pfn := model.PFN(0); pfn < a.end; pfn++ {
		va := a.base + model.VA(pfn)<<model.PageShift
		for level := 1; level < g.Levels; level++ {
			if pfn != 0 && va&(g.Span(level+1)-1) != 0 {
				break
			}
			path[level] = pool.take()
		}
		for level := 2; level <= g.Levels; level++ {
			flags := a.upper
			if level == g.Levels {
				flags = inRoot
			}
			s.SetEntry(g, path[level], g.Index(va, level), model.MakeEntry(m.MFN(path[level-1]), flags))
		}
		s.SetEntry(g, path[1], g.Index(va, 1), model.MakeEntry(m.MFN(model.Frame(pfn)), a.leaf(pfn, image)))
	}
	if g.PAERoot {
		for slot := range 3 {
			s.SetEntry(g, root, slot, model.MakeEntry(m.MFN(pool.take()), inRoot))
		}
	}
	a.fill(s)
	return root
}

// leaf returns the flags of a page's entry. Pages that Xen has written are dirty.
func (a *area) leaf(pfn model.PFN, image Image) model.Entry {
	switch {
	case pfn < image.Pages, pfn >= a.p2m && pfn < a.tables:
		return a.leafFlags | model.Dirty
	case pfn >= a.tables && pfn < a.tables+model.PFN(a.nrTables):
		return a.leafFlags &^ model.RW
	}
	return a.leafFlags
}

// fill writes the contents of pages that are known: the hypercall page and the
// list of machine frames.
func (a *area) fill(s *model.State) {
	page := hypercallPage(a.word == 8)
	for w := range model.PageSize / 8 {
		s.SetWord(0, w, binary.LittleEndian.Uint64(page[8*w:]))
	}
	for pfn := range model.PFN(domPages) {
		off := pfn * a.word
		f, w := model.Frame(a.p2m+off/model.PageSize), int(off%model.PageSize)/8
		v := uint64(s.L.Map.MFN(model.Frame(pfn))) << (8 * (off % 8))
		s.SetWord(f, w, s.Word(f, w)|v)
	}
}

// hypercallPage returns the page of hypercall entry points (Xen:
// hypercall_page_initialise of PV guests).
func hypercallPage(wide bool) []byte {
	const iret = 23
	page := make([]byte, model.PageSize)
	for i := range page {
		page[i] = 0xcc
	}
	for n := range byte(len(page) / 32) {
		p := page[int(n)*32:]
		switch {
		case wide && n == iret:
			copy(p, []byte{0x51, 0x41, 0x53, 0x50, 0xb8, n, 0, 0, 0, 0x0f, 0x05})
		case wide:
			copy(p, []byte{0x51, 0x41, 0x53, 0xb8, n, 0, 0, 0, 0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3})
		case n == iret:
			copy(p, []byte{0x50, 0xb8, n, 0, 0, 0, 0xcd, 0x82})
		default:
			copy(p, []byte{0xb8, n, 0, 0, 0, 0xcd, 0x82, 0xc3})
		}
	}
	return page
}
