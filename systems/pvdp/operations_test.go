package pvdp

import (
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
)

// TestReadsExamples has the guest read the example of each of its operations, and write
// it.
func TestReadsExamples(t *testing.T) {
	for _, name := range OpNames() {
		l, bad := script.ParseLine(script.Lookup(name).Example)
		if bad != nil {
			t.Fatal(bad)
		}
		if o, err := OpOf(l.Op); err != nil || o.String() != l.Raw {
			t.Errorf("%q is read as %q (%v)", l.Raw, o, err)
		}
	}
}

// TestDirectOperations compares the operations that an adversary issues directly, for
// speed, with those of the table of operations.
func TestDirectOperations(t *testing.T) {
	a, err := Open(Options{Frames: 4, Levels: 2, Slots: 2, Profile: model.Ideal()}, false)
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
		rc := direct.do(o)
		want := opVerbs[o.Op].Issue(table.m, model.Operands{Frame: model.MFN(o.Frame), Second: model.MFN(o.Arg), N: uint64(o.Arg), Entry: o.Entry})
		if rc != want || string(direct.Encode(nil)) != string(table.Encode(nil)) {
			t.Errorf("%v: %v, by the table %v", o, rc, want)
		}
		direct.Restore()
		table.Restore()
	}
}
