package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func countsAgree() Rule {
	return Rule{
		ID:      "counts-agree",
		Says:    "The hypervisor's types and counts agree with a recount from raw memory, pins and registers.",
		Applies: "in every state of a hostile guest, and when a call of a kernel under a hypervisor ends",
		Source:  "Xen, arch/x86/mm.c: type and general counts; XSA-182, XSA-224, XSA-299",
		Limits:  "believes which type a pinned frame has, and where an interrupted audit stopped; of PV-DP's rules only types and type counts are compared; references that Xen 4.17 is known to forget count as held where that is asked for (profile xen-4.17-known)",
		Goal:    "a call ends; of a hostile guest: a frame's uses are not those of the start",
		Machine: UnderHypervisor,
		Tell:    tellCounts,
		Counts:  true,
		ops:     []model.Op{model.OpCallEnd},
		check:   atCallEnds(stateCounts),
		guest:   guest{state: stateCounts, metBy: (*Recount).countsMoved},
	}
}

func stateCounts(r *Recount) (Detail, bool) {
	for _, f := range r.look {
		if !r.census.Tallies[f].Agrees(r.s, f) {
			return about(f), false
		}
	}
	// No record agrees with two types, whatever its counts are.
	if f, a, b := r.clash(); f != model.NoFrame {
		return about(f).WithTypes(a, b), false
	}
	return Detail{}, true
}

// countsMoved reports whether a frame's uses are not those of the start.
func (r *Recount) countsMoved() bool {
	for _, f := range r.look {
		if a, b := &r.first[f], &r.census.Tallies[f]; a.T != b.T || a.G != b.G {
			return true
		}
	}
	return false
}

// tellCounts sets a recount beside the hypervisor's record.
func tellCounts(v *Violation) string {
	y, i, name := v.uses(v.frame), v.State.InfoAt(v.frame), v.name(v.frame)
	if v.has&partTypes != 0 {
		return fmt.Sprintf("%s is used as %v and as %v; the hypervisor has it as %v", name, v.types[0], v.types[1], i)
	}
	recount := "unused"
	if y.T > 0 {
		recount = fmt.Sprintf("%v x%d", y.Typ, y.T)
	}
	text := fmt.Sprintf("%s is %s by memory, pins and registers; the hypervisor has it as %v", name, recount, i)
	same := y.T == i.T && (y.T == 0 || y.Typ == i.Typ)
	if same {
		text = fmt.Sprintf("%s is %v, as memory, pins and registers have it", name, i)
	}
	if i.Is(model.Partial) {
		text += fmt.Sprintf(", up to slot %d", i.NrValid)
	}
	if y.G != i.G {
		text += fmt.Sprintf("; references: %d, the hypervisor has %d", y.G, i.G)
	}
	if same && y.T > 0 && !i.Is(model.Validated) && !i.Is(model.Partial) {
		text += "; it is in use without being validated"
	}
	switch {
	case y.Linear == i.Linear || y.Typ.Level() == 0 || !v.State.L.Hyper.Profile.Modern:
	case y.Linear < 0 || i.Linear < 0: // a count of the other direction
		text += fmt.Sprintf("; tables of its level that name it: %d, the hypervisor has %d", -y.Linear, -i.Linear)
	default:
		text += fmt.Sprintf("; same-level entries: %d, the hypervisor has %d", y.Linear, i.Linear)
	}
	return text
}
