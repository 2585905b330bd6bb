package system

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// frameName is the name of a frame in reports: f and its number, or what kind
// of frame of others it is.
func frameName(l *model.Layout, f model.Frame) string {
	if f == model.NoFrame {
		return "nowhere"
	}
	if n := int(f) - l.Map.Guest(); n >= 0 && l.Hyper != nil {
		return l.Hyper.Extra[n].Name
	}
	return fmt.Sprintf("f%d", f)
}

// entryText writes an entry with the name of its frame, such as "f3:PWAD".
func entryText(l *model.Layout, e model.Entry) string {
	if e == 0 {
		return "0"
	}
	name := fmt.Sprintf("m%#x", uint64(e.MFN()))
	if f := l.Map.Frame(e.MFN()); f != model.NoFrame {
		name = frameName(l, f)
	}
	return string(model.AppendFlags([]byte(name+":"), e))
}

// frameRoles says what the frames with a meaning of their own are.
func frameRoles(l *model.Layout, first model.PFN) []string {
	k := &l.Kernel
	roles := []string{
		fmt.Sprintf("f%d root (swapper_pg_dir)", k.Root),
		fmt.Sprintf("f%d zero page", k.ZeroPage),
	}
	if l.Hyper != nil {
		roles = append(roles, fmt.Sprintf("f%d the builder's root", k.PTBase))
	}
	if k.Spare != k.Root && k.Spare != k.ZeroPage {
		roles = append(roles, fmt.Sprintf("f%d spare", k.Spare))
	}
	if l.Early != nil {
		return append(append(roles, fmt.Sprintf("static tables from f%d", first)), earlyRoles(l)...)
	}
	roles = append(roles, fmt.Sprintf("boot allocator from f%d", first),
		fmt.Sprintf("low memory f0 to f%d at %#x", k.MaxLowPFN-1, uint64(k.PageOffset)))
	return roles
}

// tables lists the page-table pages: first as the CPU reads them under CR3,
// then as the kernel builds them under its root, where that is something else,
// and last the frames that hold something but are part of neither.
func tables(s *model.State) []reports.Table {
	t := &tableList{s: s, seen: make([]bool, s.L.Map.Frames())}
	active := s.Active()
	t.visit(active, s.CPU.CR3, active.Levels, " (CR3)")
	root := model.Frame(s.L.Kernel.Root)
	if s.L.Geo != active || root != s.CPU.CR3 {
		before := append([]bool(nil), t.seen...)
		if s.L.Geo != active {
			clear(t.seen)
		}
		t.visit(s.L.Geo, root, s.L.Geo.Levels, " (root being built)")
		for f, was := range before {
			t.seen[f] = t.seen[f] || was
		}
	}
	for f := range model.Frame(s.L.Map.Frames()) {
		if !t.seen[f] && !s.Empty(f) {
			t.add(s.L.Geo, f, s.L.Geo.Words()*8/s.L.Geo.Width, "not in use")
		}
	}
	return t.out
}

type tableList struct {
	s    *model.State
	seen []bool
	out  []reports.Table
}

// visit adds a table and those below it; note marks the root.
func (t *tableList) visit(g *model.Geometry, f model.Frame, level int, note string) {
	if !t.s.L.Map.IsGuest(f) || t.seen[f] {
		return
	}
	t.seen[f] = true
	t.add(g, f, g.Slots[level], fmt.Sprintf("L%d%s", level, note))
	if level == 1 {
		return
	}
	for i := range g.Slots[level] {
		e := t.s.Entry(g, f, i)
		if e.Is(model.Present) && !(level == 2 && e.Is(model.PSE)) && !t.s.L.XenSlot(level, i, false) {
			t.visit(g, t.s.L.Map.Frame(e.MFN()), level-1, "")
		}
	}
}

func (t *tableList) add(g *model.Geometry, f model.Frame, slots int, role string) {
	table := reports.Table{Frame: frameName(t.s.L, f), Role: role}
	for i := range slots {
		if e := t.s.Entry(g, f, i); e != 0 {
			table.Entries = append(table.Entries, reports.Entry{Slot: i, Text: entryText(t.s.L, e)})
		}
	}
	t.out = append(t.out, table)
}
