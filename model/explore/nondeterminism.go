package explore

import (
	"bytes"
	"fmt"
	"slices"
)

// NondeterminismError is the error of a model that gave two different results for the same call in the same
// state: it, or the code under test, remembers something that is not part of the packed state. The engine notices
// when it makes the way to a finding again.
type NondeterminismError struct {
	// Init is the initial state at which the way begins, or -1 if there no longer is one that is packed as
	// it was.
	Init int
	// Path holds the codes of the calls from there that did again what they had done. The call that did not
	// was made behind them, so its place, from 0, is len(Path).
	Path []uint64
	// State is the packed state in which it was made.
	State []byte
	// Calls are the codes of the calls of which one is that call: just one if the engine can tell, as it
	// can of a call that does not even do the same when it is made twice; none if it is no longer
	// offered in that state.
	Calls []uint64
	// Symmetry says that symmetric states counted as one. Then it may be that the calls do the same each
	// time, but that Canon does not give a symmetry.
	Symmetry bool
}

// Error implements error.
func (e *NondeterminismError) Error() string {
	const two = "explore: the model gave two different results for the same "
	if e.Init < 0 {
		return two + "initial state: it keeps something that is not part of the state"
	}
	which := fmt.Sprintf("one of its %d calls", len(e.Calls))
	switch len(e.Calls) {
	case 0:
		which = "a call that is now not offered"
	case 1:
		which = fmt.Sprintf("call %#x", e.Calls[0])
	}
	why := "it keeps something that is not part of the state"
	if e.Symmetry {
		why += ", or its canonical form is not a symmetry"
	}
	return fmt.Sprintf("%sstate and call: %s, %d calls after initial state %d: %s", two, which, len(e.Path), e.Init, why)
}

// differs makes the error for the working state of p, reached by path: a call in it did something else in the
// search. place is where it was among the calls then, or -1.
func (p *replayer) differs(init int, path []uint64, place int) error {
	e := &NondeterminismError{
		Init: init, Path: slices.Clone(path), State: p.m.Encode(nil), Symmetry: p.canon != nil,
	}
	p.calls = p.m.Calls(p.calls[:0])
	e.Calls = slices.Clone(p.calls)
	switch c, found := p.restless(); {
	case found:
		e.Calls = []uint64{c}
	case place >= len(e.Calls):
		e.Calls = nil
	case place >= 0 && p.canon == nil: // else the places are those of another concrete state
		e.Calls = e.Calls[place : place+1]
	}
	return e
}

// restless returns the first call that does not do the same when it is made twice in the working state.
func (p *replayer) restless() (call uint64, found bool) {
	for _, c := range p.calls {
		o, state := p.try(c)
		again, now := p.try(c)
		if o != again || !bytes.Equal(state, now) {
			return c, true
		}
	}
	return 0, false
}

// try makes a call in the working state and takes it back.
func (p *replayer) try(call uint64) (o Outcome, state []byte) {
	if o = p.m.Apply(call); o.Kind == Moved {
		state = p.m.Encode(nil)
	}
	p.m.Restore()
	return o, state
}

// strays makes the error for a walk that was another the first time. Where they part is not known: it is taken
// to be at the first call that is seen to do two things, or at the last.
func (p *replayer) strays(init int, path []uint64) error {
	p.m.Init(init)
	for i, c := range path {
		p.calls = p.m.Calls(p.calls[:0])
		place := slices.Index(p.calls, c)
		if _, found := p.restless(); found || i == len(path)-1 {
			return p.differs(init, path[:i], place)
		}
		if o, next := p.try(c); o.Kind == Moved {
			p.m.Decode(next)
		}
	}
	return p.differs(init, path, -1)
}
