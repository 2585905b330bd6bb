package all

import (
	"context"
	"testing"

	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/xen"
)

func TestBothText(t *testing.T) {
	for _, x := range []struct {
		call kernel.Call
		text string
	}{
		{kernel.Call{Kind: model.CallZap, CPU: 1}, "cpu1 zap"},
		{kernel.Call{Kind: model.CallSwitch, Arg: 1, CPU: 1}, "cpu1 switch:second"},
		{kernel.Call{Kind: model.CallExit, Beside: kernel.Half{Kind: model.CallZap}}, "both exit zap 0"},
		{kernel.Call{Kind: model.CallAlias, Arg: 3, Beside: kernel.Half{Kind: model.CallSwitch, Arg: 1},
			Sched: model.Schedule{First: 1, Points: [...]uint8{5, 127, 1, 2}}}, "both alias:3 switch:second 1.5.127.1.2"},
	} {
		if got := x.call.String(); got != x.text {
			t.Errorf("%+v is %q, want %q", x.call, got, x.text)
		}
		if got, err := kernel.ParseCall(x.text); err != nil || got != x.call {
			t.Errorf("%q is %+v (%v), want %+v", x.text, got, err, x.call)
		}
		if got := kernel.CallOf(x.call.Code()); got != x.call {
			t.Errorf("%+v comes back as %+v", x.call, got)
		}
		if op, err := script.ParseLine(x.text); err != nil || op.Op.String() != x.text {
			t.Errorf("%q is no line of a script: %v", x.text, err)
		}
	}
	for _, text := range []string{
		"both", "both zap zap", "both zap zap 2", "both zap zap 0.0", "both zap zap 0.128", "both zap zap 0.1.1.1.1.1",
		"both zap zap 0.+1", "both map_all zap 0", "both nothing zap 0", "cpu1", "cpu1 nothing", "both both zap 0",
	} {
		if c, err := kernel.ParseCall(text); err == nil {
			t.Errorf("%q is %+v, want an error", text, c)
		}
	}
}

// fixmapRace is a booted Xen guest with two processors, each of which may change a
// fixmap entry.
func fixmapRace(t *testing.T, preemptions int, patch func(*hooks.Ops, *hooks.Funcs)) *kernel.System {
	t.Helper()
	base, err := New("xen", kernel.Options{Levels: []int{3}})
	if err != nil {
		t.Fatal(err)
	}
	k := hooks.New(model.NewMachine(base.Inits[0].State), &base.Ops)
	if died := k.M.Run(func() { hooks.PagingInit(k) }); died != nil {
		t.Fatal(died)
	}
	two, rc := k.M.State.TwoProcessors()
	if rc != model.OK {
		t.Fatal(rc)
	}
	s := &kernel.System{Name: "fixmap-race", Inits: []kernel.Init{{Name: "booted", State: two}}}
	s.Enabled = func(dst []uint64, _ *model.State) []uint64 {
		return append(dst, kernel.Call{Kind: model.CallFixmap, Arg: kernel.FixOwn, CPU: 1}.Code())
	}
	s.Pairs = func(dst []kernel.Call, _ *model.State) []kernel.Call {
		return append(dst, kernel.Call{Kind: model.CallFixmap, Arg: kernel.FixOwn, Beside: kernel.Half{Kind: model.CallFixmap, Arg: kernel.FixOwn}})
	}
	ops := xen.Ops()
	if s, err = kernel.Finish(s, ops, kernel.Options{Patch: patch, Preemptions: preemptions}); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestInterleavedCalls searches two processors that write the same fixmap entry.
// That is harmless; with a set_pte that clears the entry first, one can end without
// its mapping: it is preempted after its write, and the other after its clearing.
func TestInterleavedCalls(t *testing.T) {
	clearFirst := func(o *hooks.Ops, _ *hooks.Funcs) {
		o.SetPTE[model.VariantLate] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
			xen.SetPTE(k, ptep, 0)
			xen.SetPTE(k, ptep, pte)
		}
	}
	for _, x := range []struct {
		preemptions int
		patch       func(*hooks.Ops, *hooks.Funcs)
		rule        string
	}{
		{0, nil, ""}, {2, nil, ""}, {1, clearFirst, ""}, {2, clearFirst, "fixmap-lands"},
	} {
		s := fixmapRace(t, x.preemptions, x.patch)
		r, err := explore.Run(context.Background(), func() explore.Model { return s.NewModel() }, explore.Options{Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		rule := ""
		for _, f := range r.Findings {
			rule, _ = replayed(s, f)
		}
		if rule != x.rule || !r.Complete && x.rule == "" {
			t.Errorf("%d preemptions, changed %v: %q by %+v (complete %v, %d transitions), want %q", x.preemptions, x.patch != nil, rule, r.Findings, r.Complete, r.Transitions, x.rule)
		}
	}
}
