package invariants

import "github.com/ptcheck/ptcheck/model"

// futureSweep is what future-tables-read-only has looked at in a large memory, and what has
// changed since.
type futureSweep struct {
	looked bool // at the frames, all of which were well
	frames model.FrameSet
	from   futureParts
	// wrote are frames whose writable mappings have changed, spans addresses that lead
	// elsewhere.
	wrote []model.Frame
	spans []span
}

// futureParts is what the frames that may be handed out depend on.
type futureParts struct {
	end, top, minMapped, maxMapped model.PFN
	reserved                       model.FrameSet
}

// maxFuture bounds the lists of changes: more are all of memory.
const maxFuture = 1 << 10

// follow takes in one step.
func (w *futureSweep) follow(c *Checker) {
	w.wrote = append(w.wrote, c.view.wrote...)
	w.spans = append(w.spans, c.trees.active.changed(c.s, true)...)
	if !c.s.Kernel.Buffer.Open() || len(w.wrote) > maxFuture || len(w.spans) > maxFuture {
		w.forget()
	}
}

// forget makes all frames those to look at.
func (w *futureSweep) forget() { w.looked, w.wrote, w.spans = false, w.wrote[:0], w.spans[:0] }

// futureSince looks at the frames that something has happened to since the last step that the
// rule is about.
func (c *Checker) futureSince() result {
	w, was := &c.sweeps.future, model.FrameSet{}
	if w.looked {
		was = w.frames
	}
	b := &c.s.Kernel.Buffer
	if from := (futureParts{b.End, b.Top, b.MinMapped, b.MaxMapped, b.Reserved}); !w.looked || from != w.from {
		w.from, w.frames = from, c.futureFrames()
	}
	if !c.futuresWell(w, was) {
		return broken
	}
	w.forget()
	if w.looked = true; w.frames.Empty() {
		return silent
	}
	return held
}

// futuresWell looks at the frames that are new, and at those that have changed.
func (c *Checker) futuresWell(w *futureSweep, was model.FrameSet) bool {
	for r := range w.frames.Minus(was).Ranges {
		if !c.noSurprises(w.frames, r) {
			return false
		}
	}
	for _, f := range w.wrote {
		if model.In(w.frames, f) && !c.noSurprise(model.PFN(f)) {
			return false
		}
	}
	l, good := c.s.L, true
	for _, d := range w.spans {
		first := model.PFN((d.from - l.Kernel.PageOffset) & (1<<c.s.Active().VABits() - 1) / model.PageSize)
		r := model.FrameRange{From: first, To: first + model.PFN((d.to-d.from)/model.PageSize)}
		if d.from == 0 { // all addresses
			r = model.FrameRange{To: l.Kernel.MaxLowPFN}
		}
		good = good && c.noSurprises(w.frames, r)
	}
	return good
}

// noSurprises looks at the frames of a range that may be handed out.
func (c *Checker) noSurprises(set model.FrameSet, r model.FrameRange) bool {
	for p, ok := set.Next(r.From); ok && p < r.To; p, ok = set.Next(p + 1) {
		if c.pages++; !c.noSurprise(p) {
			return false
		}
	}
	return true
}

// futureFrames are the frames that may still be handed out as tables.
func (c *Checker) futureFrames() (set model.FrameSet) {
	b, e, end := &c.s.Kernel.Buffer, c.s.L.Early, model.PFN(c.s.L.Map.Guest())
	if e.TopDown {
		set = ramBetween(e, b.MinMapped, min(b.MaxMapped, end)).Minus(b.Reserved)
	}
	return set.Add(model.FrameRange{From: b.End, To: min(b.Top, end)})
}
