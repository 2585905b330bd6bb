package view

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// snapshot describes the state of a kernel: its tables first as the CPU reads
// them under CR3, then as the kernel builds them under its root, then those of
// other address spaces, and last the frames that hold something but are part of
// no tree.
func Snapshot(s *model.State) reports.State { return snapshotOf(s, kernelRoots(s)) }

// startOfDay is the snapshot of a kernel that has not run yet: what its root
// holds is no tree of the geometry that it will build.
func StartOfDay(s *model.State) reports.State {
	roots := kernelRoots(s)
	if active := s.Active(); active != s.L.Geo {
		roots = roots[:1]
	}
	return snapshotOf(s, roots)
}

func snapshotOf(s *model.State, roots []TreeRoot) reports.State {
	t := &tableList{s: s, seen: map[place]bool{}}
	for _, r := range roots {
		t.visit(r.geo, r.frame, r.level, r.name)
	}
	for f := range model.Frame(s.L.Map.Frames()) {
		if !t.uses(f) && !s.Untouched(f) {
			t.add(s.L.Geo, f, 0, "", "not in use")
		}
	}
	return reports.State{Registers: registers(s), Tables: t.out, Pages: t.pages()}
}

// treeRoot is where a tree of tables starts.
type TreeRoot struct {
	geo   *model.Geometry
	frame model.Frame
	level int
	name  string
}

// kernelRoots lists the roots of a kernel, each frame and geometry once.
func kernelRoots(s *model.State) []TreeRoot {
	active, g := s.Active(), s.L.Geo
	cr3 := s.CPUOf(0).CR3
	out := []TreeRoot{{active, cr3, active.Levels, "CR3"}}
	add := func(f model.Frame, name string) {
		for _, r := range out {
			if r.frame == f && r.geo == g {
				return
			}
		}
		if s.L.Map.IsGuest(f) {
			out = append(out, TreeRoot{g, f, g.Levels, name})
		}
	}
	for n := 1; n < s.Processors(); n++ {
		add(s.CPUOf(n).CR3, fmt.Sprintf("CR3 of cpu%d", n))
	}
	add(model.Frame(s.L.Kernel.Root), "root being built")
	for n := range s.Processors() {
		add(s.CPUOf(n).UserCR3, "user root")
	}
	add(s.Kernel.Second, "second address space")
	return append(out, pinnedRoots(s)...)
}

// pinnedName is the name of the roots that a guest has pinned.
const pinnedName = "pinned"

// pinnedRoots lists what a guest has pinned.
func pinnedRoots(s *model.State) []TreeRoot {
	var out []TreeRoot
	if s.L.Hyper == nil {
		return nil
	}
	for f := range model.Frame(s.L.Map.Guest()) {
		if i := s.Info(f); i.Is(model.Pinned) && i.Typ.Level() > 0 {
			out = append(out, TreeRoot{s.L.Geo, f, i.Typ.Level(), pinnedName})
		}
	}
	return out
}

// place is a table as it is read.
type place struct {
	frame model.Frame
	geo   *model.Geometry
}

type tableList struct {
	s    *model.State
	seen map[place]bool
	out  []reports.Table
}

func (t *tableList) uses(f model.Frame) bool {
	return t.seen[place{f, t.s.L.Geo}] || t.seen[place{f, t.s.Active()}]
}

// visit adds a table and those below it; root says what makes it a root.
func (t *tableList) visit(g *model.Geometry, f model.Frame, level int, root string) {
	if !t.s.L.Map.IsGuest(f) || t.seen[place{f, g}] {
		return
	}
	t.seen[place{f, g}] = true
	role := fmt.Sprintf("L%d", level)
	if root != "" {
		role += " (" + root + ")"
	}
	t.add(g, f, level, root, role)
	if level == 1 {
		return
	}
	for i := range g.Slots[level] {
		if e := t.s.Entry(g, f, i); entryKind(t.s, g, level, i, e) == reports.TableEntry {
			t.visit(g, t.s.L.Map.Frame(e.MFN()), level-1, "")
		}
	}
}

func (t *tableList) add(g *model.Geometry, f model.Frame, level int, root, role string) {
	t.out = append(t.out, tableOf(t.s, g, f, level, root, role))
}

// tableOf describes one table.
func tableOf(s *model.State, g *model.Geometry, f model.Frame, level int, root, role string) reports.Table {
	slots := g.Slots[level]
	if level == 0 {
		slots = g.Words() * 8 / g.Width
	}
	table := reports.Table{Frame: FrameName(s.L, f), Geometry: g.Name, Level: level, Slots: slots, Role: role, Root: root, Entries: []reports.Entry{}}
	for i := range slots {
		e := s.Entry(g, f, i)
		if e == 0 {
			continue
		}
		entry := reports.Entry{Slot: i, Text: EntryText(s.L, e), Kind: entryKind(s, g, level, i, e), Writable: e.Is(model.RW) && g.GrantsRights(level)}
		if to := s.L.Map.Frame(e.MFN()); to != model.NoFrame && e.Is(model.Present) {
			entry.Frame = FrameName(s.L, to)
		}
		table.Entries = append(table.Entries, entry)
	}
	return table
}

// entryKind says what an entry of a table of a level does.
func entryKind(s *model.State, g *model.Geometry, level, slot int, e model.Entry) string {
	switch {
	case !e.Is(model.Present):
		return reports.NotPresent
	case level == 0:
		return reports.UnusedEntry
	case s.L.XenSlot(level, slot, false):
		return reports.XenEntry
	case level == 1:
		return reports.PageEntry
	case level == 2 && e.Is(model.PSE) && (g.Width == 8 || s.CPU.CR4&model.CR4PSE != 0):
		return reports.LargeEntry
	}
	return reports.TableEntry
}

// pages says what every frame is.
func (t *tableList) pages() []reports.Page {
	s := t.s
	out := make([]reports.Page, s.L.Map.Frames())
	for f := range model.Frame(len(out)) {
		p := &out[f]
		p.Frame, p.Machine, p.Table = FrameName(s.L, f), fmt.Sprintf("%#x", uint64(s.L.Map.MFN(f))), t.uses(f)
		p.Role = frameRole(s.L, f)
		if s.L.Hyper != nil {
			p.Type = s.InfoAt(f).String()
		}
		next := model.Frame(s.Kernel.BootmemNext)
		p.Free = f >= next && f < model.Frame(s.L.Kernel.MaxLowPFN) && p.Role == "" && !p.Table && s.Untouched(f)
	}
	return out
}
