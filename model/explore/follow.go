package explore

import (
	"fmt"
	"slices"
)

// Follow makes the calls of a finding again, on a model of its own, and reports what does not fit: an initial
// state or a call that there is not, or another outcome than the finding's. It is for findings that come from
// elsewhere, such as a file. It returns also when the model panics or ends its goroutine.
func Follow(f Factory, x Finding) error {
	done := make(chan error, 1)
	go func() { // of its own: code under test may end it
		err := refuse("follow", "its goroutine was ended")
		defer func() {
			if fault := recover(); fault != nil {
				err = refuse("follow", fmt.Sprint(fault))
			}
			done <- err
		}()
		err = follow(f(), x)
	}()
	return <-done
}

// follow is Follow on a model.
func follow(m Model, x Finding) error {
	if x.Init < 0 || x.Init >= m.Inits() {
		return refuse("follow", fmt.Sprintf("there is no initial state %d", x.Init))
	}
	m.Init(x.Init)
	w := &worker{m: m}
	w.check, _ = m.(StateChecker)
	p := newReplayer(m, Options{NoSymmetry: true})
	got := w.judgeInit()
	m.Init(x.Init)
	for i, call := range x.Path {
		if got.Kind != Moved {
			return refuse("follow", fmt.Sprintf("it ends before call %d", i+1))
		}
		if !slices.Contains(m.Calls(nil), call) {
			return refuse("follow", fmt.Sprintf("call %d is none of those that can be made there", i+1))
		}
		o := m.Apply(call)
		next := m.Encode(nil)
		got = p.judge(o, true)
		m.Restore()
		if got.Kind == Moved {
			m.Decode(next)
		}
	}
	if want := (Outcome{x.Kind, x.Rule}); got != want {
		return refuse("follow", fmt.Sprintf("it ends %v, not %v", got.Kind, want.Kind))
	}
	return nil
}
