package system

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/script"
)

// linearAt is a table with a slot that names a table of its own level, under Xen
// 4.17, with releases that are interrupted.
func linearAt(slot string) HostileOptions {
	return HostileOptions{Slots: []int{2, 1}, Frames: 5, Flags: []string{"P"}, Interrupts: 2, Profile: model.Xen417(),
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
		h, err := NewHostile(linearAt(c.slot))
		if err != nil {
			t.Fatal(err)
		}
		r := searchHostile(t, h, 5)
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
		if rep, err := h.Explain(f.Path, int(f.Rule)); err != nil || len(rep.Calls) != 5 {
			t.Errorf("not explained: %v", err)
		}
	}
}

func searchHostile(t *testing.T, h *Hostile, depth int) explore.Result {
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

// everything is a guest with every operation that one processor can make.
func everything() HostileOptions {
	o := HostileOptions{Slots: []int{2, 2, 1}, Frames: 5, Flags: []string{"P", "PW"}, Interrupts: 2, StaleTLB: true, Profile: model.Xen417(),
		Wide: true, Memory: []string{"f2 0 f4:PW", "f3 0 f1:P"}, Words: []string{"0x8f0000000000"}}
	for _, op := range hostileOps {
		o.Ops = append(o.Ops, op.name)
	}
	o.Extra = []model.ExtraKind{model.SharedInfo, model.XenOwned}
	return o
}

// TestHostileStatesPack walks at random and checks that a packed state comes back
// as it was, that operations from it do the same again, and that every operation
// is granted somewhere, those aside that a right hypervisor always refuses.
func TestHostileStatesPack(t *testing.T) {
	h, err := NewHostile(everything())
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
				op := rng.IntN(len(hostileOps))
				same := slices.DeleteFunc(calls, func(c uint64) bool { return int(c>>24) != op })
				c = same[rng.IntN(len(same))]
			}
			before := m.Encode(nil)
			first := m.Apply(c)
			after := m.Encode(nil)
			if m.last == model.OK {
				granted[hostileOps[c>>24].name] = true
			}
			m.Decode(before)
			if got := m.Encode(nil); !bytes.Equal(got, before) {
				t.Fatalf("%s: packed %x, again %x", h.OpText(c), before, got)
			}
			if again := m.Apply(c); again != first || !bytes.Equal(m.Encode(nil), after) {
				t.Fatalf("%s: %v, then %v after unpacking", h.OpText(c), first, again)
			}
			if first.Kind == explore.Violated || m.CheckState().Kind == explore.Violated {
				break // the reference that Xen loses
			}
			m.Decode(after)
		}
	}
	for _, op := range hostileOps {
		refused := slices.Contains([]string{"uva-wild", "unlend-device", "grant-pte", "result"}, op.name)
		if granted[op.name] == refused {
			t.Errorf("%s: granted %v", op.name, granted[op.name])
		}
	}
}

// TestHostileAllocatesNothing issues operations without one allocation, races
// aside.
func TestHostileAllocatesNothing(t *testing.T) {
	o := everything()
	o.Ops = []string{"mu", "uva", "touch", "pin", "unpin", "cr3", "gdt", "flush", "release", "obtain"}
	h, err := NewHostile(o)
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

// TestHostileRefusesNonsense checks the messages for bad bounds.
func TestHostileRefusesNonsense(t *testing.T) {
	good := HostileOptions{Slots: []int{1, 1}, Frames: 3, Ops: []string{"mu"}, Flags: []string{"P"}, Profile: model.Ideal()}
	for name, spoil := range map[string]func(*HostileOptions){
		"frames":    func(o *HostileOptions) { o.Frames = 1 },
		"slots":     func(o *HostileOptions) { o.Slots = []int{1} },
		"operation": func(o *HostileOptions) { o.Ops = []string{"no-such"} },
		"flags":     func(o *HostileOptions) { o.Flags = []string{"?"} },
		"memory":    func(o *HostileOptions) { o.Memory = []string{"f9 0 f1:P"} },
		"entry":     func(o *HostileOptions) { o.Memory = []string{"f1 0 f9:P"} },
		"start":     func(o *HostileOptions) { o.Memory = []string{"f1 0 f0:PW"} },
		"profile":   func(o *HostileOptions) { o.Profile = nil },
	} {
		o := good
		spoil(&o)
		if _, err := NewHostile(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := NewHostile(good); err != nil {
		t.Error(err)
	}
}

// TestHostileScenarios writes a finding as a scenario and plays it; a race does the
// same there as in the search.
func TestHostileScenarios(t *testing.T) {
	h, err := NewHostile(linearAt("0"))
	if err != nil {
		t.Fatal(err)
	}
	f := searchHostile(t, h, 5).Findings[0]
	play, err := playHostile(t, h.Scenario(f.Path, "found"))
	if err != nil || play.Finding == nil || play.Finding.Rule != "counts-agree" {
		t.Errorf("%v, %+v", err, play)
	}
	o := HostileOptions{Slots: []int{1, 1}, Frames: 3, Memory: []string{"f1 0 f2:PW"}, StaleTLB: true, Profile: model.Xen417(),
		Ops: []string{"uva"}, Flags: []string{"PW"}, Stopped: []string{"pin"}, Beside: []string{"uva", "touch"}, BesideLen: 2}
	if h, err = NewHostile(o); err != nil {
		t.Fatal(err)
	}
	m, err := h.NewModel()
	if err != nil {
		t.Fatal(err)
	}
	races := 0
	for _, c := range m.Calls(nil) {
		if m.Apply(c).Kind == explore.Moved {
			play, err := playHostile(t, h.Scenario([]uint64{c}, "any"))
			if err != nil || play.Answers[len(play.Answers)-1].Text != m.last.String() {
				t.Fatalf("%s: %v, %+v, want %v", m.OpText(c), err, play, m.last)
			}
			races += int(c >> raceBit)
		}
		m.Restore()
	}
	if races == 0 {
		t.Error("no race")
	}
}

func playHostile(t *testing.T, text []byte) (*AdversaryPlay, error) {
	t.Helper()
	f, err := script.Parse("found.pt", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return RunHostile(f, model.Mutant{})
}
