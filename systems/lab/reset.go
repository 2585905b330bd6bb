package lab

import "github.com/ptcheck/ptcheck/model"

// sameButUse reports whether entries differ in more than accessed and dirty bits.
func sameButUse(a, b model.Entry) bool {
	return (a^b)&^(model.Accessed|model.Dirty) == 0
}

// ownSlot reports whether a slot of a boot table is the guest's.
func (g *Guest) ownSlot(level, slot int) bool {
	switch {
	case g.levels == 4:
		return level < 4 || slot < 256 || slot > 271
	case level == 3:
		return slot < 3
	}
	return level == 1 || slot < 428
}

// reset undoes all that a scenario can have done, and returns how many frames and
// entries could not be brought back. A frame that Xen does not let go is replaced.
func (g *Guest) reset() int {
	m := g.M
	left := 0
	if g.root != g.path[g.levels] {
		if m.NewBaseptr(g.path[g.levels]) != model.OK {
			left++
		}
		g.root = g.path[g.levels]
		g.live()
	}
	if g.userRoot {
		m.NewUserBaseptr(0)
		g.userRoot = false
	}
	if g.gdtLoaded {
		m.SetGDT()
		g.gdtLoaded = false
	}
	m.SetLDT(0, 0)
	for i := range 32 {
		m.UpdateVAMapping(g.page(i), 0, model.UVMFNone)
	}
	left += g.restoreTables()
	m.FlushLocal()
	for _, f := range g.pool {
		if _, pinned := g.tableType(f); pinned {
			m.Unpin(f)
		}
	}
	for i := range g.pool {
		for g.clear(g.pool[i]) != model.OK && !g.ended() {
			left++
			g.pool[i] = g.spareFrame()
		}
	}
	return left
}

// clear zeroes a frame that is no table. Hypervisors that have no operation for it are
// asked for one word at a time.
func (g *Guest) clear(f model.MFN) model.Errno {
	if g.Config.Profile.Modern {
		return g.M.ClearFrame(f)
	}
	words := g.M.Words(g.M.L.Map.Frame(f))
	for i := range words {
		if words[i] == 0 {
			continue
		}
		if rc := g.update(f, uint64(i), 0, model.MMUNormal); rc != model.OK {
			return rc
		}
	}
	return model.OK
}

// restoreTables writes the boot tables' first contents back.
func (g *Guest) restoreTables() int {
	m, geo := g.M, g.M.L.Geo
	left := 0
	for level := g.levels; level > 0; level-- {
		f := m.L.Map.Frame(g.path[level])
		for slot, old := range g.copy[level] {
			if !g.ownSlot(level, slot) || sameButUse(m.Entry(geo, f, slot), old) {
				continue
			}
			if g.update(g.path[level], uint64(slot), old, model.MMUNormal) != model.OK {
				left++
			}
		}
	}
	return left
}

// update is mmu_update of an entry of a frame.
func (g *Guest) update(m model.MFN, index uint64, e model.Entry, cmd uint64) model.Errno {
	return g.M.MMUUpdate(uint64(m)<<model.PageShift+uint64(uint32(index)*8)+cmd, e)
}

// peek maps a frame read-only in the executor's window and returns the frame that
// is seen there.
func (g *Guest) peek(m model.MFN) model.Frame {
	va := g.va(g.Config.Image.Window)
	e := model.Entry(m)<<model.PageShift&model.FrameMask | model.Present
	if g.M.UpdateVAMapping(va, e, model.UVMFInvlpg) != model.OK {
		g.die("peek")
		return model.NoFrame
	}
	t, _ := g.M.Access(va, false)
	return t.Frame
}

func (g *Guest) unpeek() {
	g.M.UpdateVAMapping(g.va(g.Config.Image.Window), 0, model.UVMFInvlpg)
}
