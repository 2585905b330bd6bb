package kernel

import (
	"context"
	"errors"
	"sync"

	"github.com/ptcheck/ptcheck/model/explore"
)

// Search is [explore.Run] for models of code that may do anything. It returns also when
// that code ends the goroutine that it runs on (an error of type [Gone]) or never comes
// back ([Stuck]; the goroutine stays), and an error says plainly when the code does not
// do the same twice ([Fickle]).
func Search(ctx context.Context, f explore.Factory, o explore.Options) (explore.Result, error) {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	n := &notes{stuck: make(chan *Stuck, 1)}
	var r explore.Result
	var err error
	done := make(chan struct{})
	go func() { // of its own: code under test may end it
		defer close(done)
		err = errors.New("kernel: search: its goroutine was ended")
		r, err = explore.Run(inner, n.listen(f, cancel), o)
	}()
	select {
	case e := <-n.stuck:
		e.findWay(ctx, o)
		return explore.Result{}, e
	case <-done:
	}
	if n.first() != nil {
		return explore.Result{}, n.first()
	}
	return r, err
}

// notes are what models tell during a search.
type notes struct {
	mu    sync.Mutex
	err   error
	stuck chan *Stuck
}

// listen returns a factory whose models tell.
func (n *notes) listen(f explore.Factory, cancel func()) explore.Factory {
	return func() explore.Model {
		x := f()
		if m, ok := x.(*Model); ok {
			m.note, m.calm = n.note, cancel
		}
		return x
	}
}

// note keeps the first thing that it is told.
func (n *notes) note(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.err != nil {
		return
	}
	n.err = err
	if e, ok := err.(*Stuck); ok {
		n.stuck <- e
	}
}

func (n *notes) first() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}
