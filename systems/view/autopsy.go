package view

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// autopsy says what a dead kernel was doing, and leads to what stood in its way.
// It tells facts about the state; that they are the cause is for the reader to
// judge.
func Autopsy(s *model.State, c *model.Crash, log *StepLog) (detail string, walks []reports.Walk) {
	a := &scene{s: s, roots: kernelRoots(s), walks: []reports.Walk{}}
	switch c.Kind {
	case model.CrashRejected:
		a.rejectedStore(c)
	case model.CrashFault, model.CrashMisaccess:
		a.address(c.VA, "")
	case model.CrashReserved:
		a.entry(s.CPU.CR3, c.Slot)
	}
	if log.refused != nil {
		a.refusedCall(log.refused)
	}
	return a.detail, a.walks
}

type scene struct {
	s      *model.State
	roots  []TreeRoot
	detail string
	walks  []reports.Walk
}

func (a *scene) say(format string, args ...any) {
	if a.detail != "" {
		a.detail += "; "
	}
	a.detail += fmt.Sprintf(format, args...)
}

// address shows where an address leads.
func (a *scene) address(va model.VA, title string) {
	w, ok := walkAddress(a.s, a.roots, va, false, 0, 0)
	if !ok {
		return
	}
	if title != "" {
		w.Title = title
	}
	a.walks = append(a.walks, w)
}

func (a *scene) entry(table model.Frame, slot int) {
	if w, ok := WalkEntry(a.s, a.roots, table, slot); ok {
		a.walks = append(a.walks, w)
	}
}

// rejectedStore shows the entry that a store was to change.
func (a *scene) rejectedStore(c *model.Crash) {
	g, table := a.s.L.Geo, model.Frame(c.PA.PFN())
	off := int(c.PA) & (model.PageSize - 1)
	slot := off / g.Width
	old := a.s.Entry(g, table, slot)
	want := model.Entry(c.Value)
	if c.Width < g.Width {
		shift := 8 * uint(off&(g.Width-1))
		want = old&^(0xffff_ffff<<shift) | model.Entry(uint32(c.Value))<<shift
	}
	a.say("the store asks for %s in %s[%d], which is %s", EntryText(a.s.L, want), FrameName(a.s.L, table), slot, EntryText(a.s.L, old))
	a.entry(table, slot)
	a.leaf(want)
}

// refusedCall shows what a refused hypercall asked for.
func (a *scene) refusedCall(st *model.Step) {
	l := a.s.L
	switch st.Op {
	case model.OpMMUUpdate:
		slot := st.Off / l.Geo.Width
		a.say("the hypercall asks for %s in %s[%d]", EntryText(l, model.Entry(st.Value)), FrameName(l, st.Frame), slot)
		if l.Map.IsGuest(st.Frame) {
			a.entry(st.Frame, slot)
			a.asked(st.Frame, model.Entry(st.Value))
		}
	case model.OpUpdateVA:
		a.say("the hypercall asks for %s at %#x", EntryText(l, model.Entry(st.Value)), uint64(st.VA))
		a.address(st.VA, "")
		a.leaf(model.Entry(st.Value))
	case model.OpPin, model.OpNewBaseptr, model.OpUserBaseptr:
		level := st.Level
		if st.Op != model.OpPin {
			level = l.Geo.Levels
		}
		a.say("the hypervisor refuses %s as L%d", FrameName(l, st.Frame), level)
		a.tree(st.Frame, level)
	default:
		a.say("the hypervisor refuses %s", st.Text(l, Namer{L: l}))
	}
}

// asked looks at an entry that a table was to get.
func (a *scene) asked(table model.Frame, e model.Entry) {
	for _, r := range a.roots {
		if _, level, ok := wayTo(a.s, r, table); ok {
			if level == 1 {
				a.leaf(e)
			} else if e.Is(model.Present) {
				a.tree(a.s.L.Map.Frame(e.MFN()), level-1)
			}
			return
		}
	}
}

// leaf notes that a writable leaf would map a table.
func (a *scene) leaf(e model.Entry) {
	f := a.s.L.Map.Frame(e.MFN())
	if !e.Is(model.Present|model.RW) || !a.s.L.Map.IsGuest(f) {
		return
	}
	if w, ok := WalkTable(a.s, a.roots, f); ok {
		a.say("%s", w.End)
		a.walks = append(a.walks, w)
	}
}

// tree looks for a table of a tree that is mapped writable.
func (a *scene) tree(f model.Frame, level int) {
	s := a.s
	if !s.L.Map.IsGuest(f) || level < 1 || level > s.L.Geo.Levels {
		return
	}
	list := &tableList{s: s, seen: map[place]bool{}}
	list.visit(s.L.Geo, f, level, "")
	for t := range model.Frame(s.L.Map.Guest()) {
		if !list.seen[place{t, s.L.Geo}] {
			continue
		}
		if table, slot, ok := a.writableLeaf(t); ok {
			a.say("%s, of the tree of %s, is mapped writable by %s[%d]", FrameName(s.L, t), FrameName(s.L, f), FrameName(s.L, table), slot)
			a.entry(table, slot)
			return
		}
	}
}

// writableLeaf finds a leaf under the roots in use that maps a frame writable.
func (a *scene) writableLeaf(f model.Frame) (table model.Frame, slot int, ok bool) {
	g := a.s.L.Geo
	for t := range model.Frame(a.s.L.Map.Guest()) {
		for _, r := range a.roots {
			_, level, found := wayTo(a.s, r, t)
			if !found || level != 1 {
				continue
			}
			for slot := range g.Slots[1] {
				e := a.s.Entry(g, t, slot)
				if e.Is(model.Present|model.RW) && a.s.L.Map.Frame(e.MFN()) == f {
					return t, slot, true
				}
			}
			break
		}
	}
	return 0, 0, false
}
