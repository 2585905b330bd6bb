package kernel_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/xen"
)

// read makes a scenario of its text.
func read(t *testing.T, b *kernel.Backend, text string, bug func(*hooks.Ops, *hooks.Funcs)) systems.Scenario {
	t.Helper()
	f, err := script.Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	x, err := b.Read(f, systems.Change{Kernel: bug})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// ends is how a scenario ends, with its place.
func ends(t *testing.T, x systems.Scenario) systems.Verdict {
	t.Helper()
	p, err := x.Play(systems.PlayOptions{Lenient: true, Place: true})
	if err != nil {
		t.Fatal(err)
	}
	return p.Verdict
}

// shrunk is the smallest scenario that ends as one does. It reads back as it is.
func shrunk(t *testing.T, b *kernel.Backend, x systems.Scenario, bug func(*hooks.Ops, *hooks.Funcs)) systems.Scenario {
	t.Helper()
	want := ends(t, x)
	small, how, err := x.Shrink(want, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := ends(t, small); !how.Minimal || how.From != x.Len() || how.To != small.Len() || got != want {
		t.Errorf("%s: %+v, ends in %v, want %v", x.Body(), how, got, want)
	}
	back := read(t, b, string(small.Body()), bug)
	if got := ends(t, back); got != want || !bytes.Equal(back.Body(), small.Body()) {
		t.Errorf("%s: reads back as %s, ends in %v, want %v", small.Body(), back.Body(), got, want)
	}
	return small
}

// Bugs to plant.
func keepsLeaves(_ *hooks.Ops, f *hooks.Funcs) {
	f.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
		if !k.Read(pte).Is(model.Present) {
			hooks.MapPage(k, pte, pfn)
		}
	}
}

func neverZaps(_ *hooks.Ops, f *hooks.Funcs) { f.ZapLowMappings = func(*hooks.Kernel) {} }

func writesTables(o *hooks.Ops, _ *hooks.Funcs) { o.SetPTE[model.VariantInit] = xen.SetPTE }

func neverWritable(o *hooks.Ops, _ *hooks.Funcs) {
	o.SetPTE[model.VariantInit] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) { xen.SetPTE(k, ptep, pte&^model.RW) }
}

// TestShrinkMachines shrinks scenarios on drawn and odd machines, those of real size
// among them, and on families with bounds: the same goes wrong, on a start of day that
// is simpler or the same.
func TestShrinkMachines(t *testing.T) {
	const lowmem = "setup_start\nrange fixmap\nmap_all\nsetup_done\nload_root\n"
	for _, x := range []struct {
		b     *kernel.Backend
		bug   func(*hooks.Ops, *hooks.Funcs)
		start string
		calls string
		want  int // calls that are left
	}{
		{boot.Native(), keepsLeaves, "drawn-native-real-2-1.0.0.1.0.3.1.2.0.1", "setup_start\nmap_lowmem f3\n", 2},
		{boot.Native(), neverZaps, "drawn-native-tiny-3-1.1.1.1.2", lowmem + "zap\n", 6},
		{boot.Xen(), writesTables, "drawn-xen-real-3-0.1.2.3.1.5", "setup_start\nmap_all\n", 2},
		{boot.Native(), keepsLeaves, "odd-3", "setup_start\nmap_lowmem f3\n", 2},
	} {
		written := read(t, x.b, "system "+x.b.Name+"\nstart "+x.start+"\n"+x.calls, x.bug)
		if sound := written.With(systems.Change{}); !ends(t, written).Fails() || ends(t, sound).Fails() {
			t.Errorf("%s: ends in %v, without the bug in %v", x.start, ends(t, written), ends(t, sound))
			continue
		}
		if small := shrunk(t, x.b, written, x.bug); small.Len() > x.want {
			t.Errorf("%s: shrunk to\n%s", x.start, small.Body())
		}
	}
	bounded := read(t, boot.Xen(), "system xen\nscope lowmem 20\nscope stale 6\nstart 3level-xen-3.1-20f-16mapped-6stale-nx\nsetup_start\nrange fixmap\nmap_all\n", writesTables)
	if small := shrunk(t, boot.Xen(), bounded, writesTables); small.Len() != 2 || strings.Contains(string(small.Body()), "scope") {
		t.Errorf("with bounds: shrunk to\n%s", small.Body())
	}
}

// TestSamePlace holds that shrinking stays with the function that dies: another one dies
// as well, in scenarios that are shorter.
func TestSamePlace(t *testing.T) {
	const scenario = "system xen\nstart 4level-xen-4.17-16f-16mapped-1stale-wide\nsetup_start\nmap_all\nmap_lowmem f3\nrange fixmap\n"
	x := read(t, boot.Xen(), scenario, neverWritable)
	small := shrunk(t, boot.Xen(), x, neverWritable)
	if got := ends(t, x); got.Place != "hooks.OneMDTableInit" {
		t.Errorf("ends in %v", got)
	}
	other := read(t, boot.Xen(), "system xen\nstart 2level-xen-3.1-12f-8mapped-2stale\nsetup_start\nmap_all\n", neverWritable)
	if a, b := ends(t, x), ends(t, other); a == b || !a.Meets(b.Anywhere()) || small.Len() < other.Len() {
		t.Errorf("%v and %v: want another function that dies the same way", a, b)
	}
}

// TestNothingToShrink: what does not end as it should cannot be shrunk.
func TestNothingToShrink(t *testing.T) {
	x := read(t, boot.Native(), "system native\nstart 2level-8f\nsetup_start\n", nil)
	if small, how, err := x.Shrink(systems.Verdict{Kind: explore.Violated, What: "leaf-rewritten"}, 0); err == nil {
		t.Errorf("%s, %+v", small.Body(), how)
	}
}
