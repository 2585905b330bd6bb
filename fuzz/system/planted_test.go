package system

import (
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/xen"
)

// The planted bugs: kernels with one function replaced.

// skipPresent leaves leaves alone that are mapped already.
func skipPresent(_ *hooks.Ops, fn *hooks.Funcs) {
	fn.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
		if !k.Read(pte).Is(model.Present) {
			hooks.MapPage(k, pte, pfn)
		}
	}
}

// newPageTables allocates an L1 table although there is one.
func newPageTables(_ *hooks.Ops, fn *hooks.Funcs) {
	fn.OnePageTableInit = func(k *hooks.Kernel, pmd model.VA) model.VA {
		pfn := k.M.AllocBootmem()
		k.AllocPT(pfn)
		k.SetUpper(2, pmd, k.PV.MakePMD(k, uint64(pfn.PA())|uint64(hooks.PageTable)))
		return k.TableOf(2, pmd)
	}
}

// newMiddleTables allocates an L2 table although there is one.
func newMiddleTables(_ *hooks.Ops, fn *hooks.Funcs) {
	fn.OneMDTableInit = func(k *hooks.Kernel, level int, entry model.VA) model.VA {
		pfn := k.M.AllocBootmem()
		k.AllocPD(pfn)
		flags := hooks.PageTable
		if !k.M.L.Geo.GrantsRights(level) {
			flags = model.Present
		}
		k.SetUpper(level, entry, k.PV.MakePGD(k, uint64(pfn.PA())|uint64(flags)))
		return k.TableOf(level, entry)
	}
}

// noFilter makes Xen's init-time setter the plain one.
func noFilter(o *hooks.Ops, _ *hooks.Funcs) {
	if o.SetPTE[model.VariantInit] != nil {
		o.SetPTE[model.VariantInit] = xen.SetPTE
	}
}

// TestPlantedBugs searches both systems with one function replaced. Each bug is
// found within four calls, by the rule that is about it or by the death that it
// leads to.
func TestPlantedBugs(t *testing.T) {
	const crash = "crash: "
	for _, x := range []struct {
		bug    string
		patch  func(*hooks.Ops, *hooks.Funcs)
		system string
		levels int
		how    string // the rule broken, or how the kernel died
		calls  []string
	}{
		// The boot leaf of the first frame stays as it was.
		{"leaves skipped", skipPresent, "native", 2, "leaf-rewritten", []string{"setup_start", "map_lowmem f0"}},
		{"leaves skipped", skipPresent, "xen", 2, "leaf-rewritten", []string{"setup_start", "map_lowmem f0"}},
		{"leaves skipped", skipPresent, "xen", 3, "leaf-rewritten", []string{"setup_start", "map_lowmem f0"}},
		{"leaves skipped", skipPresent, "xen", 4, "leaf-rewritten", []string{"setup_start", "map_lowmem f0"}},
		// There is a table at once where boot tables are used further. A native PAE
		// kernel has none to begin with: the second call for the same table shows it.
		{"L1 reallocated", newPageTables, "native", 2, "present-not-reallocated", []string{"setup_start", "map_lowmem f0"}},
		{"L1 reallocated", newPageTables, "native", 3, "present-not-reallocated", []string{"setup_start", "map_lowmem f0", "map_lowmem f0"}},
		{"L1 reallocated", newPageTables, "xen", 2, "present-not-reallocated", []string{"setup_start", "map_lowmem f0"}},
		{"L1 reallocated", newPageTables, "xen", 3, "present-not-reallocated", []string{"setup_start", "map_lowmem f0"}},
		{"L1 reallocated", newPageTables, "xen", 4, "present-not-reallocated", []string{"setup_start", "map_lowmem f0"}},
		{"L2 reallocated", newMiddleTables, "native", 3, "present-not-reallocated", []string{"setup_start", "map_lowmem f0", "map_lowmem f0"}},
		// The guest of a PAE hypervisor cannot replace its L2: alloc_pd leaves the new
		// one writable, and the last root entry is nobody's to change. The refusal
		// comes before the rule. With four levels alloc_pd makes tables read-only.
		{"L2 reallocated", newMiddleTables, "xen", 3, crash + "bug xen_set_pgd BUG (hypercall answered -EINVAL)", []string{"setup_start", "map_lowmem f0"}},
		{"L2 reallocated", newMiddleTables, "xen", 4, "present-not-reallocated", []string{"setup_start", "map_lowmem f0"}},
		// The first frame that is a table is the root, frame 1.
		{"no filter", noFilter, "xen", 2, crash + "fault pte-write-rejected pa 00004004 (-EINVAL)", []string{"setup_start", "map_lowmem f1"}},
		{"no filter", noFilter, "xen", 3, crash + "fault pte-write-rejected pa 00005008 (-EINVAL)", []string{"setup_start", "map_lowmem f1"}},
		{"no filter", noFilter, "xen", 4, crash + "fault pte-write-rejected pa 00006008 (-EBUSY)", []string{"setup_start", "map_lowmem f1"}},
	} {
		s, err := New(x.system, Options{Levels: []int{x.levels}, Patch: x.patch})
		if err != nil {
			t.Fatal(err)
		}
		r := search(t, s, 0)
		if len(r.Findings) != 1 {
			t.Errorf("%s, %s with %d levels: %d findings in %d states", x.bug, x.system, x.levels, len(r.Findings), r.States)
			continue
		}
		f := r.Findings[0]
		how, calls := replayed(s, f)
		if how != x.how || !slices.Equal(calls, x.calls) || len(calls) > 4 {
			t.Errorf("%s, %s with %d levels: %s by %q; want %s by %q", x.bug, x.system, x.levels, how, calls, x.how, x.calls)
		}
		if want := map[bool]explore.Kind{true: explore.Crashed, false: explore.Violated}[strings.HasPrefix(x.how, crash)]; f.Kind != want {
			t.Errorf("%s, %s with %d levels: %v, want %v", x.bug, x.system, x.levels, f.Kind, want)
		}
	}
}

// replayed runs the path of a finding again and says how it ends.
func replayed(s *System, f explore.Finding) (how string, calls []string) {
	m := s.NewModel()
	m.Init(f.Init)
	for i, c := range f.Path {
		calls = append(calls, CallOf(c).String())
		switch o := m.Apply(c); {
		case o.Kind == explore.Moved:
			continue
		case i < len(f.Path)-1:
			return "ends early", calls
		case o.Kind == explore.Crashed:
			return "crash: " + m.last.Error(), calls
		default:
			return s.Rules()[o.Rule].ID, calls
		}
	}
	return "nothing", calls
}

// TestHarmlessChanges holds the other side: where a change cannot show, nothing
// is found. A native PAE kernel writes every leaf into tables of its own, so
// there is none to inherit; with two levels there are no L2 tables to make; only
// Xen has a filter.
func TestHarmlessChanges(t *testing.T) {
	for _, x := range []struct {
		name   string
		patch  func(*hooks.Ops, *hooks.Funcs)
		system string
		levels int
	}{
		{"leaves skipped", skipPresent, "native", 3},
		{"L2 reallocated", newMiddleTables, "native", 2},
		{"L2 reallocated", newMiddleTables, "xen", 2},
		{"no filter", noFilter, "native", 2},
	} {
		o := Options{Levels: []int{x.levels}}
		plain, err := New(x.system, o)
		if err != nil {
			t.Fatal(err)
		}
		o.Patch = x.patch
		changed, err := New(x.system, o)
		if err != nil {
			t.Fatal(err)
		}
		a, b := search(t, plain, 0), search(t, changed, 0)
		if !a.Complete || len(a.Findings)+len(b.Findings) > 0 || a.States != b.States || a.Transitions != b.Transitions {
			t.Errorf("%s, %s with %d levels: %d states, %d transitions, %d findings; unchanged %d, %d, %d", x.name, x.system, x.levels,
				b.States, b.Transitions, len(b.Findings), a.States, a.Transitions, len(a.Findings))
		}
	}
}
