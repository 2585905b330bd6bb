package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// Locate leads from roots to what a rule found wrong: to the address and the entry, or
// to the entry alone, and to the frame if it is a table.
func Locate(s *model.State, roots []TreeRoot, d *invariants.Detail) []reports.Walk {
	out := []reports.Walk{}
	add := func(w reports.Walk, ok bool) bool {
		if ok {
			out = append(out, w)
		}
		return ok
	}
	table, slot, entry := d.Place()
	if va, ok := d.Address(); !ok || !add(walkAddress(s, roots, va, entry, table, slot)) {
		if entry {
			add(WalkEntry(s, roots, table, slot))
		}
	}
	if f, ok := d.Frame(); ok && s.L.Map.IsGuest(f) {
		add(WalkTable(s, roots, f))
	}
	return out
}

// Conclude completes the report of a broken rule, in the rule's own words. roots are
// where the way to what is wrong may begin, and w is what else was noted of the run.
func Conclude(f *reports.Finding, v *invariants.Violation, roots []TreeRoot, w Witness) {
	f.Rule, f.Says, f.Source, f.Limits = v.Rule.ID, v.Rule.Says, v.Rule.Source, v.Rule.Limits
	f.Detail, f.Walks = v.Text(), Locate(v.State, roots, &v.Detail)
	explain(f, v, roots, w)
}

// KernelRoots lists the roots of a kernel and of its processes.
func KernelRoots(s *model.State) []TreeRoot { return append(kernelRoots(s), processRoots(s)...) }

// processRoots lists the roots of processes, which need not be loaded.
func processRoots(s *model.State) []TreeRoot {
	var out []TreeRoot
	for i := range s.Kernel.Life.MM {
		if f := s.Kernel.Life.MM[i].Root; s.L.Life != nil && s.L.Map.IsGuest(f) {
			out = append(out, TreeRoot{s.L.Geo, f, s.L.Geo.Levels, fmt.Sprintf("root of process %d", i)})
		}
	}
	return out
}

// hop describes an entry on a walk.
func hop(s *model.State, g *model.Geometry, level int, f model.Frame, slot int) reports.Hop {
	return reports.Hop{Geometry: g.Name, Level: level, Frame: FrameName(s.L, f), Slot: slot, Entry: EntryText(s.L, s.Entry(g, f, slot))}
}

// wayTo finds a table under a root: the entries that lead to it and its level.
func wayTo(s *model.State, r TreeRoot, f model.Frame) (hops []reports.Hop, level int, ok bool) {
	if !s.L.Map.IsGuest(r.frame) {
		return nil, 0, false
	}
	if r.frame == f {
		return nil, r.level, true
	}
	if r.level == 1 {
		return nil, 0, false
	}
	for i := range r.geo.Slots[r.level] {
		e := s.Entry(r.geo, r.frame, i)
		if entryKind(s, r.geo, r.level, i, e) != reports.TableEntry {
			continue
		}
		down := TreeRoot{r.geo, s.L.Map.Frame(e.MFN()), r.level - 1, ""}
		if below, level, ok := wayTo(s, down, f); ok {
			return append([]reports.Hop{hop(s, r.geo, r.level, r.frame, i)}, below...), level, true
		}
	}
	return nil, 0, false
}

// walkEntry leads from the first root that it hangs on to an entry of the
// kernel's own tables.
func WalkEntry(s *model.State, roots []TreeRoot, table model.Frame, slot int) (reports.Walk, bool) {
	for _, r := range roots {
		hops, level, ok := wayTo(s, r, table)
		if !ok || r.geo != s.L.Geo || slot >= r.geo.Slots[level] {
			continue
		}
		last := hop(s, r.geo, level, table, slot)
		last.Wrong = true
		return reports.Walk{Title: fmt.Sprintf("entry %s[%d] under %s", last.Frame, slot, rootText(r)), Hops: append(hops, last)}, true
	}
	return reports.Walk{}, false
}

// walkTable shows that a frame is in use as a table.
func WalkTable(s *model.State, roots []TreeRoot, f model.Frame) (reports.Walk, bool) {
	for _, r := range roots {
		if hops, level, ok := wayTo(s, r, f); ok {
			w := reports.Walk{Title: fmt.Sprintf("%s is in use as a table", FrameName(s.L, f)), Frame: FrameName(s.L, f), Hops: slices.Clip(hops)}
			if w.End = fmt.Sprintf("%s is L%d under %s", FrameName(s.L, f), level, rootText(r)); len(hops) == 0 {
				w.Hops, w.End = []reports.Hop{}, fmt.Sprintf("%s is the L%d root: %s", FrameName(s.L, f), level, rootText(r))
			}
			return w, true
		}
	}
	return reports.Walk{}, false
}

// rootText names a root.
func rootText(r TreeRoot) string {
	switch {
	case r.name == pinnedName:
		return fmt.Sprintf("the pin of f%d", r.frame)
	case strings.HasPrefix(r.name, "CR3"):
		return r.name
	}
	return "the " + r.name
}

// walkAddress follows an address. Where an entry is known to be wrong, the first
// root under which the walk ends there is taken; else the first.
func walkAddress(s *model.State, roots []TreeRoot, va model.VA, entry bool, table model.Frame, slot int) (reports.Walk, bool) {
	for _, r := range roots {
		if r.level != r.geo.Levels {
			continue // pinned, and no root
		}
		w, at, n := followAddress(s, r, va)
		if len(w.Hops) > 0 && (!entry || at == table && n == slot) {
			w.Hops[len(w.Hops)-1].Wrong = true
			return w, true
		}
	}
	return reports.Walk{}, false
}

// followAddress walks an address as the rules do, and returns where it ends.
func followAddress(s *model.State, r TreeRoot, va model.VA) (w reports.Walk, table model.Frame, slot int) {
	w = reports.Walk{Title: fmt.Sprintf("address %#x under %s", uint64(va), rootText(r)), Hops: []reports.Hop{}}
	g := r.geo
	table = r.frame
	for level := g.Levels; level >= 1; level-- {
		if !s.L.Map.IsGuest(table) {
			w.End = "the table is outside the model"
			return w, table, slot
		}
		if slot = g.Index(va, level); slot >= g.Slots[level] {
			w.End = fmt.Sprintf("slot %d is beyond the table", slot)
			return w, table, slot
		}
		e := s.Entry(g, table, slot)
		w.Hops = append(w.Hops, hop(s, g, level, table, slot))
		kind := entryKind(s, g, level, slot, e)
		if kind == reports.TableEntry {
			table = s.L.Map.Frame(e.MFN())
			continue
		}
		w.End = map[string]string{
			reports.NotPresent: "not present", reports.XenEntry: "the hypervisor's own",
			reports.PageEntry: "the page " + EntryText(s.L, e), reports.LargeEntry: "the large page " + EntryText(s.L, e),
		}[kind]
		return w, table, slot
	}
	return w, table, slot
}
