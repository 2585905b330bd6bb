package invariants

import "github.com/ptcheck/ptcheck/model"

func sizeThenAttributes() Rule {
	return Rule{
		ID:      "size-then-attributes",
		Says:    "A page in use changes its size or its attributes in one step, not both.",
		Applies: "to 32-bit kernels on bare metal, at each step that turns a table of live leaves into a large page",
		Source:  "Linux ad5ca55f6bdb; Intel SDM vol. 3, 4.10.2.3: a processor may use either translation until it is flushed, so both must agree",
		Limits:  "only the first leaf of the table is compared, and accessed and dirty bits are not; that a flush comes before the attributes change is not looked at",
		Goal:    "a table of leaves becomes a large page",
		Native:  true,
		Kmap:    true,
		Kernel:  LaterKernel,
		check:   checkSize,
	}
}

func checkSize(c *Checker, st *model.Step) result {
	if c.s.L.Early == nil || c.s.L.Hyper != nil || st.Op != model.OpStore {
		return silent
	}
	g := c.s.Active()
	out := silent
	for w := range c.s.Writes {
		for i := range 8 / g.Width {
			old, now := entryOf(g, w.Old, i), entryOf(g, c.s.Word(w.Frame, w.Word), i)
			if old&(model.Present|model.PSE) != model.Present || !now.Is(model.Present|model.PSE) || !c.isL2(w.Frame) {
				continue
			}
			out = held
			const care = model.RW | model.User | model.Global | model.NX | model.PWT | model.PCD
			leaf := c.s.Entry(g, c.s.L.Map.Frame(old.MFN()), 0)
			if leaf&model.Present != 0 && (leaf^now)&care != 0 {
				return c.fail(Detail{Frame: model.NoFrame, Table: w.Frame, Slot: w.Word*8/g.Width + i, Want: uint64(leaf), Got: uint64(now)})
			}
		}
	}
	return out
}

// isL2 reports whether a frame is an L2 table under CR3.
func (c *Checker) isL2(f model.Frame) bool {
	return c.levelUnder(c.s.CPU.CR3, c.s.Active().Levels, f) == 2
}

// levelUnder is the level at which a frame is a table above L1, 0 if it is none.
func (c *Checker) levelUnder(table model.Frame, level int, f model.Frame) int {
	if table == f {
		return level
	}
	if level <= 2 {
		return 0
	}
	g := c.s.Active()
	for i := range g.Slots[level] {
		e := c.s.Entry(g, table, i)
		if sub := c.s.L.Map.Frame(e.MFN()); e&model.Present != 0 && sub >= 0 {
			if n := c.levelUnder(sub, level-1, f); n > 0 {
				return n
			}
		}
	}
	return 0
}
