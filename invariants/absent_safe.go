package invariants

import "github.com/ptcheck/ptcheck/model"

func absentSafe() Rule {
	return Rule{
		ID:      "absent-safe",
		Says:    "No validated table of a guest without privileges has an absent entry through which a processor with the flaw L1TF could read memory; and no guest is ended but for such an entry.",
		Applies: "to guests of the kind domU",
		Source:  "Intel, L1 Terminal Fault; Xen, arch/x86/include/asm/shadow.h: pv_l1tf_check_pte; XSA-273",
		Limits:  "knows one processor, whose cache looks at 46 bits of an address, and no memory at or above 2^40",
		Goal:    "an entry that leaks is asked for, or is in memory",
		Machine: UnderHypervisor,
		Tell:    tellAbsentSafe,
		guest: guest{
			state: stateAbsentSafe,
			event: eventEnded,
			metAt: (*Recount).mayLeak,
			needs: []Means{MayLeak},
		},
	}
}

func stateAbsentSafe(r *Recount) (Detail, bool) {
	l := r.s.L
	if !l.Hyper.L1TF || r.s.Dying() {
		return Detail{}, true
	}
	for f := range r.frames() {
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
	return Detail{}, r.mayLeak(st)
}

// mayLeak reports whether an operation, or memory before it, has an entry that leaks.
func (r *Recount) mayLeak(st *model.Step) bool {
	l := r.s.L
	if !l.Hyper.L1TF {
		return false
	}
	if st.Op == model.OpMMUUpdate || st.Op == model.OpUpdateVA || st.Op == model.OpEmulate {
		if leaky(l, 2, model.Entry(st.Value)) {
			return true
		}
	}
	for f := range l.Map.Guest() {
		for slot := range l.Geo.Words() {
			if leaky(l, 2, r.was.Entry(l.Geo, model.Frame(f), slot)) {
				return true
			}
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
