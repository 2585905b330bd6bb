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

// load reads a word (of 8 bytes) at an address.
func (g *Guest) load(va model.VA, width int) (uint64, fault) {
	t, why := g.M.Access(va, false)
	g.M.Commit()
	if why != model.WalkOK {
		return 0, pageFault(why, false)
	}
	return g.M.LoadFrame(t.Frame, t.Offset, width), fault{}
}

// store writes at an address; locked says that it ends a locked
// read-modify-write.
func (g *Guest) store(va model.VA, width int, v uint64, locked bool) fault {
	t, why := g.M.Access(va, true)
	if !g.M.StoreAt(va, &t, why, width, v, locked) {
		return pageFault(why, true)
	}
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
