package system

import (
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/xen"
)

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
	for _, x := range []struct {
		bug     string
		patch   func(*hooks.Ops, *hooks.Funcs)
		profile *model.Profile
		system  string
		levels  int
		rule    string
	}{
		{"late set_pte one slot off", func(o *hooks.Ops, _ *hooks.Funcs) { o.SetPTE[model.VariantLate] = slotOff }, nil, "xen", 3, "fixmap-lands"},
		{"shared_info not mapped", func(o *hooks.Ops, _ *hooks.Funcs) {
			o.PagetableSetupDone = func(k *hooks.Kernel, _ model.VA) {
				k.M.Kernel.AllocPT, k.M.Kernel.SetPTE = model.VariantLate, model.VariantLate
			}
		}, nil, "xen", 4, "fixmap-lands"},
		{"no zap", func(_ *hooks.Ops, f *hooks.Funcs) { f.ZapLowMappings = func(*hooks.Kernel) {} }, nil, "native", 2, "zap-complete"},
		{"no zap", func(_ *hooks.Ops, f *hooks.Funcs) { f.ZapLowMappings = func(*hooks.Kernel) {} }, nil, "native", 3, "zap-complete"},
		{"root not loaded", func(o *hooks.Ops, _ *hooks.Funcs) { o.WriteCR3 = func(*hooks.Kernel, model.PA) {} }, nil, "xen", 3, "root-valid"},
		{"no filter, and a hypervisor that does not look", byHypercall, flagsOnly(), "xen", 3, "tables-read-only"},
		{"no filter, and a hypervisor that does not look", byHypercall, flagsOnly(), "xen", 2, "tables-read-only"},
	} {
		s, err := New(x.system, Options{Levels: []int{x.levels}, Patch: x.patch, Profile: x.profile})
		if err != nil {
			t.Fatal(err)
		}
		r := search(t, s, 0)
		if len(r.Findings) != 1 {
			t.Errorf("%s, %s with %d levels: %d findings in %d states", x.bug, x.system, x.levels, len(r.Findings), r.States)
			continue
		}
		if how, calls := replayed(s, r.Findings[0]); how != x.rule {
			t.Errorf("%s, %s with %d levels: %s by %q; want %s", x.bug, x.system, x.levels, how, calls, x.rule)
		}
	}
}
