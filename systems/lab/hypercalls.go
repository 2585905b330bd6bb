package lab

import "github.com/ptcheck/ptcheck/model"

// hypercall carries out a hypercall of those that the executor has.
func (g *Guest) hypercall(op model.Op, v *model.Verb, o *operands) answer {
	switch {
	case !v.OnXen:
		return answer{syntax: true}
	case v.Issue == nil:
		return g.batch(o)
	case v.Name == "pin":
		return number(g.mmuext(uint32(o.num[0]-1), o.frame[0]))
	case v.Name == "cr3" && !g.mapped(o.frame[0]):
		return answer{skipped: true}
	}
	rc := v.Issue(g.M, o.of(v))
	g.remember(op, o, rc)
	return number(rc)
}

// remember notes what a reset has to undo.
func (g *Guest) remember(op model.Op, o *operands, rc model.Errno) {
	switch {
	case op == model.OpUserBaseptr:
		g.userRoot = true
	case rc != model.OK:
	case op == model.OpNewBaseptr:
		g.root = o.frame[0]
	case op == model.OpSetGDT:
		g.gdtLoaded = true
	}
}

// of are the operands as a verb of the table of operations has them.
func (o *operands) of(v *model.Verb) model.Operands {
	out := model.Operands{VA: o.va}
	if len(o.frame) > 0 {
		out.Frame = o.frame[0]
	}
	if len(o.frame) > 1 {
		out.Second = o.frame[1]
	}
	if len(o.num) > 0 {
		out.N = o.num[0]
	}
	if len(o.entry) > 0 {
		out.Entry = o.entry[0]
	}
	for _, k := range v.Args {
		if k == model.OperandSlot {
			out.N &= 1<<29 - 1 // the executor computes byte offsets of 32 bits
		}
	}
	return out
}

// batch is mmu_update with several items.
func (g *Guest) batch(o *operands) answer {
	items := make([]model.MMUItem, len(o.num))
	for i, n := range o.num {
		items[i] = model.MMUItem{Ptr: uint64(o.frame[0])<<model.PageShift + n*8, Val: o.entry[i]}
	}
	done, rc := g.M.MMUUpdates(items)
	g.text(" done=")
	g.dec(int64(done))
	return number(rc)
}

// mmuext carries out an operation of mmuext_op by its number, as "pin LEVEL"
// does with LEVEL-1, whatever LEVEL is.
func (g *Guest) mmuext(cmd uint32, f model.MFN) model.Errno {
	switch cmd {
	case 0, 1, 2, 3:
		return g.M.Pin(int(cmd)+1, f)
	case 10: // TLB_FLUSH_ALL
		return g.M.FlushLocal()
	case 11: // INVLPG_ALL
		return g.M.InvalidatePage(model.VA(f))
	case 12, 18: // FLUSH_CACHE, FLUSH_CACHE_GLOBAL
		switch {
		case g.M.L.Hyper.Devices:
			return model.OK
		case cmd == 12:
			return model.EACCES
		}
		return model.EINVAL
	}
	for _, v := range model.Verbs() {
		if v.MMUExt == cmd {
			return v.Issue(g.M, model.Operands{Frame: f, VA: model.VA(f)})
		}
	}
	return model.ENOSYS
}

// mapped reports whether the executor seems to be mapped by another root.
func (g *Guest) mapped(f model.MFN) bool {
	seen := g.peek(f)
	if g.ended() {
		return false
	}
	index := g.M.L.Geo.Index(g.page(0), g.levels)
	e := model.Entry(g.M.LoadFrame(seen, index*8, 8))
	g.unpeek()
	if !e.Is(model.Present) {
		g.text(" unsafe")
		return false
	}
	return true
}
