package kernel

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime/debug"
	"sync"

	"github.com/ptcheck/ptcheck/systems"
)

// What code under test may do that no verdict can come of is told by a model in the
// middle of a call, to whoever runs it: package systems says what there is.

// halted is trouble that a model has met with.
type halted struct {
	systems.Trouble
	sys *System
	// at is the packed state that the call was made in; of a call that is still under way it
	// is not known.
	at   []byte
	call uint64
}

// halt is where the model is.
func (m *Model) halt() systems.Halt {
	return systems.Halt{System: m.sys.Name, Start: m.sys.Inits[m.watch.start.Load()].Name, Call: CallOf(m.watch.doing.Load()).String()}
}

// fail ends the call on the model's own goroutine.
func (m *Model) fail(t systems.Trouble) {
	if m.note != nil {
		at := binary.AppendUvarint(nil, uint64(m.start))
		m.note(&halted{t, m.sys, m.saved[m.start].AppendPacked(at), m.watch.doing.Load()})
	}
	panic(t)
}

// exited is told when the code under test ends the goroutine.
func (m *Model) exited(stack []uintptr) {
	e := &systems.Gone{Halt: m.halt()}
	e.Stack = trail().Of(stack, nil)
	m.fail(e)
}

// exit ends the program because of a goroutine that cannot be ended, where nobody is
// there to be told.
func exit(e *systems.Stuck) {
	fmt.Fprintf(os.Stderr, "ptcheck: %s\n", systems.Story(e))
	os.Exit(2)
}

// notes are what models tell during a search or a run.
type notes struct {
	mu    sync.Mutex
	told  *halted
	stuck chan *halted // of a call that never ends
}

func newNotes() *notes { return &notes{stuck: make(chan *halted, 1)} }

// note keeps the first thing that it is told.
func (n *notes) note(h *halted) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.told != nil {
		return
	}
	n.told = h
	if _, ok := h.Trouble.(*systems.Stuck); ok {
		n.stuck <- h
	}
}

// first is the first thing told, nil if there was none.
func (n *notes) first() *halted {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.told
}

// newModel makes a model that makes each call once and tells the world of trouble.
func (w *world) newModel(sys *System) *Model {
	m := sys.NewModel()
	m.once()
	m.note = func(h *halted) {
		_, stuck := h.Trouble.(*systems.Stuck)
		if m.watch.left.CompareAndSwap(false, stuck) { // whoever is left behind tells nothing more
			w.notes.note(h)
		}
	}
	return m
}

// conduct carries something out on the world's models, on a goroutine of its own that is
// left behind if a call in it does not return. The error is trouble that they met with;
// where that is not nil, nothing that fn has come to may be looked at.
func (w *world) conduct(fn func()) error {
	n, done := newNotes(), make(chan any, 1)
	w.notes = n
	go func() {
		var fault any = "kernel: its goroutine was ended"
		defer func() { done <- fault }()
		defer func() {
			if r := recover(); r != nil {
				fault = fmt.Sprintf("%v\n%s", r, debug.Stack())
			}
		}()
		fn()
		fault = nil
	}()
	var fault any
	select {
	case <-n.stuck:
	case fault = <-done:
	}
	if h := n.first(); h != nil {
		w.opened = map[scope]*member{} // its models are in the hands of a call, or in the middle of one
		return h.Trouble
	}
	if fault != nil {
		panic(fault)
	}
	return nil
}
