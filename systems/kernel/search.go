package kernel

import (
	"context"
	"errors"
	"time"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// Search is [explore.Run] for models of code that may do anything. It returns also when
// that code ends the goroutine that it runs on or never comes back (the goroutine stays),
// and an error says plainly when the code does not do the same twice: the error is of type
// [systems.Trouble].
func Search(ctx context.Context, f explore.Factory, o explore.Options) (explore.Result, error) {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	n, began := newNotes(), time.Now()
	var r explore.Result
	var err error
	done := make(chan struct{})
	go func() { // of its own: code under test may end it
		defer close(done)
		err = errors.New("kernel: search: its goroutine was ended")
		r, err = explore.Run(inner, n.listen(f, cancel), o)
	}()
	var h *halted
	select {
	case h = <-n.stuck:
	case <-done:
		if h = n.first(); h == nil {
			return r, err
		}
	}
	h.findWay(ctx, o, time.Since(began))
	return explore.Result{}, h.Trouble
}

// listen returns a factory whose models tell.
func (n *notes) listen(f explore.Factory, cancel func()) explore.Factory {
	if f == nil {
		return nil
	}
	return func() explore.Model {
		x := f()
		if m, ok := innermost(x).(*Model); ok {
			m.note, m.calm = n.note, cancel
		}
		return x
	}
}

// innermost is the model that others stand around.
func innermost(x explore.Model) explore.Model {
	for {
		outer, ok := x.(systems.Outer)
		if !ok {
			return x
		}
		x = outer.Inner()
	}
}
