package drive

import (
	"math/rand/v2"
	"testing"

	"github.com/ptcheck/ptcheck/model/explore"
)

// TestPlantedTargets plants mutants: a target takes those of what it drives, on the
// machines that have what is replaced, and finds them.
func TestPlantedTargets(t *testing.T) {
	for _, x := range []struct {
		target, mutant, system string // no system: refused
	}{
		{"FuzzNativeBoot", "B02", "native"}, {"FuzzXenBoot", "B41", "xen"},
		{"FuzzLife", "L15", "life-native"}, {"FuzzLife", "L04", "life-xen"}, {"FuzzLife", "L07", "life-smp"},
		{"FuzzHypercalls", "X43", "adversary"}, {"FuzzHypercalls", "X44-root", "adversary"},
		{"FuzzNativeBoot", "B41", ""}, {"FuzzXenBoot", "X43", ""}, {"FuzzLife", "B02", ""}, {"FuzzHypercalls", "B02", ""},
		{"FuzzXenBoot", "none", ""}, {"FuzzNothing", "", ""},
	} {
		d, err := Open(x.target, x.mutant)
		if (err == nil) != (x.system != "") {
			t.Errorf("%s, %s: %v", x.target, x.mutant, err)
		}
		if err != nil {
			continue
		}
		r := rand.New(rand.NewPCG(1, 9))
		found := false
		for range 50_000 {
			if found = d.Run(randomBytes(r, 81)).Kind != explore.Moved; found {
				break
			}
		}
		f, err := d.File()
		if err != nil {
			t.Fatal(err)
		}
		v, err := f.Verdict()
		if err != nil {
			t.Fatal(err)
		}
		if !found || f.System() != x.system || f.Mutant != x.mutant || !v.Fails() {
			t.Errorf("%s, %s: found %t, of %s: %v", x.target, x.mutant, found, f.System(), v)
		}
	}
}
