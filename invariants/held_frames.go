package invariants

import "github.com/ptcheck/ptcheck/model"

// Rules about sets of the kernel's frames, such as those that are free, know of a large
// memory what they have looked at: they look at frames that have come into the set and at
// tables that have come into use since. See [sweep].

// heldSweep is what a rule has looked at of a set of frames.
type heldSweep struct {
	kernel, active sweep
	was            model.FrameSet
}

// tableIn is the lowest frame of a set that is a table of the kernel's tree or of the active
// one; NoFrame if there is none.
func (c *Checker) tableIn(w *heldSweep, set model.FrameSet, end bool) model.Frame {
	fresh := set.Minus(w.was)
	f := c.treeHolds(&w.kernel, &c.trees.kernel, set, fresh, end)
	if g := c.treeHolds(&w.active, &c.trees.active, set, fresh, end); f == model.NoFrame || g != model.NoFrame && g < f {
		f = g
	}
	w.was = set
	return f
}

// treeHolds is the lowest frame of a set that is a table of a tree. fresh are those that
// have come into the set.
func (c *Checker) treeHolds(w *sweep, t *tree, set, fresh model.FrameSet, end bool) model.Frame {
	found := model.NoFrame
	look := func(f model.Frame) {
		if t.has(f) && model.In(set, f) && (found == model.NoFrame || f < found) {
			found = f
		}
	}
	list := t.tables
	if c.goesOn(w, t) && len(t.named) < maxNamed {
		list = t.named
		fresh.Ranges(func(r model.FrameRange) bool {
			for p := r.From; p < r.To; p++ {
				look(model.Frame(p))
			}
			c.pages += uint64(r.Len())
			return true
		})
	}
	for _, f := range list {
		look(f)
	}
	c.pages += uint64(len(list))
	w.until(t, end)
	return found
}

// directSweep is what a rule has looked at of the addresses that a set of frames has in the
// direct map of the kernel's tree.
type directSweep struct {
	sweep
	was model.FrameSet
}

// directIn visits the frames of low memory of a set that have come into it, and those whose
// address in the direct map leads elsewhere, since it did so last; up to the first that visit
// does not like.
func (c *Checker) directIn(w *directSweep, t *tree, set model.FrameSet, end bool, visit func(f model.Frame) bool) bool {
	fresh := set
	good := true
	if c.goesOn(&w.sweep, t) {
		fresh = set.Minus(w.was)
		good = c.eachDirt(t, c.s.L.Kernel.PageOffset, c.s.L.Kernel.MaxLowPFN, func(from, to model.PFN) bool {
			c.pages += uint64(to - from)
			for p, ok := set.Next(from); ok && p < to; p, ok = set.Next(p + 1) {
				if !visit(model.Frame(p)) {
					return false
				}
			}
			return true
		})
	}
	good = good && c.eachLow(fresh, visit)
	w.was = set
	if good {
		w.until(t, end)
	}
	return good
}

// eachLow visits the frames of a set that belong to low memory.
func (c *Checker) eachLow(set model.FrameSet, visit func(f model.Frame) bool) bool {
	end := c.s.L.Kernel.MaxLowPFN
	for p, ok := set.Next(0); ok && p < end; p, ok = set.Next(p + 1) {
		c.pages++
		if !visit(model.Frame(p)) {
			return false
		}
	}
	return true
}

// until says that all is well so far: at the end of a period, or in its midst.
func (w *sweep) until(t *tree, end bool) {
	if w.due = t.period; end {
		w.due++
	}
}
