package system

import (
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
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
	watchSearch(t, "life-xen", "desc", 5, &w)
	for _, name := range Names() {
		s, err := New(name, Options{Failures: true})
		if err != nil {
			t.Fatal(err)
		}
		if s.Interleaves() {
			continue // the same calls, in coroutines
		}
		m := s.NewModel()
		m.machine.Observe(&w)
		wander(m, 12)
	}
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

// watchHostile issues every operation of a hostile guest that deals with others, and a
// few in a row: memory changes when a frame with a descriptor becomes a GDT, and when
// another domain stores to a frame that it was given. Then it makes each hypercall of
// the table of operations, granted or not, and once refused for want of memory.
func watchHostile(t *testing.T, w *fieldWatch) {
	o := everything()
	o.Memory = append(o.Memory, "f3 1 0xcf92000000ffff")
	h, err := NewHostile(o)
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.NewModel()
	if err != nil {
		t.Fatal(err)
	}
	m.m.Observe(w)
	for _, c := range m.Calls(nil) {
		m.Apply(c)
		m.Restore()
	}
	p := hostilePlayer{h: h}
	for _, text := range []string{"gdt f3", "gdt-none", "give f3", "other f3 0 0"} {
		l, _ := script.ParseLine(text)
		code, err := p.code(l.Op)
		if err != nil {
			t.Fatal(err)
		}
		m.Apply(code)
		m.Decode(m.Encode(nil))
	}
	for op := range model.NumOps {
		for refuse := range 2 {
			m.Init(0)
			m.m.Refuse = refuse
			if row := op.Row(); row.Hypercall {
				m.m.Run(func() {
					row.Verbs[0].Issue(m.m, model.Operands{Frame: 3, Second: 1, N: 1, Entry: model.MakeEntry(1, model.Present), VA: m.page(1)})
				})
			}
		}
	}
}
