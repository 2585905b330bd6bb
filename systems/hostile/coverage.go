package hostile

import (
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// What a search of a hostile guest counts: operations that were answered as they
// should be somewhere (granted; refused, where a right hypervisor grants them
// nowhere), operations refused, rules exercised, and references that the hypervisor
// is known to forget, in this order.

// numOps is the number of operations there are.
const numOps = len(operations)

// Counters implements explore.Counter.
func (m *Model) Counters() []uint64 { return m.counters }

// do issues an operation and counts its answer, also within a race.
func (m *Model) do(o Op) model.Errno {
	n, before := int(o.n), m.s.Forgets()
	m.last = operations[n].do(m, o)
	for way, now := range m.s.Forgets() {
		m.forgets[way] += now - before[way]
	}
	if (m.last == model.OK) == operations[n].refused {
		n += numOps
	}
	m.counters[n]++
	return m.last
}

// counterNames name the counters of a search, in their order: operations answered
// as they should be, those refused that are granted elsewhere, rules, and ways to
// forget a reference. Names are empty where the alphabet has nothing to count.
func (h *Guest) counterNames() (done, refused, rules, forgets []string) {
	used := h.used()
	for n := range operations {
		op := &operations[n]
		name, other := op.name, op.name
		if !used(op.name) {
			name, other = "", ""
		}
		if op.refused {
			other = ""
		}
		done, refused = append(done, name), append(refused, other)
	}
	means := h.means()
	for i := range h.rules {
		name := h.rules[i].ID
		if !h.rules[i].Exercises(means) {
			name = ""
		}
		rules = append(rules, name)
	}
	for way := range model.NumForgets {
		name := ""
		if h.o.Profile.Known {
			name = way.String()
		}
		forgets = append(forgets, name)
	}
	return done, refused, rules, forgets
}

// used tells the operations of the alphabet, those of races too.
func (h *Guest) used() func(name string) bool {
	all := slices.Concat(h.o.Ops, h.o.Stopped, h.o.Beside)
	return func(name string) bool { return slices.Contains(all, name) }
}

// means are what the guest can do, with its alphabet and with what memory holds at the
// start, as far as rules ask.
func (h *Guest) means() (m invariants.Means) {
	used := h.used()
	for i := range operations {
		if used(operations[i].name) {
			m |= operations[i].gives
		}
		if slices.Contains(h.o.Ops, operations[i].name) {
			m |= operations[i].alone
		}
	}
	for _, is := range [...]struct {
		so    bool
		means invariants.Means
	}{
		{h.o.StaleTLB, invariants.StaleTLB}, {h.o.Interrupts > 0, invariants.Interrupts},
		{slices.Max(h.o.Slots) > 1, invariants.SeveralSlots}, {h.o.AccessBits, invariants.MarksUse},
		{h.o.XenSlots, invariants.FilledSlots}, {h.o.Wide || h.o.PAE, invariants.FlaggedEntries},
		{h.o.Guest == model.DomU, invariants.MayLeak},
		{h.readOnly(h.o.Flags), invariants.ReadOnlyEntries}, {h.readOnly(h.o.Memory), invariants.ReadOnlyMemory},
	} {
		if is.so {
			m |= is.means
		}
	}
	return m
}

// readOnly reports whether one of some sets of flags, or entries that end in
// them, is present and not writable.
func (h *Guest) readOnly(entries []string) bool {
	return slices.ContainsFunc(entries, func(text string) bool {
		flags := text[strings.IndexByte(text, ':')+1:]
		return strings.Contains(flags, "P") && !strings.Contains(flags, "W")
	})
}

// Coverage names the counters of a search of the guest.
func (h *Guest) Coverage(counters []uint64) []reports.Group {
	done, refused, rules, forgets := h.counterNames()
	out := []reports.Group{{Name: "operations", Due: true}, {Name: "refused"}, {Name: "rules", Due: true}}
	groups := [][]string{done, refused, rules}
	if h.o.Profile.Known {
		out, groups = append(out, reports.Group{Name: "forgotten"}), append(groups, forgets)
	}
	n := 0
	for i, names := range groups {
		for _, name := range names {
			if name != "" {
				out[i].Counts = append(out[i].Counts, reports.Count{Name: name, N: counters[n]})
			}
			n++
		}
	}
	return out
}
