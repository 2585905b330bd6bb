package shadow_test

import (
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/check"
	"github.com/ptcheck/ptcheck/systems/example/shadow"
)

func backend() systems.System {
	return boot.OnBareMetal("shadow", "a guest of a shadowing hypervisor", shadow.Ops, shadow.Rules()...)
}

func TestShadow(t *testing.T) { check.Backend(t, backend()) }

// TestShadowMoreMemory has boot tables that reach into the second root slot of a
// PAE kernel. The full search of that scope takes longer than a test may.
func TestShadowMoreMemory(t *testing.T) {
	check.Backend(t, backend(), check.Levels(3), check.Lowmem(12), check.Depth(4))
}

// TestForgotten plants a setter that does not announce what it stored, for each
// level, and native's setup_start.
func TestForgotten(t *testing.T) {
	for name, x := range map[string]struct {
		levels, lowmem, calls int
		forget                func(*hooks.Ops)
	}{
		"leaf":        {2, 0, 2, func(o *hooks.Ops) { o.SetPTE[model.VariantLate] = native.SetPTE }},
		"L2 entry":    {2, 0, 2, func(o *hooks.Ops) { o.SetPMD = native.Ops().SetPMD }},
		"setup_start": {3, 12, 1, func(o *hooks.Ops) { o.PagetableSetupStart = native.PagetableSetupStart }},
	} {
		t.Run(name, func(t *testing.T) {
			check.Finds(t, backend(), "changes-announced", x.calls, check.Levels(x.levels), check.Lowmem(x.lowmem),
				check.Patch(func(o *hooks.Ops, _ *hooks.Funcs) { x.forget(o) }))
		})
	}
}

// TestAnnouncedFirst plants a setter that announces before it stores: what the
// hypervisor then reads is the old entry.
func TestAnnouncedFirst(t *testing.T) {
	check.Finds(t, backend(), "changes-announced", 2, check.Levels(2), check.Patch(func(o *hooks.Ops, _ *hooks.Funcs) {
		o.SetPTE[model.VariantLate] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
			k.M.Announce(k.M.L.PA(ptep), k.M.L.Geo.Width)
			native.SetPTE(k, ptep, pte)
		}
	}))
}

// TestHalfAnnounced plants an announcement of the lower half of a wide entry.
func TestHalfAnnounced(t *testing.T) {
	check.Finds(t, backend(), "changes-announced", 6, check.Levels(3), check.Patch(func(o *hooks.Ops, _ *hooks.Funcs) {
		o.SetPTE[model.VariantLate] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
			native.SetPTE(k, ptep, pte)
			k.M.Announce(k.M.L.PA(ptep), 4)
		}
	}))
}
