package invariants

import "github.com/ptcheck/ptcheck/model"

func absentSafe() Rule {
	return Rule{
		ID:      "absent-safe",
		Says:    "No validated table of a guest without privileges has an absent entry through which a processor with the flaw L1TF could read memory; and no guest is ended but for such an entry.",
		Applies: "to guests of the kind domU",
		Source:  "Intel, L1 Terminal Fault; Xen, arch/x86/include/asm/shadow.h: pv_l1tf_check_pte; XSA-273",
		Limits:  "knows one processor, whose cache looks at 46 bits of an address, and no memory at or above 2^40",
		Goal:    "an entry that leaks is asked for, or is in the frame that an operation is about",
		Machine: UnderHypervisor,
		Tell:    tellAbsentSafe,
		guest: guest{
			state: stateAbsentSafe,
			event: eventEnded,
			metAt: (*Recount).leakAtHand,
			needs: []Means{MayLeak},
		},
	}
}

func stateAbsentSafe(r *Recount) (Detail, bool) {
	l := r.s.L
	if !l.Hyper.L1TF || r.s.Dying() {
		return Detail{}, true
	}
	for _, f := range r.look {
		i := r.s.InfoAt(f)
		if i.T == 0 || !i.Is(model.Validated) || i.Typ.Level() == 0 {
			continue
		}
		level := i.Typ.Level()
		for slot := range l.Geo.Slots[level] {
			e := r.s.Entry(l.Geo, f, slot)
			if !l.XenSlot(level, slot, i.Is(model.PAEXenL2)) && leaky(l, level, e) {
				return atEntry(f, slot, e), false
			}
		}
	}
	return Detail{}, true
}

// eventEnded looks for the entry that a guest was ended for: the one that it asked
// for, or one in its memory.
func eventEnded(r *Recount, st *model.Step) (Detail, bool) {
	if !r.s.Ended() || r.was.Ended() || r.racing {
		return Detail{}, true
	}
	if r.leakAtHand(st) {
		return Detail{}, true
	}
	for f := range model.Frame(r.s.L.Map.Guest()) { // once in the life of a guest
		if r.leaksIn(f) {
			return Detail{}, true
		}
	}
	return Detail{}, false
}

// leakAtHand reports whether an operation asks for an entry that leaks, or is about a
// frame that had one.
func (r *Recount) leakAtHand(st *model.Step) bool {
	if !r.s.L.Hyper.L1TF {
		return false
	}
	asks := st.Op == model.OpMMUUpdate || st.Op == model.OpUpdateVA || st.Op == model.OpEmulate
	return asks && leaky(r.s.L, 2, model.Entry(st.Value)) || st.Frame >= 0 && r.leaksIn(st.Frame)
}

// leaksIn reports whether a frame had an entry that leaks before the operation.
func (r *Recount) leaksIn(f model.Frame) bool {
	g := r.s.L.Geo
	for slot := range g.Words() * 8 / g.Width {
		if leaky(r.s.L, 2, r.was.Entry(g, f, slot)) {
			return true
		}
	}
	return false
}

func tellAbsentSafe(v *Violation) string {
	if v.has&partEntry == 0 {
		return "the guest is ended, and no absent entry that leaks memory is asked for or in memory"
	}
	return v.entry() + ": absent, and names memory"
}
