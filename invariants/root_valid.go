package invariants

import "github.com/ptcheck/ptcheck/model"

func rootValid() Rule {
	return Rule{
		ID:      "root-valid",
		Says:    "CR3 names a root that maps itself, read-only where a hypervisor owns it, and the one asked for when a load or switch ends.",
		Applies: "at every step",
		Source:  "Linux ab144f5e, xen_pagetable_setup_start: the root is read-only before the switch; Intel SDM vol. 3, 4.5",
		Limits:  "looks at the direct-map address of the root only; other aliases are the business of tables-read-only",
		Goal:    "CR3 is loaded",
		check:   checkRoot,
	}
}

func checkRoot(c *Checker, st *model.Step) result {
	root := c.s.CPU.CR3
	if !c.s.L.Map.IsGuest(root) {
		return c.fail(Detail{Frame: root})
	}
	va := c.s.L.VA(model.PFN(root).PA())
	m, ok := resolve(c.s, c.s.Active(), root, va)
	if !ok || m.frame != root || c.s.L.Hyper != nil && m.leaf.Is(model.RW) {
		return c.fail(Detail{Frame: root, VA: va, Table: m.table, Slot: m.slot, Got: uint64(m.leaf)})
	}
	if st.Op == model.OpCallEnd && (st.Call.Kind == model.CallLoadRoot || st.Call.Kind == model.CallSwitch) {
		if root != model.Frame(st.Call.From) {
			return c.fail(Detail{Frame: root})
		}
		return held
	}
	if st.Op == model.OpLoadCR3 || st.Op == model.OpNewBaseptr {
		return held
	}
	return silent
}
