package invariants

import "github.com/ptcheck/ptcheck/model"

func memoryKept() Rule {
	return Rule{
		ID:      "memory-kept",
		Says:    "An operation changes in the guest's memory what it was asked to change, and otherwise only flags: those that the hypervisor adds in tables that come into use, and those of a PAE root that go when it goes out of use. One that is refused changes nothing, or, where that is known of the hypervisor, no more than flags of entries that it had looked at; those of a PAE root are as before.",
		Applies: "at every operation of a hostile guest",
		Source:  "Xen, arch/x86/mm.c: promote_l1_table to promote_l4_table, demote_l3_table (unadjust_guest_l3e); do_mmuext_op, MMUEXT_CLEAR_PAGE and MMUEXT_COPY_PAGE",
		Limits:  "says nothing of operations that race, of descriptors, which the hypervisor corrects, and of its own slots",
		Goal:    "an operation changes memory",
		Machine: UnderHypervisor,
		Tell:    tellMustBe,
		guest: guest{
			event: eventMemoryKept,
			metAt: (*Recount).changesMemory,
			needs: []Means{StoresEntries, MapsGrants, ChangesPages, FlaggedEntries | AuditsTables},
		},
	}
}

func eventMemoryKept(r *Recount, st *model.Step) (Detail, bool) {
	if r.racing || st.Op == model.OpSetGDT {
		return Detail{}, true
	}
	if d, ok := r.released(); !ok {
		return d, false
	}
	g := r.s.L.Geo
	if st.Frame >= 0 {
		for slot := range g.Words() * 8 / g.Width {
			if want, mine := r.wanted(st, st.Frame, slot); mine && r.s.Entry(g, st.Frame, slot) != want {
				return mustBe(st.Frame, slot, r.s.Entry(g, st.Frame, slot), want), false
			}
		}
	}
	for w := range r.s.Writes {
		for i := range 8 / g.Width {
			if d, ok := r.keptEntry(st, w.Frame, w.Word*8/g.Width+i); !ok {
				return d, false
			}
		}
	}
	return Detail{}, true
}

// keptEntry judges an entry in a word that has been written to.
func (r *Recount) keptEntry(st *model.Step, f model.Frame, slot int) (Detail, bool) {
	g := r.s.L.Geo
	was, now := r.was.Entry(g, f, slot), r.s.Entry(g, f, slot)
	if _, mine := r.wanted(st, f, slot); mine || was == now {
		return Detail{}, true
	}
	target := f == st.Frame && slot*g.Width < st.Off+st.Width && (slot+1)*g.Width > st.Off
	ok := target && st.Errno == model.OK || r.explained(st, f, slot, was, now)
	return mustBe(f, slot, now, was), ok
}

// released wants the entries of a PAE root that goes out of use without the flags that
// it had for being one.
func (r *Recount) released() (Detail, bool) {
	l := r.s.L
	if !l.Geo.PAERoot || !l.Hyper.Profile.Modern {
		return Detail{}, true
	}
	root := l.Geo.Root()
	for f := range r.s.Records {
		if r.earlier().Tallies[f].Table != model.TableType(root) || r.s.InfoAt(f).T > 0 {
			continue
		}
		for slot := range l.Geo.Slots[root] {
			e := r.s.Entry(l.Geo, f, slot)
			if want := e &^ (model.User | model.RW | model.Accessed); e&model.Present != 0 && e != want {
				return mustBe(f, slot, e, want), false
			}
		}
	}
	return Detail{}, true
}

// wanted is what an operation on whole frames must leave in a slot. mine is false of
// other operations.
func (r *Recount) wanted(st *model.Step, f model.Frame, slot int) (want model.Entry, mine bool) {
	if st.Errno != model.OK || f != st.Frame {
		return 0, false
	}
	switch st.Op {
	case model.OpClearFrame:
		return 0, true
	case model.OpCopyFrame:
		return r.was.Entry(r.s.L.Geo, r.s.L.Map.Frame(model.MFN(st.Value)), slot), true
	}
	return 0, false
}

// explained reports whether an operation may change an entry that it is not asked to
// store: by flags alone, and as far as its answer allows. What is stored is the
// business of entry-stored, what is in the hypervisor's slots that of
// hypervisor-entries.
func (r *Recount) explained(st *model.Step, f model.Frame, slot int, was, now model.Entry) bool {
	l := r.s.L
	g, h := l.Geo, l.Hyper
	i := r.s.InfoAt(f)
	switch gained, lost := now&^was, was&^now; {
	case i.T > 0 && l.XenSlot(i.Typ.Level(), slot, i.Is(model.PAEXenL2)):
		return true
	case l.AccessBits && lost == 0 && gained&^(model.Accessed|model.Dirty) == 0:
		return true
	case was&model.Present == 0 || st.Errno != model.OK && !h.Profile.Residue && st.Errno != model.ERESTART:
		return false
	case g.SignExtend:
		return r.adjusted(i, was, now)
	case g.PAERoot && h.Profile.Modern:
		goes := now == was&^(model.User|model.RW|model.Accessed)
		return goes || r.adjusted(i, was, now) && (st.Errno == model.OK || st.Errno == model.ERESTART)
	}
	return false
}

// adjusted reports whether an entry has become what the hypervisor stores of it: in a table
// of the frame's level, or of any if an audit has failed and the record has no type.
func (r *Recount) adjusted(i *model.FrameInfo, was, now model.Entry) bool {
	used := model.Entry(0)
	if r.s.L.AccessBits {
		used = model.Accessed | model.Dirty
	}
	for level := 1; level <= r.s.L.Geo.Levels; level++ {
		if n := i.Typ.Level(); (n == 0 || n == level) && asStored(r.s.L, level, was)|used == now|used {
			return true
		}
	}
	return false
}

// changesMemory reports whether memory is not what it was.
func (r *Recount) changesMemory(*model.Step) bool {
	for range r.s.Writes {
		return true
	}
	return false
}
