package invariants

import "github.com/ptcheck/ptcheck/model"

func rootValid() Rule {
	return Rule{
		ID:      "root-valid",
		Says:    "CR3 names the root that was last asked for; it maps itself (read-only under a hypervisor) and the kernel's text (executable), and init_mm has the kernel's own root. A hostile guest's root is validated.",
		Applies: "at every step; that it is the one asked for, when a load or switch ends; to init_mm when a call ends, from setup_start on; in every state of a hostile guest",
		Source:  "Linux ab144f5e, xen_pagetable_setup_start: the root is read-only before the switch; Linux b239fb25, is_kernel_text; Intel SDM vol. 3, 4.5 and 4.6",
		Limits:  "text is what lies between PAGE_OFFSET and the end of the init sections; of the kernel's data the root and the zero page stand for all; looks at direct-map addresses only",
		Goal:    "CR3 is loaded; of a hostile guest: the load of a root, the user's too, is granted",
		check:   checkRoot,
		state:   stateRoot,
	}
}

func checkRoot(c *Checker, st *model.Step) result {
	load := st.Op == model.OpLoadCR3 || st.Op == model.OpNewBaseptr
	switch {
	case load || st.Op == model.OpSetCR4 || st.Op == model.OpCallEnd || st.Op == model.OpCallBegin:
		if !c.mapsItself() || !c.mapsText(0, c.s.L.Kernel.MaxLowPFN) {
			return broken
		}
	case !c.rootTouched():
		return broken
	}
	if st.Op == model.OpCallEnd && c.s.Kernel.Phase >= model.PhaseStarted && c.s.Kernel.InitMM != model.Frame(c.s.L.Kernel.Root) {
		return c.fail(Detail{Frame: c.s.Kernel.InitMM})
	}
	if st.Op == model.OpCallEnd && (st.Call.Kind == model.CallLoadRoot || st.Call.Kind == model.CallSwitch) {
		if root := c.s.CPU.CR3; root != model.Frame(st.Call.From) {
			return c.fail(Detail{Frame: root})
		}
		return held
	}
	if load {
		return held
	}
	return silent
}

// rootTouched judges a step that leaves the processor's root in place: by the
// entries that it changed.
func (c *Checker) rootTouched() bool {
	for i := range c.trees.edits {
		e := &c.trees.edits[i]
		if e.trees&inActive == 0 || !e.old.Is(model.Present) {
			continue
		}
		const decides = model.Present | model.RW | model.PSE | model.NX | model.FrameMask
		if (e.old^e.now)&decides == 0 {
			continue
		}
		t := &c.trees.active
		from, to := model.PFN(0), c.s.L.Kernel.MaxLowPFN
		if e.level == 1 {
			from = c.s.L.PA(t.address(e.table, 1, e.slot)).PFN()
			to = from + 1
		}
		if !c.mapsItself() || !c.mapsText(from, to) {
			return false
		}
	}
	return true
}

// mapsItself judges the root's own mapping, and that of the zero page.
func (c *Checker) mapsItself() bool {
	l, root := c.s.L, c.s.CPU.CR3
	if !l.Map.IsGuest(root) {
		c.fail(Detail{Frame: root})
		return false
	}
	for _, f := range [...]model.Frame{root, model.Frame(l.Kernel.ZeroPage)} {
		va := l.VA(model.PFN(f).PA())
		m, ok := resolve(c.s, c.s.Active(), root, va)
		if !ok || m.frame != f || f == root && l.Hyper != nil && m.leaf.Is(model.RW) {
			c.fail(Detail{Frame: f, VA: va, Table: m.table, Slot: m.slot, Got: uint64(m.leaf)})
			return false
		}
	}
	return true
}

// mapsText judges the pages of the kernel's text from one frame up to another: each
// is mapped to its own frame and, where the processor knows no-execute, executable.
func (c *Checker) mapsText(from, to model.PFN) bool {
	l := c.s.L
	if l.Kernel.TextEnd < l.Kernel.PageOffset {
		return true
	}
	to = min(to, l.PA(l.Kernel.TextEnd).PFN()+1, l.Kernel.MaxLowPFN)
	for pfn := from; pfn < to; pfn++ {
		va := l.VA(pfn.PA())
		m, ok := resolve(c.s, c.s.Active(), c.s.CPU.CR3, va)
		if !ok || m.frame != model.Frame(pfn) || m.noExec && c.s.CPU.NXE {
			c.fail(Detail{Frame: model.Frame(pfn), VA: va, Table: m.table, Slot: m.slot, Got: uint64(m.leaf)})
			return false
		}
	}
	return true
}
