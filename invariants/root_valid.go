package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func rootValid() Rule {
	return Rule{
		ID:      "root-valid",
		Says:    "CR3 names the root that was last asked for; it maps itself (read-only under a hypervisor) and the kernel's text (executable), and init_mm has the kernel's own root. A hostile guest's root is validated.",
		Applies: "at every step; that it is the one asked for, when a load or switch ends; to init_mm when a call ends, from setup_start on; in every state of a hostile guest",
		Source:  "Linux ab144f5e, xen_pagetable_setup_start: the root is read-only before the switch; Linux b239fb25, is_kernel_text; Intel SDM vol. 3, 4.5 and 4.6",
		Limits:  "text is what lies between PAGE_OFFSET and the end of the init sections; of the kernel's data the root and the zero page stand for all; looks at direct-map addresses only",
		Goal:    "CR3 is loaded; of a hostile guest: the load of a root, the user's too, is granted",
		Tell:    tellRoot,
		check:   checkRoot,
		heeds:   oldEntries,
		guest:   guest{state: stateRoot, metAt: (*Recount).loadsRoot, needs: []Means{LoadsRoots}},
	}
}

func checkRoot(c *Checker, st *model.Step) result {
	load := st.Op == model.OpLoadCR3 || st.Op == model.OpNewBaseptr
	switch {
	case load || st.Op == model.OpSetCR4 || st.Op == model.OpCallEnd || st.Op == model.OpCallBegin:
		if !c.rootMaps() {
			return broken
		}
	case !c.rootTouched():
		return broken
	}
	if st.Op == model.OpCallEnd && c.s.Kernel.Phase >= model.PhaseStarted && c.s.Kernel.InitMM != model.Frame(c.s.L.Kernel.Root) {
		return c.fail(about(c.s.Kernel.InitMM).WithWantFrame(model.Frame(c.s.L.Kernel.Root)).Because("init_mm has the root"))
	}
	if st.Op == model.OpCallEnd && (st.Call.Kind == model.CallLoadRoot || st.Call.Kind == model.CallSwitch) {
		if root := c.s.CPU.CR3; root != model.Frame(st.Call.From) {
			return c.fail(about(root).WithWantFrame(model.Frame(st.Call.From)).Because("CR3 is"))
		}
		return held
	}
	if load {
		return held
	}
	return silent
}

// rootMaps judges what the processor's root maps.
func (c *Checker) rootMaps() bool {
	a, known := c.memo.ask(&c.memo.itself, way{c.s.Active(), c.s.CPU.CR3, c.s.CPU.CR4, c.s.CPU.NXE})
	if known {
		return true
	}
	c.read = 0
	a.ready = c.mapsItself() && c.mapsText(0, c.s.L.Kernel.MaxLowPFN)
	a.read = c.read
	return a.ready
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
		c.fail(about(root).Because("CR3 names no frame of the guest's"))
		return false
	}
	for _, f := range [...]model.Frame{root, model.Frame(l.Kernel.ZeroPage)} {
		va := l.VA(model.PFN(f).PA())
		m, ok := resolve(c.s, c.s.Active(), root, va)
		c.read |= m.read
		if !ok || m.frame != f || f == root && l.Hyper != nil && m.leaf.Is(model.RW) {
			c.fail(c.at(va, c.s.Active(), m).WithFrame(f))
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
	w := walker{s: c.s, g: c.s.Active(), root: c.s.CPU.CR3}
	for pfn := from; pfn < to; pfn++ {
		va := l.VA(pfn.PA())
		m, ok := w.resolve(va)
		c.read |= m.read
		if !ok || m.frame != model.Frame(pfn) || m.noExec && c.s.CPU.NXE {
			c.fail(c.at(va, c.s.Active(), *m).WithFrame(model.Frame(pfn)).Because("kernel text"))
			return false
		}
	}
	return true
}

// stateRoot looks at the roots of the processors.
func stateRoot(r *Recount) (Detail, bool) {
	want := model.TableType(r.s.L.Geo.Root())
	for _, f := range r.s.Roots() {
		if f < 0 {
			continue
		}
		if i := r.s.InfoAt(f); r.table(f) != want || !i.InUseAs(want) || !i.Is(model.Validated) {
			return about(f), false
		}
	}
	return Detail{}, true
}

// loadsRoot reports whether an operation loads a root.
func (r *Recount) loadsRoot(s *model.Step) bool {
	return (s.Op == model.OpNewBaseptr || s.Op == model.OpUserBaseptr) && s.Errno == model.OK
}

func tellRoot(v *Violation) string {
	switch {
	case v.has&partWantFrame != 0:
		return fmt.Sprintf("%s %s; it should be %s", v.why, v.name(v.frame), v.name(v.wantFrame))
	case v.has&partAddress == 0 && v.why != "":
		return v.why
	case v.has&partAddress == 0:
		return fmt.Sprintf("a processor's root is %s, which the hypervisor has as %s", v.name(v.frame), v.record(v.frame))
	case v.why != "":
		return fmt.Sprintf("%s, page %s of the kernel's text, is not mapped to itself, or not executable: %s", v.page(), v.name(v.frame), v.ends())
	case v.frame == v.State.CPU.CR3:
		return fmt.Sprintf("%s, the root's own address, does not lead to %s, or is writable: %s", v.page(), v.name(v.frame), v.ends())
	}
	return fmt.Sprintf("%s, the zero page's own address, does not lead to %s: %s", v.page(), v.name(v.frame), v.ends())
}
