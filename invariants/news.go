package invariants

import "github.com/ptcheck/ptcheck/model"

// news is what a step that stores has changed, by kind. A rule says which kinds it heeds: after
// a step with none of them it has nothing to say, and is not asked. So a boot of real size,
// which stores to a leaf nearly always, asks the few rules that are about leaves. Twins that ask
// all rules at each step are compared on random runs (news_test.go).
type news uint16

const (
	// always is at each step.
	always news = 1 << iota
	// newEntries: an entry of a table in use is present, and has changed.
	newEntries
	// oldEntries: an entry of a table in use has changed that was present.
	oldEntries
	// newTables: a table has come into use.
	newTables
	// otherEntries: an entry has changed of a table that only another processor uses.
	otherEntries
	// otherRoot: the processor runs on another root than at the last step.
	otherRoot
	// overwritten: an entry has changed that was present, in whatever page.
	overwritten
	// zeroWritten: the zero page has changed.
	zeroWritten
	// askedFor: the entry was asked for by a hypercall, perhaps together with a flush.
	askedFor
	// hypervisors: a slot has changed that is the hypervisor's, if its page is a table of a
	// certain level.
	hypervisors
	// halves: half of a wide entry was stored, at this step or at the last one.
	halves
	// lateFlushes: the kernel is one that flushes an address when it is used again.
	lateFlushes
)

// heedsAt is what the rule heeds at a step: of one that stores nothing it wants to hear anyway.
func (r *Rule) heedsAt(op model.Op) news {
	if r.heeds == 0 || !op.Stores() {
		return always
	}
	return r.heeds
}

// news is what the step has changed. It does not look at more than it has: some of it may turn
// out to be none.
func (c *Checker) news(st *model.Step) news {
	now := always | c.storeNews() | c.treeNews()
	if c.s.CPU.CR3 != c.root {
		now |= otherRoot
	}
	if st.Op == model.OpUpdateVA || st.Op == model.OpMMUUpdate {
		now |= askedFor
	}
	if 2*st.Width == c.s.Active().Width || c.call.half.last().live {
		now |= halves
	}
	if life := c.s.L.Life; life != nil && life.LazyVmap {
		now |= lateFlushes
	}
	return now
}

// storeNews is what there is to say of the words themselves.
func (c *Checker) storeNews() (now news) {
	zero, h := model.Frame(c.s.L.Kernel.ZeroPage), c.s.L.Hyper
	for i := range c.stores {
		w := &c.stores[i]
		if w.Old != 0 && overwrites(c.s.L.Geo, w.Old, c.s.Word(w.Frame, w.Word)) {
			now |= overwritten
		}
		if w.Frame == zero {
			now |= zeroWritten
		}
		if h != nil && h.XenLevel > 0 {
			per := 8 / c.s.L.Geo.Width
			if first := w.Word * per; first <= h.XenLast && first+per > h.XenFirst {
				now |= hypervisors
			}
		}
	}
	return now
}

// overwrites reports whether a word that has changed held a present entry of a kernel's
// geometry, or of the narrower one that it starts with.
func overwrites(g *model.Geometry, old, now uint64) bool {
	const present = uint64(model.Present)
	first, second := old^now, (old^now)>>32
	if g.Width == 4 {
		first = uint64(uint32(first))
	}
	return first != 0 && old&present != 0 || second != 0 && old>>32&present != 0
}

// treeNews is what there is to say of the tables in use.
func (c *Checker) treeNews() (now news) {
	t := &c.trees
	for i := range t.edits {
		if t.edits[i].now.Is(model.Present) {
			now |= newEntries
		}
		if t.edits[i].old.Is(model.Present) {
			now |= oldEntries
		}
	}
	if len(t.gained) > 0 {
		now |= newTables
	}
	if len(t.elsewhere) > 0 {
		now |= otherEntries
	}
	return now
}
