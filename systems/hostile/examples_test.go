package hostile

import (
	"testing"

	"github.com/ptcheck/ptcheck/model/script"
)

// TestReadsExamples has the guest read the example of each of its operations, and write
// it.
func TestReadsExamples(t *testing.T) {
	o := everything()
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range operations {
		l, bad := script.ParseLine(script.Lookup(operations[i].name).Example)
		if bad != nil {
			t.Fatal(bad)
		}
		if op, err := h.read(l.Op); err != nil || o.text(op) != l.Raw {
			t.Errorf("%q is read as %q (%v)", l.Raw, o.text(op), err)
		}
	}
}
