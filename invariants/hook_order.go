package invariants

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

func hookOrder() Rule {
	return Rule{
		ID:      "hook-order",
		Says:    "The hooks are called in their order: setup_start first, alloc before a new table is linked (and for a two-level root on bare metal), release after it is unlinked, setup_done last, each setter in its phase.",
		Applies: "to hook calls, to tables allocated in the same call that come into use under the kernel's root after setup_start, and to the setters when a call ends",
		Source:  "Linux b239fb25 (pagetable_init, native_pagetable_setup_start, one_md_table_init, one_page_table_init) and ab144f5e (xen_pagetable_setup_start and setup_done choose the variants)",
		Limits:  "a table that setup_start moves is announced to nobody; of a table that was allocated in an earlier call, or set aside before the boot, nobody knows whether it was announced then; which setter was called is not seen, only which one was live",
		Goal:    "a table that an alloc hook has heard of is linked, or a setup hook's call ends",
		Span:    Booting,
		Tell:    tellHooks,
		check:   checkHooks,
		heeds:   newTables,
	}
}

func checkHooks(c *Checker, st *model.Step) result {
	switch st.Op {
	case model.OpHook:
		return c.hookCalled(st)
	case model.OpCallEnd:
		if !c.setterValid(st.Call.Kind) {
			return c.fail(Detail{})
		}
		if st.Call.Kind == model.CallSetupStart || st.Call.Kind == model.CallSetupDone {
			if !c.call.announced {
				return c.fail(Detail{}.Because("the hook that the call is there for was not called"))
			}
			if root := c.trees.kernel.root; st.Call.Kind == model.CallSetupStart && c.untoldRoot(root) {
				return c.fail(about(root).Because("is the root and in use already, and alloc_pd has not heard of it"))
			}
			return held
		}
	}
	if st.Call.Kind == model.CallSetupStart {
		return silent
	}
	out := silent
	for _, p := range c.trees.gained {
		if p.trees&inKernel == 0 || c.start.tables[p.frame] || model.PFN(p.frame) == c.s.L.Kernel.ZeroPage {
			continue
		}
		switch {
		case c.told(p):
			out = held
		case c.takenNow(p.frame):
			return c.fail(about(p.frame).Because("is linked as a table, and the alloc hook has not heard of it in this call"))
		}
	}
	return out
}

// untoldRoot reports whether setup_start owed alloc_pd the root and did not tell it:
// on bare metal a two-level root is in use before anybody allocates it.
func (c *Checker) untoldRoot(root model.Frame) bool {
	l := c.s.L
	return l.Hyper == nil && l.Geo.Levels == 2 && !c.told(place{frame: root, level: 2})
}

// hookCalled judges one call of a hook, before the hook runs.
func (c *Checker) hookCalled(st *model.Step) result {
	phase, ok := c.s.Kernel.Phase, true
	switch st.Hook {
	case model.HookSetupStart:
		ok, c.call.announced = phase == model.PhaseBoot, true
	case model.HookSetupDone:
		ok, c.call.announced = phase == model.PhaseStarted, true
	case model.HookAllocPT, model.HookAllocPD:
		c.call.told = append(c.call.told, notice{st.Hook, st.Frame})
		ok = phase != model.PhaseBoot || st.Call.Kind == model.CallSetupStart && c.call.announced
	case model.HookReleasePT, model.HookReleasePD:
		ok = !c.trees.inUse(st.Frame)
	}
	if !ok {
		return c.fail(about(st.Frame).Because("the hook is called"))
	}
	return silent
}

// told reports whether the alloc hook of its level has heard of a table in this
// call. The latest notices are looked at first.
func (c *Checker) told(p place) bool {
	hook := model.HookAllocPD
	if p.level == 1 {
		hook = model.HookAllocPT
	}
	for _, n := range slices.Backward(c.call.told) {
		if n.frame == p.frame && n.hook == hook {
			return true
		}
	}
	return false
}

// takenNow reports whether a frame was taken from the boot allocator in this call.
func (c *Checker) takenNow(f model.Frame) bool {
	for _, g := range slices.Backward(c.call.taken) {
		if g == f {
			return true
		}
	}
	return false
}

// setterValid judges the variants that are live when a call ends. On bare metal
// there is one for all phases.
func (c *Checker) setterValid(kind model.CallKind) bool {
	k := &c.s.Kernel
	if c.s.L.Hyper == nil || kind == model.CallNone {
		return true
	}
	switch k.Phase {
	case model.PhaseBoot:
		return k.SetPTE != model.VariantLate && k.AllocPT != model.VariantLate
	case model.PhaseStarted:
		return k.SetPTE == model.VariantInit && k.AllocPT == model.VariantInit
	}
	return k.SetPTE == model.VariantLate && k.AllocPT == model.VariantLate
}

func tellHooks(v *Violation) string {
	k := &v.State.Kernel
	switch {
	case v.Step.Op == model.OpHook:
		switch v.Step.Hook {
		case model.HookReleasePT, model.HookReleasePD:
			return fmt.Sprintf("%v is called for %s, which is still in use", v.Step.Hook, v.name(v.frame))
		}
		return fmt.Sprintf("%v is called in phase %v", v.Step.Hook, k.Phase)
	case v.has&partFrame != 0:
		return v.name(v.frame) + " " + v.why
	}
	if v.why != "" {
		return v.why
	}
	return fmt.Sprintf("the call ends in phase %v, where set_pte is %s and alloc_pt is %s", k.Phase, variantName(k.SetPTE), variantName(k.AllocPT))
}

func variantName(v model.Variant) string {
	return [...]string{"not set", "the one for construction", "the one for after it"}[v]
}
