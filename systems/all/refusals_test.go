package all

import (
	"testing"

	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/model"
)

func TestRefusalText(t *testing.T) {
	c := kernel.Call{Kind: model.CallSwitch, Arg: 1, Refuse: 3}
	const text = "refuse 3 switch:second"
	if got := c.String(); got != text {
		t.Errorf("%+v is %q", c, got)
	}
	if got, err := kernel.ParseCall(text); err != nil || got != c {
		t.Errorf("%q is %+v (%v)", text, got, err)
	}
	if got := kernel.CallOf(c.Code()); got != c {
		t.Errorf("%+v comes back as %+v", c, got)
	}
	for _, bad := range []string{"refuse", "refuse 0 zap", "refuse 256 zap", "refuse 1 cpu1:zap", "refuse 1 refuse:1:zap", "refuse 1 nothing", "both refuse:1:zap zap 0"} {
		if c, err := kernel.ParseCall(bad); err == nil {
			t.Errorf("%q is %+v, want an error", bad, c)
		}
	}
}

// TestRefusalsChangeNothing searches with every hypercall refused in turn: kernels
// stop, so the states and transitions are those of a search without refusals.
func TestRefusalsChangeNothing(t *testing.T) {
	for _, x := range []struct {
		system string
		depth  int
	}{{"xen", 0}, {"buffer", 0}, {"topdown", 0}, {"life-xen", 4}, {"native", 3}} {
		var counts [2][2]uint64
		for n, failures := range []bool{false, true} {
			s, err := New(x.system, kernel.Options{Failures: failures})
			if err != nil {
				t.Fatal(err)
			}
			r := search(t, s, x.depth)
			if len(r.Findings) > 0 {
				how, calls := replayed(s, r.Findings[0])
				t.Fatalf("%s, failures %v: %s by %q", x.system, failures, how, calls)
			}
			if failures && (r.Skipped > 0) != (x.system != "native") {
				t.Errorf("%s: %d calls stopped the kernel", x.system, r.Skipped)
			}
			counts[n] = [2]uint64{r.States, r.Transitions}
		}
		if counts[0] != counts[1] {
			t.Errorf("%s: %v states and transitions, with refusals %v", x.system, counts[0], counts[1])
		}
	}
}
