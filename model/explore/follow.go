package explore

import (
	"fmt"
	"slices"
)

// Follow makes the calls of a finding again, on a model of its own, and reports what does not fit: an initial
// state or a call that there is not, or another outcome than the finding's. It is for findings that come from
// elsewhere, such as a file.
func Follow(f Factory, x Finding) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("explore: follow: %v", fault)
		}
	}()
	m := f()
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
