package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func sizeThenAttributes() Rule {
	return Rule{
		ID:      "size-then-attributes",
		Says:    "A page in use changes its size or its attributes in one step, not both.",
		Applies: "to 32-bit kernels on bare metal, at each step that turns a table of live leaves into a large page",
		Source:  "Linux ad5ca55f6bdb; Intel SDM vol. 3, 4.10.2.3: a processor may use either translation until it is flushed, so both must agree",
		Limits:  "only the first leaf of the table is compared, and accessed and dirty bits are not; that a flush comes before the attributes change is not looked at",
		Goal:    "a table of leaves becomes a large page",
		Machine: BareMetal,
		Kernel:  LaterKernel,
		Kmap:    true,
		Tell:    tellSize,
		check:   checkSize,
		ops:     []model.Op{model.OpStore},
	}
}

func checkSize(c *Checker, _ *model.Step) result {
	g := c.s.Active()
	out := silent
	for _, e := range c.changed(g) {
		if e.old&(model.Present|model.PSE) != model.Present || !e.now.Is(model.Present|model.PSE) || rootOf(c.s, g, c.s.CPU.CR3).levelBelow(e.table) != 2 {
			continue
		}
		out = held
		const care = model.RW | model.User | model.Global | model.NX | model.PWT | model.PCD
		leaf := c.s.Entry(g, c.s.L.Map.Frame(c.s.L.Names(e.old)), 0)
		if leaf.Is(model.Present) && (leaf^e.now)&care != 0 {
			return c.fail(atEntry(e.table, e.slot, e.now).WithWant(leaf, care))
		}
	}
	return out
}

func tellSize(v *Violation) string {
	return fmt.Sprintf("%s, a large page; the first leaf of the table that it replaces is %s: %s", v.entry(), v.EntryText(v.want), v.amiss())
}
