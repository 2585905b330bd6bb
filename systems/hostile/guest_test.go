package hostile

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// linearAt is a table with a slot that names a table of its own level, under Xen
// 4.17, with releases that are interrupted.
func linearAt(slot string) Options {
	return Options{Slots: []int{2, 1}, Frames: 5, Flags: []string{"P"}, Interrupts: 2, Profile: model.Xen417(),
		Memory: []string{"f2 0 f1:P", "f2 1 f4:P", "f3 " + slot + " f2:P"},
		Ops:    []string{"pin", "unpin", "unpin-part", "finish"}}
}

// TestPartialLinearLeak has the hostile guest find, by itself, a reference that
// Xen 4.17 loses: a table whose slot 0 names an L2 that is released half-way is
// taken up again as an L2, which fails at slot 0, and there nothing is undone. At
// another slot it is.
func TestPartialLinearLeak(t *testing.T) {
	for _, c := range []struct {
		slot  string
		leaks bool
	}{{"0", true}, {"1", false}} {
		h, err := New(linearAt(c.slot))
		if err != nil {
			t.Fatal(err)
		}
		r := search(t, h, 5)
		if got := len(r.Findings) > 0; got != c.leaks {
			t.Fatalf("slot %s: found %v, want %v", c.slot, r.Findings, c.leaks)
		}
		if !c.leaks {
			continue
		}
		f := r.Findings[0]
		if h.Rules()[f.Rule].ID != "counts-agree" || len(f.Path) != 5 {
			t.Errorf("%s by %d operations, want counts-agree by 5", h.Rules()[f.Rule].ID, len(f.Path))
		}
		if rep := explained(t, linearAt("0"), f); len(rep.Calls) != 5 || rep.Detail == "" || rep.Rule != "counts-agree" {
			t.Errorf("explained as %+v", rep)
		}
	}
}

func search(t *testing.T, h *Guest, depth int) explore.Result {
	t.Helper()
	r, err := explore.Run(context.Background(), func() explore.Model {
		m, err := h.NewModel()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}, explore.Options{Depth: depth, NoSymmetry: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// scenarioOf turns a finding of a guest into a scenario.
func scenarioOf(t *testing.T, o Options, f explore.Finding) systems.Scenario {
	t.Helper()
	list, err := Custom(Scope{Name: "one", Options: o}).Searches(nil, systems.Change{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := list[0].Scenario(f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// explained is the report of a finding.
func explained(t *testing.T, o Options, f explore.Finding) *reports.Finding {
	t.Helper()
	p, err := scenarioOf(t, o, f).Play(systems.PlayOptions{Report: true})
	if err != nil || p.Finding == nil {
		t.Fatalf("not explained: %v", err)
	}
	return p.Finding
}

// everything is a guest with every operation that one processor can make.
func everything() Options {
	o := Options{Slots: []int{2, 2, 1}, Frames: 5, Flags: []string{"P", "PW"}, Interrupts: 2, StaleTLB: true, Profile: model.Xen417(),
		Wide: true, Memory: []string{"f2 0 f4:PW", "f3 0 f1:P"}, Words: []string{"0x8f0000000000"}}
	for _, op := range operations {
		o.Ops = append(o.Ops, op.name)
	}
	o.Extra = []model.ExtraKind{model.SharedInfo, model.XenOwned}
	return o
}

// TestStatesPack walks at random and checks that a packed state comes back
// as it was, that operations from it do the same again, and that every operation
// is granted somewhere, those aside that a right hypervisor always refuses.
func TestStatesPack(t *testing.T) {
	h, err := New(everything())
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.NewModel()
	if err != nil {
		t.Fatal(err)
	}
	granted := map[string]bool{}
	rng := rand.New(rand.NewPCG(7, 7))
	for range 2000 {
		m.Init(0)
		for range 60 {
			calls := m.Calls(nil)
			if len(calls) == 0 {
				break
			}
			c := calls[rng.IntN(len(calls))]
			if rng.IntN(3) > 0 { // no operation shall be rare for having few operands
				op := rng.IntN(len(operations))
				same := slices.DeleteFunc(calls, func(c uint64) bool { return int(c>>24) != op })
				c = same[rng.IntN(len(same))]
			}
			before := m.Encode(nil)
			first := m.Apply(c)
			after := m.Encode(nil)
			if m.last == model.OK {
				granted[operations[c>>24].name] = true
			}
			m.Decode(before)
			if got := m.Encode(nil); !bytes.Equal(got, before) {
				t.Fatalf("%s: packed %x, again %x", m.OpText(c), before, got)
			}
			if again := m.Apply(c); again != first || !bytes.Equal(m.Encode(nil), after) {
				t.Fatalf("%s: %v, then %v after unpacking", m.OpText(c), first, again)
			}
			if first.Kind == explore.Violated || m.CheckState().Kind == explore.Violated {
				break // the reference that Xen loses
			}
			m.Decode(after)
		}
	}
	for _, op := range operations {
		if granted[op.name] == op.refused {
			t.Errorf("%s: granted %v", op.name, granted[op.name])
		}
	}
}

// TestAllocatesNothing issues operations without one allocation, races
// aside.
func TestAllocatesNothing(t *testing.T) {
	o := everything()
	o.Ops = []string{"mu", "uva", "touch", "pin", "unpin", "cr3", "gdt", "flush", "release", "obtain"}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.NewModel()
	if err != nil {
		t.Fatal(err)
	}
	calls := m.Calls(nil)
	buf := make([]byte, 0, 1<<12)
	sweep := func() {
		for _, c := range calls {
			if m.Apply(c).Kind == explore.Moved {
				buf = m.Encode(buf[:0])
				m.CheckState()
			}
			m.Restore()
		}
	}
	sweep()
	if n := testing.AllocsPerRun(5, sweep); n != 0 {
		t.Errorf("%v allocations in %d operations", n, len(calls))
	}
}

// TestRefusesNonsense checks the messages for bad bounds.
func TestRefusesNonsense(t *testing.T) {
	good := Options{Slots: []int{1, 1}, Frames: 3, Ops: []string{"mu"}, Flags: []string{"P"}, Profile: model.Ideal()}
	for name, spoil := range map[string]func(*Options){
		"frames":    func(o *Options) { o.Frames = 1 },
		"slots":     func(o *Options) { o.Slots = []int{1} },
		"operation": func(o *Options) { o.Ops = []string{"no-such"} },
		"flags":     func(o *Options) { o.Flags = []string{"?"} },
		"memory":    func(o *Options) { o.Memory = []string{"f9 0 f1:P"} },
		"entry":     func(o *Options) { o.Memory = []string{"f1 0 f9:P"} },
		"start":     func(o *Options) { o.Memory = []string{"f1 0 f0:PW"} },
		"profile":   func(o *Options) { o.Profile = nil },
	} {
		o := good
		spoil(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
}
