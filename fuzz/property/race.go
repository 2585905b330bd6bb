package property

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/drawn"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// Track is machines with two processors, on which calls run side by side.
type Track struct {
	sys   *kernel.System
	model *kernel.Model
}

// NewTrack returns the machines of a system that options ask for.
func NewTrack(b *kernel.Backend, o kernel.Options) (*Track, error) {
	s, err := b.New(o)
	if err != nil {
		return nil, err
	}
	return &Track{s, s.NewModel()}, nil
}

// Start draws a machine and begins a life on it. It ends the life before.
func (t *Track) Start(d drawn.Draw) (*Life, error) {
	return startAt(t.sys, t.model, d("machine", 0, len(t.sys.Inits)-1))
}

// Race draws what happens next on two processors: a call of one of them, or one of each at
// the same time. As there are many pairs of some kinds and few of others, kinds are drawn
// first. ok is false when nothing can be called any more.
func (l *Life) Race(d drawn.Draw) (code uint64, ok bool) {
	alone, pairs := l.Model.FirstCalls(nil), l.Model.SideBySide(nil)
	switch {
	case len(alone)+len(pairs) == 0:
		return 0, false
	case len(pairs) == 0 || len(alone) > 0 && !d.Yes("both"):
		alone = oneKind(d, "call", alone, func(code uint64) model.CallKind { return kernel.CallOf(code).Kind })
		return alone[d("argument", 0, len(alone)-1)], true
	}
	pairs = oneKind(d, "first call", pairs, func(c kernel.Call) model.CallKind { return c.Kind })
	pairs = oneKind(d, "second call", pairs, func(c kernel.Call) model.CallKind { return c.Beside.Kind })
	return l.scheduled(d, pairs[d("arguments", 0, len(pairs)-1)]).Code(), true
}

// scheduled draws how the steps of two calls follow each other: who starts, how often a
// processor is preempted, and after which of the steps up to which it still can be.
func (l *Life) scheduled(d drawn.Draw, c kernel.Call) kernel.Call {
	c.Sched.First = d("processor", 0, 1)
	for i := range d("preemptions", 0, model.MaxPreemptions) {
		latest := l.Model.Latest(c)
		if latest == 0 {
			break
		}
		c.Sched.Points[i] = uint8(d("steps", 1, latest))
	}
	return c
}
