package system

import (
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

func TestRefusalText(t *testing.T) {
	c := Call{Kind: model.CallSwitch, Arg: 1, Refuse: 3}
	const text = "refuse 3 switch:second"
	if got := c.String(); got != text {
		t.Errorf("%+v is %q", c, got)
	}
	if got, err := ParseCall(text); err != nil || got != c {
		t.Errorf("%q is %+v (%v)", text, got, err)
	}
	if got := CallOf(c.Code()); got != c {
		t.Errorf("%+v comes back as %+v", c, got)
	}
	for _, bad := range []string{"refuse", "refuse 0 zap", "refuse 256 zap", "refuse 1 cpu1:zap", "refuse 1 refuse:1:zap", "refuse 1 nothing", "both refuse:1:zap zap 0"} {
		if c, err := ParseCall(bad); err == nil {
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
			s, err := New(x.system, Options{Failures: failures})
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

// refusalCount counts the refusals for want of memory by operation.
type refusalCount [model.NumOps]int

// Step implements model.Observer.
func (c *refusalCount) Step(_ *model.Machine, s *model.Step) {
	if s.Errno == model.ENOMEM {
		c[s.Op]++
	}
}

// watchSearch searches a system with refusals before the eyes of an observer. theme is
// the theme of life after boot, if any.
func watchSearch(t *testing.T, name, theme string, depth int, by model.Observer) {
	t.Helper()
	o := Options{Failures: true}
	if theme != "" {
		o.Themes = []string{theme}
	}
	s, err := New(name, o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = explore.Run(t.Context(), func() explore.Model {
		m := s.NewModel()
		m.machine.Observe(by)
		return m
	}, explore.Options{Depth: depth, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEachHypercallIsRefused wants each hypercall of the table of operations refused
// in the search of some system, or a reason in the table why no kernel makes it, and
// not both.
func TestEachHypercallIsRefused(t *testing.T) {
	var refused refusalCount
	watchSearch(t, "xen", "", 2, &refused)
	watchSearch(t, "life-xen", "pages", 2, &refused)
	watchSearch(t, "life-xen", "desc", 4, &refused)
	for op := range model.NumOps {
		if asked := op.Row().Unasked == "" && op.Refusable(); (refused[op] > 0) != asked {
			t.Errorf("%v is refused %d times; it can be refused: %v; no kernel makes it: %q", op, refused[op], op.Refusable(), op.Row().Unasked)
		}
	}
}
