package invariants

import "github.com/ptcheck/ptcheck/model"

func refusalsHeeded() Rule {
	return Rule{
		ID:      "refusals-heeded",
		Says:    "After a refused hypercall the kernel stops, or takes back what the call has done.",
		Applies: "to every step of a call after a refusal; flushes are free, and so are writes that restore what was there when the call began",
		Source:  "Linux ab144f5e: each hypercall is followed by BUG or BUG_ON; XSA-247 and XSA-279 are about answers that nobody looked at",
		Limits:  "a kernel that tries another way instead would be reported too; none of the boot hooks can report failure",
		Goal:    "a call that makes hypercalls ends, and all were granted",
		Hyper:   true,
		check:   checkRefusals,
	}
}

func checkRefusals(c *Checker, st *model.Step) result {
	m := c.call
	was := m.refused
	if st.Op.Refusable() {
		m.asked = true
		m.refused = m.refused || st.Errno != model.OK
	}
	end := st.Op == model.OpCallEnd
	if end {
		m.refused = false
	}
	switch {
	case was && !c.takesBack(st):
		return c.fail(Detail{Frame: st.Frame, VA: st.VA})
	case end && m.asked:
		return held
	}
	return silent
}

// takesBack reports whether a step after a refusal undoes something.
func (c *Checker) takesBack(st *model.Step) bool {
	switch st.Op {
	case model.OpFlush, model.OpInvlpg:
		return true
	case model.OpCallEnd:
		_, differs := c.call.differs(c.s)
		return !differs && len(c.call.words) > 0 && !c.call.allocated
	}
	if st.Errno != model.OK {
		return false
	}
	restores := false
	for w := range c.s.Writes {
		if !c.restored(w) {
			return false
		}
		restores = true
	}
	return restores
}

// restored reports whether a word is what it was when the call began.
func (c *Checker) restored(w model.Write) bool {
	for _, o := range c.call.words {
		if o.Frame == w.Frame && o.Word == w.Word {
			return c.s.Word(w.Frame, w.Word) == o.Old
		}
	}
	return false
}
