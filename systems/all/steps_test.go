package all_test

import (
	"math/rand/v2"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/hostile"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
	"github.com/ptcheck/ptcheck/systems/life"
	"github.com/ptcheck/ptcheck/systems/pvdp"
)

// fieldWatch notes which fields steps have set, by operation.
type fieldWatch struct {
	seen [model.NumOps]bool
	set  [model.NumOps]model.Fields
}

// Step implements model.Observer.
func (w *fieldWatch) Step(_ *model.Machine, s *model.Step) {
	w.seen[s.Op] = true
	for field, is := range map[model.Fields]bool{
		model.FieldErrno: s.Errno != model.OK, model.FieldLevel: s.Level != 0, model.FieldVA: s.VA != 0,
		model.FieldFrame: s.Frame != 0, model.FieldOff: s.Off != 0, model.FieldWidth: s.Width != 0,
		model.FieldValue: s.Value != 0, model.FieldHook: s.Hook != 0, model.FieldAll: s.All,
	} {
		if is {
			w.set[s.Op] |= field
		}
	}
}

// TestStepsUseTheirFields wanders through all systems, hostile guests among them: steps
// set the fields that their row in the table of operations names, and no others.
func TestStepsUseTheirFields(t *testing.T) {
	var w fieldWatch
	watchSearch(t, life.Xen(), "desc", 5, &w)
	for _, b := range kerneltest.Backends() {
		s := kerneltest.New(t, b, kernel.Options{Failures: true})
		if s.Interleaves() {
			continue // the same calls, in coroutines
		}
		m := s.NewModel()
		m.Watch(&w)
		kerneltest.Wander(m, 12)
	}
	watchAdversary(t, &w)
	watchHostile(t, &w)
	for op := range model.NumOps {
		switch uses := op.Uses(); {
		case !w.seen[op]:
			if op != model.OpAnnounce { // only the example of a backend announces
				t.Errorf("%v: no such step", op)
			}
		case w.set[op] != uses:
			t.Errorf("%v: fields %#b are set, want %#b", op, w.set[op], uses)
		}
	}
}

// watchAdversary issues random operations of a hostile guest that has them all.
func watchAdversary(t *testing.T, w *fieldWatch) {
	a, err := pvdp.Open(pvdp.Options{Frames: 4, Levels: 2, Slots: 2, Profile: model.Ideal()}, false)
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.NewModel()
	if err != nil {
		t.Fatal(err)
	}
	m.Observe(w)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		m.Do(pvdp.Op{Op: uint8(rng.IntN(len(pvdp.OpNames()))), Frame: uint8(rng.IntN(4)), Arg: uint8(rng.IntN(2)), Entry: model.MakeEntry(model.MFN(rng.IntN(4)), model.Present)})
	}
}

// watchHostile issues every operation of the named scopes.
func watchHostile(t *testing.T, w *fieldWatch) {
	for _, sc := range hostile.Scopes() {
		h, err := hostile.New(sc.Options)
		if err != nil {
			t.Fatal(err)
		}
		m, err := h.NewModel()
		if err != nil {
			t.Fatal(err)
		}
		m.Observe(w)
		m.Init(0)
		for _, c := range m.Calls(nil) {
			m.Apply(c)
			m.Restore()
		}
	}
}
