package all_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/hostile"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
	"github.com/ptcheck/ptcheck/systems/life"
	"github.com/ptcheck/ptcheck/systems/pvdp"
)

// fieldWatch notes which fields steps have set, and whether memory has changed, by
// operation.
type fieldWatch struct {
	seen [model.NumOps]bool
	set  [model.NumOps]model.Fields
	// wrote says that memory has changed.
	wrote [model.NumOps]bool
}

// Step implements model.Observer.
func (w *fieldWatch) Step(m *model.Machine, s *model.Step) {
	w.seen[s.Op] = true
	for c := range m.Writes {
		w.wrote[s.Op] = w.wrote[s.Op] || (m.Word(c.Frame, c.Word)^c.Old)&^uint64(model.Accessed|model.Dirty) != 0
	}
	for field, is := range map[model.Fields]bool{
		model.FieldErrno: s.Errno != model.OK, model.FieldLevel: s.Level != 0, model.FieldVA: s.VA != 0,
		model.FieldFrame: s.Frame != 0, model.FieldOff: s.Off != 0, model.FieldWidth: s.Width != 0,
		model.FieldValue: s.Value != 0, model.FieldHook: s.Hook != 0, model.FieldAll: s.All,
		model.FieldCmd: s.Cmd != 0,
	} {
		if is {
			w.set[s.Op] |= field
		}
	}
}

// TestStepsUseTheirFields wanders through all systems, hostile guests among them: steps
// set the fields that their row in the table of operations names, and no others, and
// change memory if it says so.
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
		if is := op.Row().Memory != model.Keeps; is != w.wrote[op] {
			t.Errorf("%v: memory changes: %v; its row says so: %v", op, w.wrote[op], is)
		}
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

// watchHostile issues every operation of a hostile guest that deals with others, and a
// few in a row: memory changes when a frame with a descriptor becomes a GDT, and when
// another domain stores to a frame that it was given. Then it makes every hypercall of
// the table of operations, granted and refused.
func watchHostile(t *testing.T, w *fieldWatch) {
	h, err := hostile.New(dealing())
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
	for _, text := range []string{"gdt f3", "gdt-none", "give f3", "other f3 0 0"} {
		code := slices.IndexFunc(m.Calls(nil), func(c uint64) bool { return m.OpText(c) == text })
		if code < 0 {
			t.Fatalf("the guest cannot make %q", text)
		}
		m.Apply(m.Calls(nil)[code])
		m.Decode(m.Encode(nil))
	}
	for op := range model.NumOps {
		for refuse := range 2 {
			m.Init(0)
			k := model.NewMachine(m.State(), w)
			k.Refuse = refuse
			if row := op.Row(); row.Hypercall {
				k.Run(func() {
					row.Verbs[0].Issue(k, model.Operands{Frame: 3, Second: 1, N: 1, Entry: model.MakeEntry(1, model.Present), VA: model.PageSize})
				})
			}
		}
	}
}

// dealing is a guest with all operations of the named scopes.
func dealing() hostile.Options {
	o := hostile.Options{Slots: []int{2, 2, 1}, Frames: 5, Flags: []string{"P", "PW"}, Interrupts: 2, StaleTLB: true, Profile: model.Xen417(),
		Wide: true, Memory: []string{"f2 0 f4:PW", "f3 0 f1:P", "f3 1 0xcf92000000ffff"}, Words: []string{"0x8f0000000000"},
		Extra: []model.ExtraKind{model.SharedInfo, model.XenOwned}}
	for _, s := range hostile.Scopes() {
		for _, op := range s.Options.Ops {
			if !slices.Contains(o.Ops, op) {
				o.Ops = append(o.Ops, op)
			}
		}
	}
	return o
}
