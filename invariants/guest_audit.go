package invariants

import "github.com/ptcheck/ptcheck/model"

// What a hypervisor has to grant. The audit here reads the tables in memory as they
// were before an operation, and the uses that a recount finds, and decides by the
// hypervisor's rules for entries alone: it keeps no counts of its own between
// operations and shares none of its rules.

// audit tries out an operation on a recount.
type audit struct {
	s *model.State // before the operation
	l *model.Layout
	t []model.Tally // uses, those that the operation would add too
	// old are the tallies that it has changed, with what they were.
	old []changedTally
}

type changedTally struct {
	frame model.Frame
	was   model.Tally
}

// begin prepares an audit of an operation in a state, end takes back what it has tried.
func (a *audit) begin(s *model.State, before *model.Census) {
	a.s, a.l, a.t, a.old = s, s.L, before.Tallies, a.old[:0]
}

func (a *audit) end() {
	for n := len(a.old) - 1; n >= 0; n-- {
		a.t[a.old[n].frame] = a.old[n].was
	}
}

// change is the tally of a frame, to be changed.
func (a *audit) change(f model.Frame) *model.Tally {
	a.old = append(a.old, changedTally{f, a.t[f]})
	return &a.t[f]
}

// ours reports whether a frame is the guest's to name.
func (a *audit) ours(f model.Frame) bool { return f >= 0 && a.t[f].G > 0 }

// take reports whether a frame can be had as a type, and notes that it is.
func (a *audit) take(f model.Frame, t model.Type, special bool) bool {
	if !a.ours(f) {
		return false
	}
	y := a.change(f)
	y.G++
	if y.T > 0 {
		y.T++
		return y.Typ == t && y.Special == special
	}
	y.T, y.Typ, y.Special = 1, t, special
	switch {
	case t == model.TypeSegDesc:
		return a.descriptors(f)
	case t.Level() > 0:
		return a.table(f, t.Level())
	}
	return true
}

// descriptors reports whether a frame that nobody uses can be a descriptor table.
// What entries may be is more than the rules know: only empty ones are certain.
func (a *audit) descriptors(f model.Frame) bool {
	for _, d := range a.s.Words(f) {
		if d != 0 {
			return false
		}
	}
	return true
}

// table reports whether every entry of a frame may stand in a table of a level.
func (a *audit) table(f model.Frame, level int) bool {
	for slot := range a.l.Geo.Slots[level] {
		e := a.s.Entry(a.l.Geo, f, slot)
		switch {
		case a.l.XenSlot(level, slot, a.t[f].Special):
		case e&model.Present != 0:
			if !a.entry(f, level, slot, e) {
				return false
			}
		case a.lastOfPAE(level, slot) || leaky(a.l, level, e):
			return false
		}
	}
	return true
}

// lastOfPAE reports whether a slot is the last one of a PAE root, which must name an
// L2 of its own.
func (a *audit) lastOfPAE(level, slot int) bool {
	return a.l.Geo.PAERoot && level == a.l.Geo.Root() && slot == a.l.Geo.Slots[level]-1
}

// entry reports whether a present entry may stand in a slot of a table, and notes
// what it uses.
func (a *audit) entry(f model.Frame, level, slot int, e model.Entry) bool {
	child := a.l.Map.Frame(e.MFN())
	switch {
	case e&refusedFlags(a.l, level) != 0:
		return false
	case level == 1:
		return a.leaf(child, e)
	case child < 0:
		return false
	case a.lastOfPAE(level, slot):
		return a.take(child, model.TypeL2, true) && a.t[child].T == 1
	case a.t[child].T == 0 || a.t[child].Typ != model.TableType(level):
		return a.take(child, model.TableType(level-1), false)
	}
	return a.sameLevel(f, level, e, child)
}

func (a *audit) leaf(child model.Frame, e model.Entry) bool {
	const caching = model.PWT | model.PCD | model.PSE
	switch {
	case !a.ours(child) || e&caching != 0 && !a.l.Map.IsGuest(child):
		return false
	case e&model.RW != 0:
		return a.take(child, model.TypeWritable, false)
	}
	a.change(child).G++
	return true
}

// sameLevel reports whether an entry may name a table of its own table's level.
func (a *audit) sameLevel(f model.Frame, level int, e model.Entry, child model.Frame) bool {
	modern := a.l.Hyper.Profile.Modern
	switch {
	case a.l.Hyper.Profile.NoLinear, e&model.RW != 0, modern && a.l.Geo.PAERoot && level == a.l.Geo.Root():
		return false
	case child == f:
		return true
	case modern && (a.t[f].Linear < 0 || a.t[child].Linear > 0):
		return false
	}
	a.change(f).Linear++
	y := a.change(child)
	y.Linear--
	y.T++
	y.G++
	return true
}

// update reports whether an entry of a table in use may be replaced.
func (a *audit) update(f model.Frame, level, slot int, e model.Entry) bool {
	switch {
	case slot >= a.l.Geo.Slots[level], a.lastOfPAE(level, slot), a.l.XenSlot(level, slot, a.t[f].Special):
		return false
	case e&model.Present == 0:
		return !leaky(a.l, level, e)
	case e&refusedFlags(a.l, level) != 0:
		return false
	}
	const free = model.NX | model.AvailHigh | model.Avail | model.Global | model.Dirty | model.Accessed | model.User
	old := a.s.Entry(a.l.Geo, f, slot)
	return a.l.Hyper.Profile.Modern && (old^e)&^free == 0 || a.entry(f, level, slot, e)
}

// store reports whether the guest may have a value stored at a slot of a frame by
// mmu_update.
func (a *audit) store(f model.Frame, slot int, e model.Entry) bool {
	if !a.ours(f) {
		return false
	}
	y := &a.t[f]
	switch {
	case y.T == 0 || y.Typ == model.TypeWritable:
		return true
	case y.Typ.Level() == 0:
		return false
	}
	return a.update(f, y.Typ.Level(), slot, e)
}

// refusedFlags are the flags that no present entry of a level may be asked for with
// (Xen: L1_DISALLOW_MASK to L4_DISALLOW_MASK; 3.1 has other ones).
func refusedFlags(l *model.Layout, level int) model.Entry {
	const caching = model.PWT | model.PCD | model.PSE
	root := l.Geo.PAERoot && level == l.Geo.Root()
	if !l.Hyper.Profile.Modern {
		flags := illegalFlags(l, level)
		if l.Geo.PAERoot {
			flags |= model.AvailHigh
		}
		return flags
	}
	switch {
	case level == 1 && l.Hyper.Devices:
		return 0
	case level == 1:
		return caching
	case root:
		return caching | model.Global | model.NX | model.AvailHigh
	}
	return caching | model.Global
}

// asStored is a present entry as the hypervisor stores it in a table of a level; level
// 0 is a frame that is no table (Xen: adjust_guest_l1e to adjust_guest_l4e).
func asStored(l *model.Layout, level int, e model.Entry) model.Entry {
	wide, modern, root := l.Geo.SignExtend, l.Hyper.Profile.Modern, level == l.Geo.Root()
	switch {
	case level == 0 || e&model.Present == 0:
	case wide && level == 1:
		if e&model.User == 0 {
			e |= model.User | model.GuestKernel
		}
		if e&model.GuestKernel == 0 {
			e |= model.Global
		}
	case wide:
		if e |= model.User; root && modern {
			e |= model.Accessed
		}
	case l.Geo.PAERoot && root && modern:
		e |= model.User | model.RW
	}
	return e
}

// leaky reports whether an absent entry may leak memory to a guest that must not have
// any (Intel, "L1 Terminal Fault"; Xen: is_l1tf_safe_maddr): its address, as far as
// the first-level cache looks at it, is not 0 and below 2^40, or it has the size bit
// above L1.
func leaky(l *model.Layout, level int, e model.Entry) bool {
	if !l.Hyper.L1TF || !l.Hyper.Profile.Modern || e&model.Present != 0 {
		return false
	}
	const looked = 1<<46 - model.PageSize
	address := uint64(e) & looked
	return address != 0 && address < 1<<40 || level > 1 && e&model.PSE != 0
}
