package system

import (
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
)

// example is the example of an operation.
func example(t *testing.T, name string) (string, *script.Op) {
	t.Helper()
	s := script.Lookup(name)
	if s == nil {
		t.Fatalf("the language has no %s", name)
	}
	l, err := script.ParseLine(s.Example)
	if err != nil {
		t.Fatal(err)
	}
	return s.Example, l.Op
}

// TestGuestsReadExamples has hostile guests read the example of each of their
// operations, and write it.
func TestGuestsReadExamples(t *testing.T) {
	for _, name := range OpNames() {
		want, op := example(t, name)
		if o, err := GuestOpOf(op); err != nil || o.String() != want {
			t.Errorf("adversary: %q is read as %q (%v)", want, o, err)
		}
	}
	h, err := NewHostile(everything())
	if err != nil {
		t.Fatal(err)
	}
	p := hostilePlayer{h: h}
	for i := range hostileOps {
		want, op := example(t, hostileOps[i].name)
		if code, err := p.code(op); err != nil || h.OpText(code) != want {
			t.Errorf("hyper: %q is read as %q (%v)", want, h.OpText(code), err)
		}
	}
}

// TestDirectOperations compares the operations that an adversary issues directly, for
// speed, with those of the table of operations.
func TestDirectOperations(t *testing.T) {
	a, err := OpenAdversary("adversary", AdversaryOptions{Frames: 4, Levels: 2, Slots: 2, Profile: model.Ideal()})
	if err != nil {
		t.Fatal(err)
	}
	direct, err := a.NewModel()
	if err != nil {
		t.Fatal(err)
	}
	table, err := a.NewModel()
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range direct.Calls(nil) {
		o := direct.Op(code)
		if o.Op == opRaw {
			continue
		}
		rc, _ := direct.do(o)
		want := opVerbs[o.Op].Issue(table.m, model.Operands{Frame: model.MFN(o.Frame), Second: model.MFN(o.Arg), N: uint64(o.Arg), Entry: o.Entry})
		if rc != want || string(direct.Encode(nil)) != string(table.Encode(nil)) {
			t.Errorf("%v: %v, by the table %v", o, rc, want)
		}
		direct.Restore()
		table.Restore()
	}
}
