package kernel_test

import (
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// TestCallText writes and reads every kind of call.
func TestCallText(t *testing.T) {
	for _, x := range []struct {
		call kernel.Call
		text string
	}{
		{kernel.Call{Kind: model.CallSetupStart}, "setup_start"},
		{kernel.Call{Kind: model.CallMap, Arg: 12}, "map_lowmem f12"},
		{kernel.Call{Kind: model.CallRange, Arg: kernel.RangeFixmap}, "range fixmap"},
		{kernel.Call{Kind: model.CallRange, Arg: kernel.RangePkmap}, "range pkmap"},
		{kernel.Call{Kind: model.CallFixmap, Arg: 2}, "fixmap 2"},
		{kernel.Call{Kind: model.CallAlias, Arg: 3}, "alias 3"},
		{kernel.Call{Kind: model.CallSetupDone}, "setup_done"},
		{kernel.Call{Kind: model.CallLoadRoot}, "load_root"},
		{kernel.Call{Kind: model.CallZap}, "zap"},
		{kernel.Call{Kind: model.CallPgdAlloc}, "pgd_alloc"},
		{kernel.Call{Kind: model.CallActivate}, "activate"},
		{kernel.Call{Kind: model.CallSwitch, Arg: 0}, "switch kernel"},
		{kernel.Call{Kind: model.CallSwitch, Arg: 1}, "switch second"},
	} {
		if got := x.call.String(); got != x.text {
			t.Errorf("%+v is %q, want %q", x.call, got, x.text)
		}
		if got, err := kernel.ParseCall("  " + x.text + " "); err != nil || got != x.call {
			t.Errorf("%q reads as %+v, %v; want %+v", x.text, got, err, x.call)
		}
		if got := kernel.CallOf(x.call.Code()); got != x.call {
			t.Errorf("code %#x is %+v, want %+v", x.call.Code(), got, x.call)
		}
	}
	for _, text := range []string{"", "none", "map_lowmem", "map_lowmem 3", "map_lowmem fx", "map_lowmem f-1", "map_lowmem f4294967296",
		"range", "range all", "fixmap", "fixmap f2", "alias 65536", "switch", "switch third", "zap now", "setup_start 1", "frobnicate"} {
		if c, err := kernel.ParseCall(text); err == nil {
			t.Errorf("%q reads as %+v", text, c)
		}
	}
}

// TestBothText writes and reads calls of the other processor and calls side by side.
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

// TestRefusalText writes and reads calls of which a hypercall is refused.
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

// TestKindOf holds the short cut against the whole.
func TestKindOf(t *testing.T) {
	for _, c := range []kernel.Call{
		{Kind: model.CallMap, Arg: kernel.AllLeaves}, {Kind: model.CallZap, CPU: 1}, {Kind: model.CallSwitch, Arg: 1},
		{Kind: model.CallMap, Arg: 3, Beside: kernel.Half{Kind: model.CallZap, Arg: 0}}, {Kind: model.CallExit, Beside: kernel.Half{Kind: model.CallMap, Arg: 200}},
	} {
		if k, two := kernel.KindOf(c.Code()); k != c.Kind || two != (c.Beside.Kind != model.CallNone) {
			t.Errorf("%v: %v, %t", c, k, two)
		}
	}
}
