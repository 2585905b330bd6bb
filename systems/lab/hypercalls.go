package lab

import "github.com/ptcheck/ptcheck/model"

// updates carries out the hypercalls that write entries.
func (g *Guest) updates(name string, o *operands) answer {
	switch name {
	case "map":
		return number(g.M.UpdateVAMapping(o.va, o.entry[0], model.UVMFInvlpg))
	case "mapnf":
		return number(g.M.UpdateVAMapping(o.va, o.entry[0], model.UVMFNone))
	case "mua":
		return number(g.update(o.frame[0], o.num[0], o.entry[0], model.MMUPreserveAD))
	case "mu":
		return number(g.update(o.frame[0], o.num[0], o.entry[0], model.MMUNormal))
	}
	items := make([]model.MMUItem, len(o.num))
	for i, n := range o.num {
		items[i] = model.MMUItem{Ptr: uint64(o.frame[0])<<model.PageShift + n*8, Val: o.entry[i]}
	}
	done, rc := g.M.MMUUpdates(items)
	g.text(" done=")
	g.dec(int64(done))
	return number(rc)
}

// extended carries out the other hypercalls.
func (g *Guest) extended(name string, o *operands) answer {
	m := g.M
	switch name {
	case "pin":
		return number(g.mmuext(uint32(o.num[0]-1), o.frame[0]))
	case "unpin":
		return number(m.Unpin(o.frame[0]))
	case "cr3", "cr3!":
		return g.rootSwitch(o.frame[0], name == "cr3")
	case "ucr3":
		g.userRoot = true
		return number(m.NewUserBaseptr(o.frame[0]))
	case "flush":
		return number(m.FlushLocal())
	case "invlpg":
		return number(m.InvalidatePage(o.va))
	case "clear":
		return number(m.ClearFrame(o.frame[0]))
	case "copy":
		return number(m.CopyFrame(o.frame[0], o.frame[1]))
	case "gdt":
		rc := m.SetGDT(o.frame[0])
		g.gdtLoaded = g.gdtLoaded || rc == model.OK
		return number(rc)
	case "assist":
		return number(m.VMAssist(o.num[0], uint32(o.num[1]) != 0))
	}
	return answer{syntax: true}
}

// mmuext carries out an operation of mmuext_op by its number, as "pin LEVEL"
// does with LEVEL-1, whatever LEVEL is.
func (g *Guest) mmuext(cmd uint32, f model.MFN) model.Errno {
	m := g.M
	switch cmd {
	case 0, 1, 2, 3:
		return m.Pin(int(cmd)+1, f)
	case 4:
		return m.Unpin(f)
	case 5:
		return m.NewBaseptr(f)
	case 6, 10: // TLB_FLUSH_LOCAL, TLB_FLUSH_ALL
		return m.FlushLocal()
	case 7, 11: // INVLPG_LOCAL, INVLPG_ALL
		return m.InvalidatePage(model.VA(f))
	case 12, 18: // FLUSH_CACHE, FLUSH_CACHE_GLOBAL
		switch {
		case m.L.Hyper.Devices:
			return model.OK
		case cmd == 12:
			return model.EACCES
		}
		return model.EINVAL
	case 13: // SET_LDT to none
		return model.OK
	case 15:
		return m.NewUserBaseptr(f)
	case 16:
		return m.ClearFrame(f)
	case 17:
		return m.CopyFrame(f, 0)
	}
	return model.ENOSYS
}

// rootSwitch switches to another root; checked, only if the executor seems to be
// mapped there.
func (g *Guest) rootSwitch(f model.MFN, checked bool) answer {
	if checked {
		seen := g.peek(f)
		if g.ended() {
			return answer{}
		}
		index := g.M.L.Geo.Index(g.page(0), g.levels)
		e := model.Entry(g.M.LoadFrame(seen, index*8, 8))
		g.unpeek()
		if !e.Is(model.Present) {
			g.text(" unsafe")
			return answer{skipped: true}
		}
	}
	rc := g.M.NewBaseptr(f)
	if rc == model.OK {
		g.root = f
	}
	return number(rc)
}
