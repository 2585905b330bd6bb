package serve

import (
	"slices"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// look is what there is to see at a place.
type look struct {
	// outcome is that of the last call, or of the judgement of the start.
	outcome explore.Outcome
	// called says that there was a call, not the start alone.
	called bool
	// same says that the last call changed nothing.
	same bool
	// astray is the number of the first call, from 0, that is impossible where it stands;
	// negative: none.
	astray int
	// states are the packed states of the way, the start first.
	states []string
	calls  []option
	// before and after are the counters of the model around the last call; nil if it does
	// not count.
	before, after []uint64
}

// option is a call that can be made.
type option struct {
	code    uint64
	outcome explore.Outcome
	next    string // the packed state that it leads to
	same    bool   // which is the one it was made in
}

// looker is a model that goes to a place in its one transition. So code under test runs
// under the eyes of the engine, like in any search.
type looker struct {
	explore.Model
	look
	at place
}

var _ systems.Outer = (*looker)(nil)

func (l *looker) around(m explore.Model) systems.Outer {
	l.Model = m
	return l
}

// Inner implements [systems.Outer].
func (l *looker) Inner() explore.Model { return l.Model }

// Inits implements [explore.Model].
func (l *looker) Inits() int { return 1 }

// Init implements [explore.Model].
func (l *looker) Init(int) { l.Model.Init(l.at.init) }

// Calls implements [explore.Model]: there is one, which stands for all.
func (l *looker) Calls(dst []uint64) []uint64 { return append(dst, 0) }

// Restore implements [explore.Model].
func (l *looker) Restore() { l.Init(0) }

// Apply implements [explore.Model]. For the engine nothing has happened.
func (l *looker) Apply(uint64) explore.Outcome {
	l.look = look{astray: -1}
	l.begin()
	for i, code := range l.at.path {
		if l.outcome.Kind != explore.Moved || !slices.Contains(l.Model.Calls(nil), code) {
			l.astray = i
			break
		}
		l.before, l.called = l.counters(), true
		o := l.try(code)
		l.outcome, l.same = o.outcome, o.same
		if o.next != "" {
			l.states = append(l.states, o.next)
			l.Model.Decode([]byte(o.next))
		}
	}
	l.after = l.counters()
	if l.astray < 0 && l.outcome.Kind == explore.Moved {
		for _, code := range l.Model.Calls(nil) {
			l.calls = append(l.calls, l.try(code))
		}
	}
	return explore.Outcome{Kind: explore.Skipped}
}

// begin judges the start as a search does.
func (l *looker) begin() {
	l.Init(0)
	l.before = l.counters()
	if judge, ok := l.Model.(explore.InitChecker); ok {
		l.outcome = judge.CheckInit()
	}
	start := l.Model.Encode(nil)
	l.states = []string{string(start)}
	l.Model.Decode(start)
	if l.outcome.Kind == explore.Moved {
		l.outcome = l.judged()
	}
}

// judged is what rules that look at states say of the working state.
func (l *looker) judged() explore.Outcome {
	if judge, ok := l.Model.(explore.StateChecker); ok {
		if o := judge.CheckState(); o.Kind == explore.Violated || o.Kind == explore.Crashed {
			return o
		}
	}
	return explore.Outcome{}
}

// try makes a call in the state at hand and goes back to it.
func (l *looker) try(code uint64) option {
	here := l.states[len(l.states)-1]
	o := option{code: code, outcome: l.Model.Apply(code)}
	if o.outcome.Kind != explore.Moved {
		l.Model.Restore()
		return o
	}
	next := l.Model.Encode(nil)
	l.Model.Restore()
	l.Model.Decode(next) // states are judged unpacked
	o.outcome, o.next, o.same = l.judged(), string(next), string(next) == here
	l.Model.Decode([]byte(here))
	return o
}

func (l *looker) counters() []uint64 {
	if c, ok := l.Model.(explore.Counter); ok {
		return slices.Clone(c.Counters())
	}
	return nil
}
