package mutants

import (
	"context"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/xen"
)

// firstOf searches a backend's system until something is wrong, and says what, and by
// which calls; "" if nothing is.
func firstOf(t *testing.T, b *kernel.Backend, o kernel.Options) (r explore.Result, how string, calls []string) {
	t.Helper()
	s, err := b.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err = explore.Run(context.Background(), func() explore.Model { return s.NewModel() }, explore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Findings) == 0 {
		return r, "", nil
	}
	m, f := s.NewModel(), r.Findings[0]
	m.Init(f.Init)
	out := m.CheckInit()
	for _, code := range f.Path {
		calls = append(calls, kernel.CallOf(code).String())
		out = m.Apply(code)
	}
	if out.Kind == explore.Crashed {
		return r, "crash: " + m.Crash().Error(), calls
	}
	return r, m.Broken(out), calls
}

// patched are options with functions of the kernel replaced.
func patched(levels int, patch func(*hooks.Ops, *hooks.Funcs)) kernel.Options {
	return kernel.Options{Levels: []int{levels}, Change: ofKernel(patch)}
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

// TestPlantedBugs searches both systems with one function replaced. Each bug is
// found within four calls, by the rule that is about it or by the death that it
// leads to.
func TestPlantedBugs(t *testing.T) {
	const crash = "crash: "
	bare, guest := boot.Native(), boot.Xen()
	for _, x := range []struct {
		bug    string
		patch  func(*hooks.Ops, *hooks.Funcs)
		system *kernel.Backend
		levels int
		how    string // the rule broken, or how the kernel died
		calls  []string
	}{
		// The boot leaf of the first frame stays as it was.
		{"leaves skipped", skipPresent, bare, 2, "leaf-rewritten", []string{"setup_start", "map_lowmem f0"}},
		{"leaves skipped", skipPresent, guest, 2, "leaf-rewritten", []string{"setup_start", "map_lowmem f0"}},
		{"leaves skipped", skipPresent, guest, 3, "leaf-rewritten", []string{"setup_start", "map_lowmem f0"}},
		{"leaves skipped", skipPresent, guest, 4, "leaf-rewritten", []string{"setup_start", "map_lowmem f0"}},
		// There is a table at once where boot tables are used further. A native PAE
		// kernel has none to begin with: the second call for the same table shows it.
		{"L1 reallocated", newPageTables, bare, 2, "present-not-reallocated", []string{"setup_start", "map_lowmem f0"}},
		{"L1 reallocated", newPageTables, bare, 3, "present-not-reallocated", []string{"setup_start", "map_lowmem f0", "map_lowmem f0"}},
		{"L1 reallocated", newPageTables, guest, 2, "present-not-reallocated", []string{"setup_start", "map_lowmem f0"}},
		{"L1 reallocated", newPageTables, guest, 3, "present-not-reallocated", []string{"setup_start", "map_lowmem f0"}},
		{"L1 reallocated", newPageTables, guest, 4, "present-not-reallocated", []string{"setup_start", "map_lowmem f0"}},
		{"L2 reallocated", newMiddle, bare, 3, "present-not-reallocated", []string{"setup_start", "map_lowmem f0", "map_lowmem f0"}},
		// The guest of a PAE hypervisor cannot replace its L2: alloc_pd leaves the new
		// one writable, and the last root entry is nobody's to change. The refusal
		// comes before the rule. With four levels alloc_pd makes tables read-only.
		{"L2 reallocated", newMiddle, guest, 3, crash + "bug xen_set_pgd BUG (hypercall answered -EINVAL)", []string{"setup_start", "map_lowmem f0"}},
		{"L2 reallocated", newMiddle, guest, 4, "present-not-reallocated", []string{"setup_start", "map_lowmem f0"}},
		// The first frame that is a table is the root, frame 1.
		{"no filter", noFilter, guest, 2, crash + "fault pte-write-rejected pa 00004004 (-EINVAL)", []string{"setup_start", "map_lowmem f1"}},
		{"no filter", noFilter, guest, 3, crash + "fault pte-write-rejected pa 00005008 (-EINVAL)", []string{"setup_start", "map_lowmem f1"}},
		{"no filter", noFilter, guest, 4, crash + "fault pte-write-rejected pa 00006008 (-EBUSY)", []string{"setup_start", "map_lowmem f1"}},
	} {
		if _, how, calls := firstOf(t, x.system, patched(x.levels, x.patch)); how != x.how || !slices.Equal(calls, x.calls) {
			t.Errorf("%s, %s with %d levels: %q by %q; want %s by %q", x.bug, x.system.Name, x.levels, how, calls, x.how, x.calls)
		}
	}
}

// TestHarmlessChanges holds the other side: where a change cannot show, nothing
// is found. A native PAE kernel writes every leaf into tables of its own, so
// there is none to inherit; with two levels there are no L2 tables to make; only
// Xen has a filter.
func TestHarmlessChanges(t *testing.T) {
	bare, guest := boot.Native(), boot.Xen()
	type harmless struct {
		name   string
		patch  func(*hooks.Ops, *hooks.Funcs)
		system *kernel.Backend
		levels int
	}
	for _, x := range longtest.Part(t, []harmless{
		{"leaves skipped", skipPresent, bare, 3},
		{"L2 reallocated", newMiddle, bare, 2},
		{"L2 reallocated", newMiddle, guest, 2},
		{"no filter", noFilter, bare, 2},
	}, 3) {
		a, _, _ := firstOf(t, x.system, kernel.Options{Levels: []int{x.levels}})
		b, _, _ := firstOf(t, x.system, patched(x.levels, x.patch))
		if !a.Complete || len(a.Findings)+len(b.Findings) > 0 || a.States != b.States || a.Transitions != b.Transitions {
			t.Errorf("%s, %s with %d levels: %d states, %d transitions, %d findings; unchanged %d, %d, %d", x.name, x.system.Name, x.levels,
				b.States, b.Transitions, len(b.Findings), a.States, a.Transitions, len(a.Findings))
		}
	}
}

// slotOff stores a leaf one slot too far.
func slotOff(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	xen.SetPTE(k, ptep+model.VA(k.M.L.Geo.Width), pte)
}

// byHypercall writes leaves without a filter and by mmu_update, as the kernel did
// before it left them to the emulation of stores (Linux 3b827c1b).
func byHypercall(o *hooks.Ops, _ *hooks.Funcs) {
	o.SetPTE[model.VariantInit] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		pa := k.M.L.PA(ptep)
		mfn := k.M.L.Map.MFN(model.Frame(pa.PFN()))
		if rc := k.M.MMUUpdate(uint64(mfn)<<model.PageShift|uint64(pa)&(model.PageSize-1), pte); rc != model.OK {
			k.M.Bug("set_pte", rc)
		}
	}
}

// flagsOnly is a hypervisor that lets a leaf become writable without a look, as
// long as it keeps its frame.
func flagsOnly() *model.Profile {
	p := model.Xen31()
	p.Mutant.FastPath = func(_ *model.State, level int, old, now model.Entry) bool {
		grants := level == 1 && old.Is(model.Present) && old.MFN() == now.MFN() && !old.Is(model.RW) && now.Is(model.RW)
		return grants || (old^now)&^(model.Accessed|model.Dirty|model.User) == 0
	}
	return p
}

// TestLatePlantedBugs plants what shows only after construction, or only when
// the hypervisor is wrong as well, and wants the rule that is there for it.
func TestLatePlantedBugs(t *testing.T) {
	bare, guest := boot.Native(), boot.Xen()
	for _, x := range []struct {
		bug     string
		patch   func(*hooks.Ops, *hooks.Funcs)
		profile *model.Profile
		system  *kernel.Backend
		levels  int
		rule    string
	}{
		{"late set_pte one slot off", func(o *hooks.Ops, _ *hooks.Funcs) { o.SetPTE[model.VariantLate] = slotOff }, nil, guest, 3, "fixmap-lands"},
		{"shared_info not mapped", func(o *hooks.Ops, _ *hooks.Funcs) {
			o.PagetableSetupDone = func(k *hooks.Kernel, _ model.VA) {
				k.M.Kernel.AllocPT, k.M.Kernel.SetPTE = model.VariantLate, model.VariantLate
			}
		}, nil, guest, 4, "fixmap-lands"},
		{"no zap", func(_ *hooks.Ops, f *hooks.Funcs) { f.ZapLowMappings = func(*hooks.Kernel) {} }, nil, bare, 2, "zap-complete"},
		{"no zap", func(_ *hooks.Ops, f *hooks.Funcs) { f.ZapLowMappings = func(*hooks.Kernel) {} }, nil, bare, 3, "zap-complete"},
		{"root not loaded", func(o *hooks.Ops, _ *hooks.Funcs) { o.WriteCR3 = func(*hooks.Kernel, model.PA) {} }, nil, guest, 3, "root-valid"},
		{"no filter, and a hypervisor that does not look", byHypercall, flagsOnly(), guest, 3, "tables-read-only"},
		{"no filter, and a hypervisor that does not look", byHypercall, flagsOnly(), guest, 2, "tables-read-only"},
	} {
		o := patched(x.levels, x.patch)
		o.Profile = x.profile
		if _, how, calls := firstOf(t, x.system, o); how != x.rule {
			t.Errorf("%s, %s with %d levels: %q by %q; want %s", x.bug, x.system.Name, x.levels, how, calls, x.rule)
		}
	}
}
