package invariants

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

func refusalsHeeded() Rule {
	return Rule{
		ID:      "refusals-heeded",
		Says:    "After a refused hypercall the kernel stops, or takes back what the call has done; one that is interrupted is no refusal, and is made again at once.",
		Applies: "to every step of a call after a refusal; flushes are free, and so are writes that restore what was there when the call began; after an interruption to the next step",
		Source:  "Linux ab144f5e: each hypercall is followed by BUG or BUG_ON; XSA-247 and XSA-279 are about answers that nobody looked at; Xen, hypercall_create_continuation",
		Limits:  "a kernel that tries another way instead would be reported too; none of the boot hooks can report failure",
		Goal:    "a call that makes hypercalls ends, and all were granted",
		Machine: UnderHypervisor,
		Tell:    tellRefusals,
		check:   checkRefusals,
	}
}

func checkRefusals(c *Checker, st *model.Step) result {
	m := c.call
	if m.interrupted {
		m.interrupted = false
		if st.Op != m.again {
			return c.fail(concerns(st).WithRefused(m.again).Because(interrupted))
		}
	}
	if st.Errno == model.ERESTART || st.Errno == model.EINTR {
		m.interrupted, m.again = true, st.Op
		return silent
	}
	was, op := m.refused, m.refusedOp
	if st.Op.Refusable() {
		m.asked = true
		if st.Errno != model.OK {
			m.refused, m.refusedOp = true, st.Op
		}
	}
	end := st.Op == model.OpCallEnd
	if end {
		m.refused = false
	}
	switch {
	case was && !c.takesBack(st):
		return c.fail(concerns(st).WithRefused(op))
	case end && m.asked:
		return held
	}
	return silent
}

// interrupted is said of a hypercall of which nothing, or not all, has been done.
const interrupted = "interrupted and not made again"

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
	for _, w := range c.stores {
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

// concerns points at what a step is about: the frame, and the address if it has one.
func concerns(st *model.Step) Detail {
	switch st.Op {
	case model.OpCallBegin, model.OpCallEnd, model.OpSetCR4, model.OpSetGDT, model.OpSetLDT, model.OpFault, model.OpResume, model.OpSuspend:
		return Detail{}
	case model.OpStore, model.OpEmulate, model.OpClearPage, model.OpUpdateVA:
		return about(st.Frame).WithAddress(st.VA)
	}
	return about(st.Frame)
}

func tellRefusals(v *Violation) string {
	verb := "refused"
	if v.why != "" {
		verb = v.why
	}
	text := fmt.Sprintf("%v was %s", v.refused, verb)
	switch v.Step.Op {
	case model.OpCallEnd:
		if v.why != "" {
			return text + "; the call ends"
		}
		return text + "; the call ends, and has not taken back what it did"
	case model.OpCallBegin:
		return text + "; another call begins"
	}
	text += fmt.Sprintf("; the kernel goes on with %v", v.Step.Op)
	if v.has&partFrame != 0 {
		text += " of " + v.name(v.frame)
	}
	if v.has&partAddress != 0 {
		text += " at " + v.page()
	}
	return text
}
