package kernel_test

import (
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
	"github.com/ptcheck/ptcheck/systems/life"
	"github.com/ptcheck/ptcheck/xen"
)

// fixmapRace is a backend that has booted under Xen and has two processors, each of
// which may change a fixmap entry.
func fixmapRace(t *testing.T) *kernel.Backend {
	t.Helper()
	base, ops := kerneltest.New(t, boot.Xen(), kernel.Options{Levels: []int{3}}), xen.Ops()
	k := hooks.New(model.NewMachine(base.Inits[0].State), &ops)
	if died := k.M.Run(func() { hooks.PagingInit(k) }); died != nil {
		t.Fatal(died)
	}
	two, rc := k.M.State.TwoProcessors()
	if rc != model.OK {
		t.Fatal(rc)
	}
	b := &kernel.Backend{Name: "fixmap-race", Says: "two processors change a fixmap entry"}
	b.New = func(o kernel.Options) (*kernel.System, error) {
		s := &kernel.System{Name: b.Name, Inits: []kernel.Init{{Name: "booted", State: two}}}
		s.Enabled = func(dst []uint64, _ *model.State) []uint64 {
			return append(dst, kernel.Call{Kind: model.CallFixmap, Arg: kernel.FixOwn, CPU: 1}.Code())
		}
		s.Pairs = func(dst []kernel.Call, _ *model.State) []kernel.Call {
			return append(dst, kernel.Call{Kind: model.CallFixmap, Arg: kernel.FixOwn, Beside: kernel.Half{Kind: model.CallFixmap, Arg: kernel.FixOwn}})
		}
		return kernel.Finish(s, xen.Ops(), o)
	}
	return b
}

// clearsFirst plants a set_pte that clears an entry before it sets it.
func clearsFirst(o *hooks.Ops, _ *hooks.Funcs) {
	o.SetPTE[model.VariantLate] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		xen.SetPTE(k, ptep, 0)
		xen.SetPTE(k, ptep, pte)
	}
}

// TestInterleavedCalls searches two processors that write the same fixmap entry.
// That is harmless; with a set_pte that clears the entry first, one can end without
// its mapping: it is preempted after its write, and the other after its clearing.
func TestInterleavedCalls(t *testing.T) {
	race := fixmapRace(t)
	for _, x := range []struct {
		preemptions int
		change      systems.Change
		rule        string
	}{
		{0, systems.Change{}, ""}, {2, systems.Change{}, ""},
		{1, systems.Change{Kernel: clearsFirst}, ""}, {2, systems.Change{Kernel: clearsFirst}, "fixmap-lands"},
	} {
		s := kerneltest.New(t, race, kernel.Options{Change: x.change, Preemptions: x.preemptions})
		r := kerneltest.Search(t, s, 0)
		rule := ""
		for _, f := range r.Findings {
			rule, _ = kerneltest.Replay(s, f)
		}
		if rule != x.rule || !r.Complete && x.rule == "" {
			t.Errorf("%d preemptions, changed %v: %q by %+v (complete %v, %d transitions), want %q", x.preemptions, x.change.Kernel != nil, rule, r.Findings, r.Complete, r.Transitions, x.rule)
		}
	}
}

// TestAllowsPairs holds the question about one call side by side against the list of
// all: what is listed is allowed, a later preemption than the last that is listed is
// not, nor are other calls.
func TestAllowsPairs(t *testing.T) {
	s := kerneltest.New(t, life.SMP(), kernel.Options{Preemptions: 1, Levels: []int{2}})
	m, pairs := s.NewModel(), 0
	for _, at := range kerneltest.Wander(m, 3) {
		m.Decode(at.Packed)
		codes := m.Enabled(nil)
		for i, code := range codes {
			c := kernel.CallOf(code)
			if !m.Allows(c) {
				t.Fatalf("%v is listed and not allowed", c)
			}
			if c.Beside.Kind == model.CallNone {
				continue
			}
			pairs++
			if i+1 == len(codes) || kernel.CallOf(codes[i+1]).Sched.Points[0] == 0 { // the last of its schedules
				c.Sched.Points[0]++
				if m.Allows(c) {
					t.Fatalf("%v is allowed and not listed", c)
				}
			}
			c.Sched.Points[0], c.Sched.Points[1] = 1, 1
			if m.Allows(c) {
				t.Fatalf("%v: more preemptions than were asked for", c)
			}
			c.Beside.Kind = model.CallZap
			if m.Allows(c) {
				t.Fatalf("%v is allowed", c)
			}
		}
		if got := m.Encode(nil); !slices.Equal(got, at.Packed) {
			t.Fatal("asking changes the state")
		}
	}
	if pairs < 150 {
		t.Errorf("%d pairs only", pairs)
	}
}
