package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func entryStored() Rule {
	return Rule{
		ID:      "entry-stored",
		Says:    "An update that is granted leaves in memory the entry that was asked for, with the flags that the hypervisor adds to entries of that level, and with the accessed and dirty bits of the old one where they are to be kept; and so every entry of a validated table has these flags.",
		Applies: "at every update, emulated store and grant mapping of a hostile guest that is granted, and in every state",
		Source:  "Xen, arch/x86/pv/mm.h: adjust_guest_l1e to adjust_guest_l4e, update_intpte; ptwr_emulated_update",
		Limits:  "says nothing of operations that race, and of what is stored across two entries; the other half of an entry that is stored by halves may make it absent",
		Goal:    "an entry is stored in a table in use",
		Machine: UnderHypervisor,
		Tell:    tellMustBe,
		guest: guest{
			event: eventEntryStored,
			state: stateAdjusted,
			metAt: (*Recount).storesEntry,
			needs: []Means{StoresEntries, MapsGrants},
		},
	}
}

// stateAdjusted wants every present entry of a validated table to be as it would be
// stored.
func stateAdjusted(r *Recount) (Detail, bool) {
	for _, f := range r.look {
		i := r.s.InfoAt(f)
		level := i.Typ.Level()
		if i.T == 0 || !i.Is(model.Validated) || level == 0 {
			continue
		}
		var d Detail
		ok := r.children(f, level, func(slot int, e model.Entry, _ model.Frame) bool {
			want := asStored(r.s.L, level, e)
			d = mustBe(f, slot, e, want)
			return e == want
		})
		if !ok {
			return d, false
		}
	}
	return Detail{}, true
}

func eventEntryStored(r *Recount, st *model.Step) (Detail, bool) {
	slot, want, ok := r.requested(st)
	if !ok {
		return Detail{}, true
	}
	now := r.s.Entry(r.s.L.Geo, st.Frame, slot)
	half := st.Op == model.OpEmulate && st.Width < r.s.L.Geo.Width
	same := now == want || half && now == want&^model.Present || (now^want)&^deviceCare(r.s.L, want) == 0
	return mustBe(st.Frame, slot, now, want), same
}

// deviceCare are the bits that the hypervisor chooses itself in a leaf that maps a device:
// caching, and of a device that the guest may only read write permission (Xen:
// get_page_from_l1e, the iomem part). No bits in any other entry.
func deviceCare(l *model.Layout, e model.Entry) model.Entry {
	if !e.Is(model.Present) || l.Map.Frame(l.Names(e)) != model.NoFrame || !l.IsDevice(l.Names(e)) {
		return 0
	}
	return model.PWT | model.PCD | model.PSE | model.RW
}

// requested is the entry that an operation must have stored, and where; false if the
// operation stores none, or was refused.
func (r *Recount) requested(st *model.Step) (slot int, want model.Entry, ok bool) {
	g := r.s.L.Geo
	switch {
	case st.Errno != model.OK || r.racing || st.Frame < 0 || st.Off%g.Width+st.Width > g.Width:
		return 0, 0, false
	case st.Op == model.OpMMUUpdate && st.Cmd != uint8(model.MMUMachPhys), st.Op == model.OpUpdateVA, st.Op == model.OpEmulate,
		st.Op == model.OpDealing && st.Width > 0:
	default:
		return 0, 0, false
	}
	if slot = st.Off / g.Width; slot*g.Width >= g.Words()*8 {
		return 0, 0, false
	}
	old, e := r.was.Entry(g, st.Frame, slot), model.Entry(st.Value)
	if st.Width < g.Width {
		shift := 8 * uint(st.Off&(g.Width-1))
		e = old&^(0xffff_ffff<<shift) | model.Entry(uint32(e))<<shift
	}
	if st.Op == model.OpEmulate && e == old {
		return slot, old, true // nothing to store
	}
	y := &r.earlier().Tallies[st.Frame]
	level := 0
	if y.T > 0 {
		level = y.Typ.Level()
	}
	want = asStored(r.s.L, level, e)
	if level > 0 && st.Op == model.OpMMUUpdate && st.Cmd == uint8(model.MMUPreserveAD) {
		want |= old & (model.Accessed | model.Dirty)
	}
	return slot, want, true
}

// storesEntry reports whether an operation stores an entry in a table in use.
func (r *Recount) storesEntry(s *model.Step) bool {
	if _, _, ok := r.requested(s); !ok {
		return false
	}
	y := &r.earlier().Tallies[s.Frame]
	return y.T > 0 && y.Typ.Level() > 0
}

// mustBe points at an entry that must be another one.
func mustBe(f model.Frame, slot int, is, want model.Entry) Detail {
	return atEntry(f, slot, is).WithWant(want, ^model.Entry(0))
}

func tellMustBe(v *Violation) string {
	return fmt.Sprintf("%s; it must be %s", v.entry(), v.EntryText(v.want))
}
