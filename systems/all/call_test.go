package all

import (
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/model"
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

// TestImpossibleScopes asks for systems that cannot be.
func TestImpossibleScopes(t *testing.T) {
	for _, x := range []struct {
		system string
		o      kernel.Options
		want   string
	}{
		{"vmi", kernel.Options{}, `"vmi"`},
		{"native", kernel.Options{Levels: []int{5}}, "no start-of-day state fits"},
		{"native", kernel.Options{Levels: []int{4}}, "no start-of-day state fits"},
		{"native", kernel.Options{Lowmem: 4}, "low memory"},
		{"native", kernel.Options{Lowmem: 100}, "low memory"},
		{"xen", kernel.Options{Lowmem: 4}, "low memory"},
		{"xen", kernel.Options{Lowmem: 25}, "low memory"},
		{"xen", kernel.Options{Profile: model.Ideal()}, "no start-of-day state fits"},
	} {
		if _, err := New(x.system, x.o); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s %+v: %v, want an error about %s", x.system, x.o, err, x.want)
		}
	}
	for _, x := range []struct {
		system string
		o      kernel.Options
	}{{"native", kernel.Options{Lowmem: 12}}, {"native", kernel.Options{Lowmem: 8}}, {"xen", kernel.Options{Levels: []int{3}, Lowmem: 20}}, {"xen", kernel.Options{Profile: model.Xen31()}}} {
		if _, err := New(x.system, x.o); err != nil {
			t.Errorf("%s %+v: %v", x.system, x.o, err)
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
