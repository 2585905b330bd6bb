package invariants

import (
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// callMemory is what rules remember from step to step of a protocol call.
type callMemory struct {
	allocated bool // the call has taken a frame from the boot allocator
	shared    bool // the other processor was in a call at the same time
	// words are the words that the call has changed, with what they were when it
	// began. full says that there are more than the list has room for.
	words []model.Write
	full  bool
	// told are the frames that an alloc hook has heard of in this call.
	told []notice
	// announced says that the call has called the setup hook that it is there for.
	announced bool
	// taken are the frames that a boot allocator has handed out in this call.
	taken []model.Frame
	// asked and refused: a hypercall was made, and one was refused.
	asked, refused bool
	refusedOp      model.Op // the last one that was
	// interrupted says that a hypercall is to be made again, and which.
	interrupted bool
	again       model.Op
	// settled says that all that the call is to establish was there when it began; changed
	// are then the entries whose effect it has changed. manyChanged says that there are
	// more than the list has room for.
	settled     bool
	changed     []changedEntry
	manyChanged bool
	// late are the changes of this call that no flush has followed yet.
	late []unflushed
	half pairOfHalves
	// fixmap is what each fixmap index mapped when the call began.
	fixmap []fixed
}

// changedEntry is an entry with what it was.
type changedEntry struct {
	frame model.Frame
	slot  int
	old   model.Entry
}

// note remembers a changed entry, unless it is on the list already.
func (m *callMemory) note(f model.Frame, slot int, old model.Entry) {
	if slices.ContainsFunc(m.changed, func(x changedEntry) bool { return x.frame == f && x.slot == slot }) {
		return
	}
	if len(m.changed) == maxWords {
		m.manyChanged = true
		return
	}
	m.changed = append(m.changed, changedEntry{f, slot, old})
}

// notice is a hook call about a table.
type notice struct {
	hook  model.Hook
	frame model.Frame
}

// maxWords bounds the list of changed words: calls that change more are not those
// of which a rule wants to know them all.
const maxWords = 128

// reset forgets everything, as when a call begins.
func (m *callMemory) reset() {
	*m = callMemory{words: m.words[:0], told: m.told[:0], late: m.late[:0], changed: m.changed[:0], taken: m.taken[:0], fixmap: m.fixmap[:0]}
}

// follow takes in one step, and the words that it changed.
func (m *callMemory) follow(s *model.State, st *model.Step, stores []model.Write) {
	switch st.Op {
	case model.OpCallBegin:
		outer := *m // not heeded, if a call begins inside of another one
		m.reset()
		m.refused, m.refusedOp, m.interrupted, m.again = outer.refused, outer.refusedOp, outer.interrupted, outer.again
	case model.OpBootmem:
		m.allocated = true
		m.taken = append(m.taken, st.Frame)
	}
	m.shared = m.shared || st.Busy
	if !m.full {
		m.remember(stores)
	}
}

// remember adds the words that a step has changed.
func (m *callMemory) remember(stores []model.Write) {
next:
	for _, w := range stores {
		for i := range m.words {
			if m.words[i].Frame == w.Frame && m.words[i].Word == w.Word {
				continue next
			}
		}
		if len(m.words) == maxWords {
			m.full = true
			return
		}
		m.words = append(m.words, w)
	}
}

// differs reports whether a word that the call has changed is not what it was
// when the call began, and which; a call that changed more words than are remembered
// counts as one that differs, with a frame of NoFrame.
func (m *callMemory) differs(s *model.State) (w model.Write, yes bool) {
	for _, w := range m.words {
		if s.Word(w.Frame, w.Word) != w.Old {
			return w, true
		}
	}
	return model.Write{Frame: model.NoFrame}, m.full
}
