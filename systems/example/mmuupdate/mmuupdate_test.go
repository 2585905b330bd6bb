package mmuupdate_test

import (
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/check"
	"github.com/ptcheck/ptcheck/systems/example/mmuupdate"
)

func system() systems.System {
	return boot.UnderXen("mmu-update", "a guest that writes every entry by hypercall", mmuupdate.Ops)
}

// TestSystem searches guests with two and four levels. No entry of theirs is ever torn:
// nothing puts the rule about that to the test, and everything else is.
func TestSystem(t *testing.T) {
	r, err := check.Run(t.Context(), system(), check.Levels(2, 4))
	if err != nil || r.Finding != nil || !r.Searches[0].Result.Complete || !slices.Equal(r.Untested(), []string{"no-torn-entry"}) {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestForgotten plants a setter of construction that gives tables their write permission
// back, and one that does not look at the hypervisor's answer.
func TestForgotten(t *testing.T) {
	check.Finds(t, system(), "crash bug", 2, check.Levels(3), check.Patch(func(o *hooks.Ops, _ *hooks.Funcs) {
		o.SetPTE[model.VariantInit] = mmuupdate.SetPTE
	}))
	check.Finds(t, system(), "refusals-heeded", 4, check.Levels(3), check.Patch(func(o *hooks.Ops, _ *hooks.Funcs) {
		o.SetPTE[model.VariantLate] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
			pa := k.M.L.PA(ptep)
			k.M.MMUUpdate(uint64(k.M.L.Map.MFN(model.Frame(pa.PFN())))<<model.PageShift|uint64(pa)&(model.PageSize-1), pte)
		}
	}))
}
