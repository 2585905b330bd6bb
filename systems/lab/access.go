package lab

import "github.com/ptcheck/ptcheck/model"

// fault is a trap that the executor has caught.
type fault struct {
	vector, code uint64
	set          bool
}

// pageFault describes a failed access.
func pageFault(why model.WalkFault, write bool) fault {
	f := fault{vector: 14, set: true}
	if write {
		f.code = 2
	}
	switch why {
	case model.WalkNonCanon:
		return fault{vector: 13, set: true}
	case model.WalkReadOnly, model.WalkOutside, model.WalkHypervisor:
		f.code |= 1
	case model.WalkReserved:
		f.code |= 9
	}
	return f
}

// hidden reports whether an address lies in Xen's part of the address space,
// which a guest sees as not mapped, whatever is there.
func (g *Guest) hidden(va model.VA) bool {
	return g.Config.Bits == 64 && va >= 0xffff_8000_0000_0000 && va < 0xffff_8800_0000_0000
}

// reach is Access without Xen's part of the address space.
func (g *Guest) reach(va model.VA, write bool) (model.Translation, model.WalkFault) {
	if g.hidden(va) {
		return model.Translation{}, model.WalkNotPresent
	}
	return g.M.Access(va, write)
}

// second returns how many bytes of an access lie on its first page, and the
// address of the next page.
func second(va model.VA, width int) (first int, next model.VA) {
	return min(width, int(model.PageSize-va&(model.PageSize-1))), (va | (model.PageSize - 1)) + 1
}

// load reads width (4 or 8) bytes at an address.
func (g *Guest) load(va model.VA, width int) (uint64, fault) {
	defer g.M.Commit()
	t, why := g.reach(va, false)
	if why != model.WalkOK {
		return 0, pageFault(why, false)
	}
	first, next := second(va, width)
	v := g.M.LoadFrame(t.Frame, t.Offset, first)
	if first < width {
		if t, why = g.reach(next, false); why != model.WalkOK {
			return 0, pageFault(why, false)
		}
		v |= g.M.LoadFrame(t.Frame, 0, width-first) << (8 * first)
	}
	return v, fault{}
}

// store writes at an address; locked says that it ends a locked
// read-modify-write.
func (g *Guest) store(va model.VA, width int, v uint64, locked bool) fault {
	t, why := g.reach(va, true)
	first, next := second(va, width)
	if first == width {
		if !g.M.StoreAt(va, &t, why, width, v, locked) {
			return pageFault(why, true)
		}
		return fault{}
	}
	// Xen does not carry out stores that cross pages.
	if why != model.WalkOK {
		return pageFault(why, true)
	}
	u, why := g.reach(next, true)
	if why != model.WalkOK {
		return pageFault(why, true)
	}
	g.M.StoreAt(va, &t, model.WalkOK, first, v, locked)
	g.M.StoreAt(next, &u, model.WalkOK, width-first, v>>(8*first), locked)
	return fault{}
}

// modify reads and writes at an address. The emulator of the recorded machine
// reads first, so an absent page is reported as a fault of a read.
func (g *Guest) modify(va model.VA, width int, change func(old uint64) uint64) fault {
	old, f := g.load(va, width)
	if f.set {
		return f
	}
	return g.store(va, width, change(old), true)
}
