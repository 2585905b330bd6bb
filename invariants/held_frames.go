package invariants

import "github.com/ptcheck/ptcheck/model"

// Rules about sets of the kernel's frames, such as those that are free, know of a large
// memory what they have looked at: they look at frames that have come into the set and at
// tables that have come into use since. See [sweep].

// heldSweep is what a rule has looked at of a set of frames.
type heldSweep struct {
	sweep
	was  model.FrameSet
	left marks // of the reach
}

// tableIn is the lowest frame of a set that is one of the kernel's own tables of the direct
// map, which a reach has left out; NoFrame if there is none.
func (c *Checker) tableIn(w *heldSweep, set model.FrameSet, r *reach, end bool) model.Frame {
	t, found := &c.trees.kernel, model.NoFrame
	look := func(f model.Frame) {
		c.pages++
		if model.In(set, f) && c.leftOut(r, f) && (found == model.NoFrame || f < found) {
			found = f
		}
	}
	list, same := t.tables, true
	r.left.each(func(f model.Frame) { same = same && w.left.has(f) })
	if same && c.goesOn(&w.sweep, t) && len(t.named) < maxNamed {
		list = t.named
		for r := range set.Minus(w.was).Ranges {
			for p := r.From; p < r.To; p++ {
				look(model.Frame(p))
			}
		}
	}
	for _, f := range list {
		look(f)
	}
	w.was = set
	w.left.reset()
	r.left.each(w.left.add)
	w.until(t, end)
	return found
}

// leftOut reports whether a frame is a table that a reach has left out.
func (c *Checker) leftOut(r *reach, f model.Frame) bool {
	k := &c.trees.kernel
	for range model.MaxLevels { // a table may name itself
		if !k.has(f) {
			return false
		}
		if r.left.has(f) {
			return true
		}
		f = k.up[f].table
	}
	return false
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
