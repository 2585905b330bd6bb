package system

import (
	"fmt"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
)

// detail says in words what the last violation is, and whether it is about an
// entry: the one that the judge's detail locates.
func (m *HostileModel) detail(rule string) (text string, entry bool) {
	d := m.judge.Detail
	switch rule {
	case "hypervisor-lives":
		return fmt.Sprintf("the hypervisor would have died: %v", m.s.Fatal()), false
	case "tables-read-only":
		return fmt.Sprintf("%s; %s is in use as %v", m.entryAt(d.Table, d.Slot), m.name(d.Frame), m.uses(d.Frame).Table), true
	case "no-stale-write":
		return m.staleText(d), false
	case "root-valid":
		return fmt.Sprintf("a processor's root is %s, which the hypervisor has as %s", m.name(d.Frame), m.record(d.Frame)), false
	case "linear-one-deep":
		return m.linearText(d), true
	case "one-type":
		if d.Want == 0 && d.Got != 0 {
			return fmt.Sprintf("%s, and another root entry names %s in its last slot, too", m.entryAt(d.Table, d.Slot), m.name(d.Frame)), true
		}
		return fmt.Sprintf("%s is used as %v and as %v", m.name(d.Frame), model.Type(d.Want), model.Type(d.Got)), false
	case "partial-consistent":
		return m.partialText(d)
	case "tables-valid":
		return m.validText(d)
	case "counts-agree":
		return m.countsText(d.Frame), false
	case "nothing-left":
		return fmt.Sprintf("the guest is gone; the hypervisor still has %s as %s; references: %d", m.name(d.Frame), m.record(d.Frame), m.s.InfoAt(d.Frame).G), false
	case "pins-kept":
		return fmt.Sprintf("%s was pinned; after an operation that is no unpin it is %s", m.name(d.Frame), m.record(d.Frame)), false
	case "updates-land":
		return m.landsText(d), false
	case "hypervisor-entries":
		return fmt.Sprintf("%s, where the hypervisor has %s", m.entryAt(d.Table, d.Slot), m.sys.entryText(model.Entry(d.Want))), true
	case "absent-safe":
		return m.absentText(d)
	case "entry-stored", "memory-kept":
		return fmt.Sprintf("%s; it must be %s", m.entryAt(d.Table, d.Slot), m.sys.entryText(model.Entry(d.Want))), true
	case "dirty-kept":
		return fmt.Sprintf("%s, and not dirty; a processor can write to page %#x", m.entryAt(d.Table, d.Slot), uint64(d.VA)), true
	case "legal-granted":
		return fmt.Sprintf("the answer is %v, and no rule forbids it", model.Errno(d.Got)), false
	case "stores-done":
		return fmt.Sprintf("after the store of %#x at %#x %s", d.Want, uint64(d.VA), m.entryAt(d.Frame, d.Slot)), false
	}
	return "", false
}

func (m *HostileModel) name(f model.Frame) string { return frameName(m.s.L, f) }

// record is what the hypervisor has a frame as.
func (m *HostileModel) record(f model.Frame) string {
	if f < 0 {
		return "no frame of the guest's"
	}
	return typeText(m.s.Info(f))
}

// uses is what memory, pins and registers make of a frame.
func (m *HostileModel) uses(f model.Frame) model.Tally {
	var c model.Census
	c.Take(m.s)
	return c.Tallies[f]
}

// entryAt is an entry of a table in words.
func (m *HostileModel) entryAt(table model.Frame, slot int) string {
	return fmt.Sprintf("entry %s[%d] is %s", m.name(table), slot, m.sys.entryText(m.s.Entry(m.s.L.Geo, table, slot)))
}

func (m *HostileModel) absentText(d invariants.Detail) (string, bool) {
	if m.s.Ended() {
		return "the guest is ended, and no absent entry that leaks memory is asked for or in memory", false
	}
	return m.entryAt(d.Table, d.Slot) + ": absent, and names memory", true
}

func (m *HostileModel) staleText(d invariants.Detail) string {
	kind := m.uses(d.Frame).Table
	for n := range m.s.Processors() {
		for t := range m.s.TLBOf(n).Each {
			if !t.Writable || t.Frame != d.Frame || t.Page != d.VA {
				continue
			}
			if m.s.L.Geo.Wrap(t.Page) != t.Page { // no address of the guest's
				return fmt.Sprintf("processor %d still has another domain's mapping of %s cached, writable; %s is in use as %v", n, m.name(d.Frame), m.name(d.Frame), kind)
			}
			return fmt.Sprintf("processor %d still has page %#x cached as %s, writable; %s is in use as %v", n, uint64(t.Page), m.name(d.Frame), m.name(d.Frame), kind)
		}
	}
	return fmt.Sprintf("a device can still write to %s, which is in use as %v", m.name(d.Frame), kind)
}

func (m *HostileModel) linearText(d invariants.Detail) string {
	e := m.s.Entry(m.s.L.Geo, d.Table, d.Slot)
	text, kind, to := m.entryAt(d.Table, d.Slot), m.uses(d.Table).Table, m.s.L.Map.Frame(e.MFN())
	switch {
	case m.s.L.PAESpecial() && kind.Level() == m.s.L.Geo.Root():
		return fmt.Sprintf("%s: a PAE root with an entry to a root", text)
	case to == d.Table:
		return fmt.Sprintf("%s: %v %s names itself, writable", text, kind, m.name(to))
	case e.Is(model.RW):
		return fmt.Sprintf("%s: writable, and %s is %v as %s is", text, m.name(to), kind, m.name(d.Table))
	}
	return fmt.Sprintf("%s: both are %v, and %s has a same-level entry itself", text, kind, m.name(to))
}

func (m *HostileModel) partialText(d invariants.Detail) (string, bool) {
	i := m.s.Info(d.Table)
	text := fmt.Sprintf("%s is %s, up to slot %d", m.name(d.Table), m.record(d.Table), i.NrValid)
	if i.Typ.Level() < 2 || i.T == 0 || i.Flags&(model.Validated|model.Pinned) != 0 || d.Slot >= m.s.L.Geo.Slots[i.Typ.Level()] {
		return text, false
	}
	to := m.s.L.Map.Frame(m.s.Entry(m.s.L.Geo, d.Table, d.Slot).MFN())
	text += "; " + m.entryAt(d.Table, d.Slot)
	if to < 0 {
		return text + ", which names no frame of the guest's", true
	}
	return fmt.Sprintf("%s, and %s is %s", text, m.name(to), m.record(to)), true
}

func (m *HostileModel) validText(d invariants.Detail) (string, bool) {
	i := m.s.Info(d.Table)
	if i.Typ == model.TypeSegDesc {
		return fmt.Sprintf("%s is in use as a descriptor table; descriptor %d is %#x, which no guest may have", m.name(d.Table), d.Slot, d.Got), false
	}
	text := fmt.Sprintf("%s in a validated %v", m.entryAt(d.Table, d.Slot), i.Typ)
	to := m.s.L.Map.Frame(m.s.Entry(m.s.L.Geo, d.Table, d.Slot).MFN())
	if to < 0 {
		return text + "; it names no frame that the guest has", true
	}
	return fmt.Sprintf("%s; %s is %s", text, m.name(to), m.standing(to)), true
}

// standing is what the hypervisor has a frame as, and whose it is.
func (m *HostileModel) standing(f model.Frame) string {
	switch {
	case !m.s.L.Map.IsGuest(f):
		return m.record(f) + ", and not the guest's"
	case m.s.InfoAt(f).G == 0:
		return "nobody's: there is no reference to it"
	}
	return m.record(f)
}

// countsText sets a recount beside the hypervisor's record.
func (m *HostileModel) countsText(f model.Frame) string {
	y, i := m.uses(f), m.s.Info(f)
	recount := "unused"
	if y.T > 0 {
		recount = fmt.Sprintf("%v x%d", y.Typ, y.T)
	}
	text := fmt.Sprintf("%s is %s by memory, pins and registers; the hypervisor has it as %s", m.name(f), recount, typeText(i))
	if y.T == i.T && (y.T == 0 || y.Typ == i.Typ) {
		text = fmt.Sprintf("%s is %s, as memory, pins and registers have it", m.name(f), typeText(i))
	}
	if y.G != i.G {
		text += fmt.Sprintf("; references: %d, the hypervisor has %d", y.G, i.G)
	}
	if y.T > 0 && !i.Is(model.Validated) && !i.Is(model.Partial) {
		text += "; it is in use without being validated"
	}
	if y.Linear != i.Linear && y.Typ.Level() > 0 {
		text += fmt.Sprintf("; same-level entries: %d, the hypervisor has %d", y.Linear, i.Linear)
	}
	return text
}

func (m *HostileModel) landsText(d invariants.Detail) string {
	if d.Table < 0 {
		return fmt.Sprintf("the update of page %#x changes %s; the kernel's tables have no L1 for it", uint64(d.VA), m.name(d.Frame))
	}
	if d.Table == d.Frame {
		return fmt.Sprintf("the update of page %#x changes another slot of %s than %d", uint64(d.VA), m.name(d.Frame), d.Slot)
	}
	return fmt.Sprintf("the update of page %#x changes %s; the kernel's tables lead to %s[%d]", uint64(d.VA), m.name(d.Frame), m.name(d.Table), d.Slot)
}
