package shadow

import (
	"slices"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
)

// Rules are what the platform demands of its guest.
func Rules() []invariants.Rule {
	return []invariants.Rule{invariants.NewRule(invariants.Rule{
		ID:      "changes-announced",
		Says:    "Every change of a table in use has been announced when the call ends.",
		Applies: "to stores into tables that CR3 leads to, when the call ends",
		Source:  "Linux 2.6.23, drivers/lguest/lguest.c: each setter ends in a hypercall",
		Limits:  "a root that is loaded is read afresh, so changes of other roots need no announcement; real hypervisors may keep shadows of several",
		Goal:    "a call that announces something ends",
	}, func() invariants.Judge { return new(announcements) })}
}

// announcements are the changes that the hypervisor has not been told of yet.
type announcements struct {
	due   []half
	heard bool
	stack []table // scratch of inUse
}

// half is four bytes of a frame: the smallest entry.
type half struct {
	frame model.Frame
	index int // byte offset / 4
}

type table struct {
	frame model.Frame
	level int
}

// Begin implements invariants.Judge.
func (a *announcements) Begin(*model.State) { a.due, a.heard = a.due[:0], false }

// Step implements invariants.Judge.
func (a *announcements) Step(s *model.State, st *model.Step) (invariants.Answer, invariants.Detail) {
	switch st.Op {
	case model.OpAnnounce:
		a.heard = true
		a.due = slices.DeleteFunc(a.due, func(h half) bool {
			return h.frame == st.Frame && h.index*4 >= st.Off && h.index*4 < st.Off+st.Width
		})
	case model.OpFlush, model.OpLoadCR3, model.OpSetCR4:
		a.due = a.due[:0] // everything is read afresh
	case model.OpCallEnd:
		return a.settle(s)
	default:
		a.changed(s)
	}
	return invariants.Silent, invariants.Detail{}
}

// changed takes in what a step wrote to tables in use.
func (a *announcements) changed(s *model.State) {
	for w := range s.Writes {
		if !a.inUse(s, w.Frame) {
			continue
		}
		differs := w.Old ^ s.Word(w.Frame, w.Word)
		for i := range 2 {
			h := half{w.Frame, w.Word*2 + i}
			if uint32(differs>>(32*i)) != 0 && !slices.Contains(a.due, h) {
				a.due = append(a.due, h)
			}
		}
	}
}

// settle judges the end of a call.
func (a *announcements) settle(s *model.State) (invariants.Answer, invariants.Detail) {
	if len(a.due) > 0 {
		g, h := s.Active(), a.due[0]
		slot := h.index * 4 / g.Width
		return invariants.Broken, invariants.Detail{}.WithEntry(h.frame, slot, s.Entry(g, h.frame, slot)).Because("a change that was not announced")
	}
	if a.heard {
		return invariants.Held, invariants.Detail{}
	}
	return invariants.Silent, invariants.Detail{}
}

// inUse reports whether CR3 leads to a frame as to a table.
func (a *announcements) inUse(s *model.State, f model.Frame) bool {
	g := s.Active()
	a.stack = append(a.stack[:0], table{s.CPU.CR3, g.Levels})
	for len(a.stack) > 0 {
		t := a.stack[len(a.stack)-1]
		a.stack = a.stack[:len(a.stack)-1]
		if t.frame == f {
			return true
		}
		if t.level == 1 || !s.L.Map.IsGuest(t.frame) {
			continue
		}
		for i := range g.Slots[t.level] {
			e := s.Entry(g, t.frame, i)
			if e.Is(model.Present) && !(t.level == 2 && e.Is(model.PSE)) {
				a.stack = append(a.stack, table{s.L.Map.Frame(e.MFN()), t.level - 1})
			}
		}
	}
	return false
}
