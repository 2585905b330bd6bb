package system

import (
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// What a search of a hostile guest counts: operations that were answered as they
// should be somewhere (granted; refused, where a right hypervisor grants them
// nowhere), operations refused, rules exercised, and references that the hypervisor
// is known to forget, in this order.

// hostileCounters is the number of operations there are.
const hostileCounters = len(hostileOps)

// Counters implements explore.Counter.
func (m *HostileModel) Counters() []uint64 { return m.counters }

// do issues an operation and counts its answer, also within a race.
func (m *HostileModel) do(code uint64) model.Errno {
	op, a := hostileParts(code & 0xffff_ffff)
	before := m.s.Forgets()
	m.last = op.do(m, a)
	for n, now := range m.s.Forgets() {
		m.forgets[n] += now - before[n]
	}
	n := int(code >> 24 & 0xff)
	if (m.last == model.OK) == op.refused {
		n += hostileCounters
	}
	m.counters[n]++
	return m.last
}

// CounterNames name the counters of a search, in their order: operations answered
// as they should be, those refused that are granted elsewhere, rules, and ways to
// forget a reference. Names are empty where the alphabet has nothing to count.
func (h *Hostile) CounterNames() (done, refused, rules, forgets []string) {
	used := h.used()
	for n := range hostileOps {
		op := &hostileOps[n]
		name, other := op.name, op.name
		if !used(op.name) {
			name, other = "", ""
		}
		if op.refused {
			other = ""
		}
		done, refused = append(done, name), append(refused, other)
	}
	for i := range h.rules {
		name := h.rules[i].ID
		if !h.tests(name) {
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
func (h *Hostile) used() func(name string) bool {
	all := slices.Concat(h.o.Ops, h.o.Stopped, h.o.Beside)
	return func(name string) bool { return slices.Contains(all, name) }
}

// tests reports whether the alphabet, with what memory holds at the start, has what
// it takes to exercise a rule. It is generous: a scope may still be too small or
// its search too short, and then the rule is reported as never exercised.
func (h *Hostile) tests(rule string) bool {
	used := h.used()
	some := func(names ...string) bool { return slices.ContainsFunc(names, used) }
	pins := some("pin", "pin-part", "pin-late")
	// What races is not compared with the state before.
	alone := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(h.o.Ops, name) })
	}
	updates, stores := alone("mu", "mua", "uva", "uva-flush"), alone("put", "put-locked", "put-low", "put-high")
	switch rule {
	case "tables-read-only":
		return h.readOnly(h.o.Flags) && some("mu", "uva", "put", "grant-pte") || h.readOnly(h.o.Memory) && pins
	case "no-stale-write":
		return h.o.StaleTLB && some("touch", "put", "lend") || some("assign")
	case "root-valid":
		return some("cr3", "ucr3")
	case "linear-one-deep":
		return h.readOnly(h.o.Flags) && some("mu") || h.readOnly(h.o.Memory) && pins
	case "one-type":
		return pins || some("lend") || some("mu") && slices.Max(h.o.Slots) > 1
	case "partial-consistent":
		return h.o.Interrupts > 0 && some("pin-part", "unpin-part") || some("pin-late")
	case "tables-valid":
		return pins || some("gdt")
	case "nothing-left":
		return some("kill")
	case "pins-kept":
		return pins || some("mu", "m2p", "cr3", "ucr3", "gdt", "release", "give", "lend", "grant-pte", "result")
	case "updates-land":
		return some("uva")
	case "stores-done":
		return stores
	case "hypervisor-entries":
		return h.o.XenSlots && (pins || some("cr3", "ucr3"))
	case "absent-safe":
		return h.o.Guest == model.DomU
	case "entry-stored":
		return updates || stores || alone("grant-map", "grant-read")
	case "memory-kept":
		return updates || stores || alone("clear", "copy", "grant-map", "other") || (h.o.Wide || h.o.PAE) && alone("pin")
	case "dirty-kept":
		return h.o.AccessBits && h.o.StaleTLB && some("mua") && some("touch")
	case "legal-granted":
		return updates || stores || alone("pin", "cr3", "ucr3", "gdt", "gdt-none", "unpin", "clear", "copy")
	}
	return true // any operation exercises it
}

// readOnly reports whether one of some sets of flags, or entries that end in
// them, is present and not writable.
func (h *Hostile) readOnly(entries []string) bool {
	return slices.ContainsFunc(entries, func(text string) bool {
		flags := text[strings.IndexByte(text, ':')+1:]
		return strings.Contains(flags, "P") && !strings.Contains(flags, "W")
	})
}

// Coverage names the counters of a search of the guest.
func (h *Hostile) Coverage(counters []uint64) []reports.Group {
	done, refused, rules, forgets := h.CounterNames()
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
