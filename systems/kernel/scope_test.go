package kernel

import (
	"testing"

	"github.com/ptcheck/ptcheck/systems/drawn"
)

// TestSimplerMachines holds that shrinking comes to an end: every simpler machine
// stands before the one that it comes from.
func TestSimplerMachines(t *testing.T) {
	const start = "drawn-xen-tiny-4-3.0.7.1.25"
	simpler := simplerMachines(scope{special: start})
	if len(simpler) < 8 {
		t.Errorf("only %d simpler machines", len(simpler))
	}
	for _, s := range simpler {
		if compareSpecial(s.special, start) >= 0 || compareSpecial(start, s.special) <= 0 {
			t.Errorf("%s does not stand before %s", s.special, start)
		}
		if k, _, err := drawn.Parse(s.special); err != nil || k.Levels != 4 {
			t.Errorf("%s: %v", s.special, err)
		}
	}
	if compareSpecial("", start) >= 0 || compareSpecial(start, start) != 0 || simplerMachines(scope{}) != nil || simplerMachines(scope{special: "odd-7"}) != nil {
		t.Error("members of the family do not come first")
	}
}
