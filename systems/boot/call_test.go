package system

import (
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model"
)

// TestCallText writes and reads every kind of call.
func TestCallText(t *testing.T) {
	for _, x := range []struct {
		call Call
		text string
	}{
		{Call{Kind: model.CallSetupStart}, "setup_start"},
		{Call{Kind: model.CallMap, Arg: 12}, "map_lowmem f12"},
		{Call{Kind: model.CallRange, Arg: RangeFixmap}, "range fixmap"},
		{Call{Kind: model.CallRange, Arg: RangePkmap}, "range pkmap"},
		{Call{Kind: model.CallFixmap, Arg: 2}, "fixmap 2"},
		{Call{Kind: model.CallAlias, Arg: 3}, "alias 3"},
		{Call{Kind: model.CallSetupDone}, "setup_done"},
		{Call{Kind: model.CallLoadRoot}, "load_root"},
		{Call{Kind: model.CallZap}, "zap"},
		{Call{Kind: model.CallPgdAlloc}, "pgd_alloc"},
		{Call{Kind: model.CallActivate}, "activate"},
		{Call{Kind: model.CallSwitch, Arg: 0}, "switch kernel"},
		{Call{Kind: model.CallSwitch, Arg: 1}, "switch second"},
	} {
		if got := x.call.String(); got != x.text {
			t.Errorf("%+v is %q, want %q", x.call, got, x.text)
		}
		if got, err := ParseCall("  " + x.text + " "); err != nil || got != x.call {
			t.Errorf("%q reads as %+v, %v; want %+v", x.text, got, err, x.call)
		}
		if got := CallOf(x.call.Code()); got != x.call {
			t.Errorf("code %#x is %+v, want %+v", x.call.Code(), got, x.call)
		}
	}
	for _, text := range []string{"", "none", "map_lowmem", "map_lowmem 3", "map_lowmem fx", "map_lowmem f-1", "map_lowmem f4294967296",
		"range", "range all", "fixmap", "fixmap f2", "alias 65536", "switch", "switch third", "zap now", "setup_start 1", "frobnicate"} {
		if c, err := ParseCall(text); err == nil {
			t.Errorf("%q reads as %+v", text, c)
		}
	}
}

// TestImpossibleScopes asks for systems that cannot be.
func TestImpossibleScopes(t *testing.T) {
	for _, x := range []struct {
		system string
		o      Options
		want   string
	}{
		{"vmi", Options{}, `"vmi"`},
		{"native", Options{Levels: []int{5}}, "no start-of-day state fits"},
		{"native", Options{Levels: []int{4}}, "no start-of-day state fits"},
		{"native", Options{Lowmem: 4}, "low memory"},
		{"native", Options{Lowmem: 100}, "low memory"},
		{"xen", Options{Lowmem: 4}, "low memory"},
		{"xen", Options{Lowmem: 25}, "low memory"},
		{"xen", Options{Profile: model.Ideal()}, "no start-of-day state fits"},
	} {
		if _, err := New(x.system, x.o); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s %+v: %v, want an error about %s", x.system, x.o, err, x.want)
		}
	}
	for _, x := range []struct {
		system string
		o      Options
	}{{"native", Options{Lowmem: 12}}, {"native", Options{Lowmem: 8}}, {"xen", Options{Levels: []int{3}, Lowmem: 20}}, {"xen", Options{Profile: model.Xen31()}}} {
		if _, err := New(x.system, x.o); err != nil {
			t.Errorf("%s %+v: %v", x.system, x.o, err)
		}
	}
}

// TestKindOf holds the short cut against the whole.
func TestKindOf(t *testing.T) {
	for _, c := range []Call{
		{Kind: model.CallMap, Arg: AllLeaves}, {Kind: model.CallZap, CPU: 1}, {Kind: model.CallSwitch, Arg: 1},
		{Kind: model.CallMap, Arg: 3, Beside: Half{model.CallZap, 0}}, {Kind: model.CallExit, Beside: Half{model.CallMap, 200}},
	} {
		if k, two := KindOf(c.Code()); k != c.Kind || two != (c.Beside.Kind != model.CallNone) {
			t.Errorf("%v: %v, %t", c, k, two)
		}
	}
}
