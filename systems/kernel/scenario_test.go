package kernel_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/life"
)

// TestReadErrors wants mistakes in a scenario named with their place.
func TestReadErrors(t *testing.T) {
	for _, x := range []struct {
		b          *kernel.Backend
		text, want string
	}{
		{boot.Native(), "system native\n", `f:1:1: no start of day: want a line "start NAME"`},
		{boot.Native(), "", `f:1:1: no start of day`},
		{boot.Native(), "system native\n zap\n", `f:2:2: zap comes before the line "start NAME"`},
		{boot.Native(), "start 2level-8f\nscope lowmem 12\n", `f:2:1: scope comes after the line "start NAME"`},
		{boot.Native(), "scope highmem 1\nstart 2level-8f\n", `f:1:1: no bound is named "highmem"; there are lowmem, stale, budget`},
		{boot.Native(), "scope lowmem 9\nscope lowmem 9\nstart 2level-9f\n", `f:2:1: scope lowmem is there twice`},
		{boot.Native(), "scope lowmem 0\nstart 2level-8f\n", `f:1:1: scope lowmem 0: want 1 to 65536`},
		{boot.Native(), "scope lowmem 99999999999\nstart 2level-8f\n", `f:1:1: scope lowmem 99999999999: want 1 to 65536`},
		{boot.Native(), "scope lowmem 40\nstart 2level-8f\n", `f:2:1: system native: 40 frames of low memory`},
		{boot.Native(), "shape 4 4\nstart 2level-8f\n", `f:1:1: shape means nothing to a kernel`},
		{boot.Native(), "start 2level-8f\nprofile ideal\n", `f:2:1: profile comes after`},
		{boot.Native(), "start 2level-9\n", `f:1:1: system native has no start of day named "2level-9"`},
		{boot.Native(), "start 2level-8f\nsetup_start\nmu f1 0 0\n", `f:3:1: "mu" is no call of a kernel`},
		{boot.Native(), "start 2level-8f\nrange all\n", `f:2:1: range: want fixmap or pkmap, not "all"`},
		{boot.Native(), "start drawn-xen-tiny-2-0\n", `f:1:1: system `},
		{boot.Xen(), "start drawn-native-tiny-2-0\n", `f:1:1: system `},
		{boot.Xen(), "start drawn-xen-tiny-2-0.0\n", `f:1:1: system `},
		{boot.Xen(), "start drawn-xen-huge-2-0\n", `f:1:1: system `},
		{boot.Xen(), "start 2level-8f\n", `f:1:1: system xen has no start of day`},
		{life.Both(), "start drawn-xen-tiny-2-0\n", `f:1:1: system life has no start of day`},
		{boot.Buffer(), "start odd-1\n", `f:1:1: system buffer has no start of day`},
	} {
		f, err := script.Parse("f", []byte(x.text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.b.Read(f, systems.Change{})
		var at *script.Error
		if !errors.As(err, &at) || !strings.HasPrefix(err.Error(), x.want) {
			t.Errorf("%q: %v, %v, want %s", x.text, got, err, x.want)
		}
	}
}

// TestPlayErrors wants calls that cannot be made named with their place, and a lenient
// run to leave them out.
func TestPlayErrors(t *testing.T) {
	for _, x := range []struct {
		b          *kernel.Backend
		text, want string
		early      bool // the error is that more follows after something has gone wrong
		made       int  // calls of a lenient run
	}{
		{boot.Native(), "start 2level-8f\nsetup_start\n  setup_start\nzap\nmap_all\n", `f:3:3: the protocol does not allow "setup_start" here`, false, 2},
		{boot.Native(), "start 2level-8f\nsetup_start\nmap_lowmem f3\nmap_all\n", "f:4:1: a call has gone wrong before this one", true, 2},
		{boot.Xen(), "start 2level-xen-3.1-8f-8mapped-8stale\nrefuse 1 setup_start\nmap_all\n", "f:3:1: the kernel has stopped before this call, because of a refusal or for want of memory", false, 1},
		{life.SMP(), "start 2level-racevm-native-smp\nmm_alloc\nboth mm_alloc zap 0\n", `f:3:1: the protocol does not allow "both mm_alloc zap 0" here`, false, 1},
	} {
		s := read(t, x.b, x.text, keepsLeaves)
		for _, o := range []systems.PlayOptions{{}, {Report: true}, {Watch: new(watcher)}} {
			_, err := s.Play(o)
			var at *script.Error
			var early *systems.EarlyError
			if !errors.As(err, &at) || err.Error() != x.want || errors.As(err, &early) != x.early {
				t.Errorf("%q: %v, want %s", x.text, err, x.want)
			}
		}
		p, err := s.Play(systems.PlayOptions{Lenient: true})
		if err != nil || len(p.Answers) != 1+x.made {
			t.Errorf("%q: %+v, %v, want %d calls", x.text, p, err, x.made)
		}
	}
}

// TestOnly leaves operations out; those that stay keep their lines.
func TestOnly(t *testing.T) {
	s := read(t, boot.Native(), "system native\nstart 2level-8f\nsetup_start\nrange fixmap\nmap_all\n", nil)
	only, err := s.Only([]int{0, 2})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(only.Body()); got != "system native\nstart 2level-8f\nsetup_start\nmap_all\n" || only.Len() != 2 || s.Len() != 3 {
		t.Errorf("%q of %d, %d are left", got, only.Len(), s.Len())
	}
	p, err := only.Play(systems.PlayOptions{})
	if err != nil || p.Answers[len(p.Answers)-1].Line != 5 {
		t.Errorf("%+v, %v", p, err)
	}
}
