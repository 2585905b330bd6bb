package trial

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/systems/drawn"
)

// TestDrawnMachines shrinks scenarios on drawn machines, those of real size among
// them: the same goes wrong, on a machine that is smaller or the same, and the
// text reads back.
func TestDrawnMachines(t *testing.T) {
	const lowmem = "setup_start\nrange fixmap\nmap_all\nsetup_done\nload_root\n"
	for _, x := range []struct{ mutant, system, start, calls string }{
		{"B02", "native", "drawn-native-real-2-1.0.0.1.0.3.1.2.0.1", "setup_start\nmap_lowmem f3\n"},
		{"no-zap", "native", "drawn-native-tiny-3-1.1.1.1.2", lowmem + "zap\n"},
		{"B41", "xen", "drawn-xen-tiny-3-1.1.2.1.3.4.5.6.7.8.9", "setup_start\n"},
		{"B08", "xen", "drawn-xen-real-3-0.1.2.3.1.5", "setup_start\nmap_all\n"},
	} {
		src := fmt.Sprintf("mutant %s\nsystem %s\nstart %s\n%s", x.mutant, x.system, x.start, x.calls)
		tr, err := Parse("f", []byte(src))
		if err != nil {
			t.Errorf("%s: %v", x.start, err)
			continue
		}
		if text, err := tr.Text(); err != nil || string(text) != src {
			t.Errorf("%s comes back as\n%s%v", src, text, err)
		}
		want := tr.Run()
		if v := tr.RunSound(); !want.Fails() || v.Fails() {
			t.Errorf("%s: ends in %q, without the mutant in %q", x.start, want, v)
			continue
		}
		small, how, err := tr.Shrink(0)
		if err != nil || !how.Minimal || small.Run() != want {
			t.Errorf("%s: %+v, %v", x.start, how, err)
			continue
		}
		a, b := small.what.(*bootScenario), tr.what.(*bootScenario)
		if small.Len() == tr.Len() && b.world.CompareScopes(a.scope, b.scope) > 0 {
			t.Errorf("%s: shrunk to a larger start of day", x.start)
		}
		text, _ := small.Text()
		if back, err := Parse("f", text); err != nil || back.Run() != want {
			t.Errorf("%v:\n%s", err, text)
		}
	}
}

// TestSimplerMachines holds that shrinking comes to an end: every simpler machine
// stands before the one that it comes from.
func TestSimplerMachines(t *testing.T) {
	const start = "drawn-xen-tiny-4-3.0.7.1.25"
	simpler := simplerMachines(bootScope{drawn: start})
	if len(simpler) < 8 {
		t.Errorf("only %d simpler machines", len(simpler))
	}
	for _, s := range simpler {
		if compareMachines(s.drawn, start) >= 0 || compareMachines(start, s.drawn) <= 0 {
			t.Errorf("%s does not stand before %s", s.drawn, start)
		}
		if k, _, err := drawn.Parse(s.drawn); err != nil || k.Levels != 4 {
			t.Errorf("%s: %v", s.drawn, err)
		}
	}
	if compareMachines("", start) >= 0 || compareMachines(start, start) != 0 || simplerMachines(bootScope{}) != nil {
		t.Error("members of the family do not come first")
	}
}

// TestNoSuchMachine wants errors, with their lines, for machines that do not exist
// or do not belong to the system.
func TestNoSuchMachine(t *testing.T) {
	for _, x := range [][2]string{
		{"native", "drawn-xen-tiny-2-0"}, {"xen", "drawn-native-tiny-2-0"}, {"life", "drawn-xen-tiny-2-0"},
		{"buffer", "drawn-native-tiny-2-0"}, {"xen", "drawn-xen-tiny-2-0.0"}, {"xen", "drawn-xen-huge-2-0"},
	} {
		_, err := Parse("f", []byte("system "+x[0]+"\nstart "+x[1]+"\nsetup_start\n"))
		if err == nil || !strings.HasPrefix(err.Error(), "f:2:") {
			t.Errorf("%v: %v", x, err)
		}
	}
}
