package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func sparesReturned() Rule {
	return Rule{
		ID:      "spares-returned",
		Says:    "Whatever the boot allocator holds or has handed out for data is writable where it is mapped, and no table; a page that was taken for a table is one, or writable again.",
		Applies: "when a call of a later kernel ends and no table buffer is open",
		Source:  "Linux 279b706bf8 (pagetable_reserve), a3c6018e565d (the replaced table is released), 3fc509fc0c59 (what is freed with the list of machine frames); Xen 7a9d764630 (tables outside the range reserved for them)",
		Limits:  "write permission is that of all levels at the direct-map address; data that somebody else frees is not followed",
		Goal:    "a call ends",
		Kernel:  LaterKernel,
		From:    model.PhaseStarted,
		Tell:    tellSpares,
		check:   checkSpares,
		ops:     []model.Op{model.OpCallEnd},
	}
}

// spareSweep is what the rule has looked at, and what the allocator had then.
type spareSweep struct {
	sweep
	reserved, data, tables model.FrameSet
	next                   model.PFN
	turns                  int // of the view
}

func checkSpares(c *Checker, _ *model.Step) result {
	b := &c.s.Kernel.Buffer
	if b.Open() {
		return silent
	}
	w, t := &c.sweeps.spares, &c.trees.active
	if c.goesOn(&w.sweep, t) && c.view.onlyTurned(w.turns) {
		if !c.sparesSince(w, t) {
			return broken
		}
	} else {
		var reach *marks
		if !c.large {
			reach = c.reachable()
		}
		way := c.underCR3()
		for pfn := range model.PFN(c.s.L.Map.Guest()) {
			if !c.spare(pfn, reach, &way) {
				return broken
			}
		}
	}
	w.done(t)
	w.reserved, w.data, w.tables, w.next = b.Reserved, b.Data, b.Tables, c.s.Kernel.BootmemNext
	w.turns = c.view.turns
	return held
}

// sparesSince looks at the frames of a large memory that something has happened to: their
// address leads elsewhere, they have come to be a table or ceased to be one, or the allocator
// has them as something else.
func (c *Checker) sparesSince(w *spareSweep, t *tree) bool {
	b, end := &c.s.Kernel.Buffer, model.PFN(c.s.L.Map.Guest())
	way := c.underCR3()
	pages := func(from, to model.PFN) bool {
		for pfn := from; pfn < min(to, end); pfn++ {
			c.pages++
			if !c.spare(pfn, nil, &way) {
				return false
			}
		}
		return true
	}
	if !c.eachDirt(t, c.s.L.Kernel.PageOffset, end, pages) || !pages(w.next, c.s.Kernel.BootmemNext) {
		return false
	}
	for _, list := range [...][]model.Frame{t.named, t.gone, c.view.turned} {
		for _, f := range list {
			if !pages(model.PFN(f), model.PFN(f)+1) {
				return false
			}
		}
	}
	if len(t.named) == maxNamed && !pages(0, end) {
		return false
	}
	for _, x := range [...][2]model.FrameSet{{w.reserved, b.Reserved}, {w.data, b.Data}, {w.tables, b.Tables}} {
		for _, differs := range [...]model.FrameSet{x[0].Minus(x[1]), x[1].Minus(x[0])} {
			for r := range differs.Ranges {
				if !pages(r.From, r.To) {
					return false
				}
			}
		}
	}
	return true
}

// spare looks at a frame. reach are the tables under CR3, nil if the active tree knows them,
// and way walks from there.
func (c *Checker) spare(pfn model.PFN, reach *marks, way *walker) bool {
	b, f := &c.s.Kernel.Buffer, model.Frame(pfn)
	if !c.s.L.Early.IsRAM(pfn) {
		return true
	}
	table := reach == nil && c.trees.active.has(f) || reach != nil && reach.has(f)
	data := b.Data.Has(pfn) || !b.Reserved.Has(pfn)
	if data && (table || c.s.L.Hyper != nil && c.view.isTable(f)) {
		c.fail(about(f))
		return false
	}
	static := model.FrameRange{From: c.s.L.Kernel.BootmemFirst, To: c.s.Kernel.BootmemNext}
	if !data && (table || !b.Tables.Has(pfn) && !static.Has(pfn)) {
		return true
	}
	m, ok := way.resolve(c.s.L.VA(pfn.PA()))
	ok = ok && m.frame == f
	if ok && !m.writable || !ok && b.Data.Has(pfn) {
		c.fail(c.at(c.s.L.VA(pfn.PA()), c.s.Active(), *m).WithFrame(f))
		return false
	}
	return true
}

func tellSpares(v *Violation) string {
	if v.has&partAddress != 0 {
		return fmt.Sprintf("%s is no table, and is not mapped writable at its address %s: %s", v.name(v.frame), v.page(), v.ends())
	}
	kind := "free"
	if v.State.Kernel.Buffer.Data.Has(model.PFN(v.frame)) {
		kind = "handed out for data"
	}
	return fmt.Sprintf("%s is %s, and in use as a table", v.name(v.frame), kind)
}
