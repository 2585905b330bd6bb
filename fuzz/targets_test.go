package fuzz_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/ptcheck/ptcheck/fuzz/corpus"
	"github.com/ptcheck/ptcheck/fuzz/drive"
	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/internal/seeds"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/all"
)

// FuzzNativeBoot makes any calls of the boot protocol, in any order, on bare
// metal: no rule may be broken, and the kernel must live.
func FuzzNativeBoot(f *testing.F) { fuzzTarget(f, "FuzzNativeBoot") }

// FuzzXenBoot does the same under a hypervisor.
func FuzzXenBoot(f *testing.F) { fuzzTarget(f, "FuzzXenBoot") }

// FuzzLife begins behind the boot and goes on with address spaces.
func FuzzLife(f *testing.F) { fuzzTarget(f, "FuzzLife") }

// FuzzHypercalls is a hostile guest that issues any hypercalls: after each one the
// hypervisor's records must agree with a census of raw memory, no table may be
// mapped writable, and CR3 must name a validated root.
func FuzzHypercalls(f *testing.F) { fuzzTarget(f, "FuzzHypercalls") }

// FuzzHostile is a hostile guest in the scopes of system hyper, with all they have: races, grants,
// devices, interrupted audits.
func FuzzHostile(f *testing.F) { fuzzTarget(f, "FuzzHostile") }

// fuzzTarget fuzzes a target from the scenarios of the corpus. A worker is a
// process of its own, so that one target serves all its inputs. With the ID of a
// mutant in the environment variable PTCHECK_MUTANT it is planted, and the corpus,
// which holds the way to it, is left out: .ci/mutant-table measures with that.
func fuzzTarget(f *testing.F, name string) {
	mutant := os.Getenv("PTCHECK_MUTANT")
	target, err := drive.Open(name, mutant)
	if err != nil {
		f.Fatal(err)
	}
	seeds.Add(f, []byte{0, 1, 0, 2, 255, 3, 0})
	for _, t := range scenarios(f, mutant) {
		if seed, ok := target.Seed(t); ok {
			seeds.Add(f, seed)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if target.Run(data).Kind == explore.Moved {
			return
		}
		way, err := target.File()
		if err != nil {
			t.Fatal(err)
		}
		v, err := way.Verdict()
		t.Fatalf("%v, %v:\n%s\nfile it: go run ./cmd/ptcheck corpus import fuzz/testdata/fuzz/%s/HASH", v, err, way.Text(), name)
	})
}

// works reports whether this process is a worker: that is sent its inputs, also those to start
// from.
func works() bool {
	f := flag.Lookup("test.fuzzworker")
	return f != nil && f.Value.String() == "true"
}

// scenarios are those of the corpus, to start from; none with a mutant. What they are
// made of is all that is wanted, so that their own mutants, which take time to find, are
// planted only where nothing can be read without.
func scenarios(tb testing.TB, mutant string) []*systems.File {
	tb.Helper()
	if mutant != "" || works() || !seeds.Here() {
		return nil
	}
	sound, err := systems.NewSet(func(string, systems.About) (systems.Change, error) { return systems.Change{}, nil }, all.Systems()...)
	if err != nil {
		tb.Fatal(err)
	}
	planted, err := mutants.Set()
	if err != nil {
		tb.Fatal(err)
	}
	names, err := corpus.Files("corpus")
	if err != nil {
		tb.Fatal(err)
	}
	var out []*systems.File
	for _, n := range names {
		src, err := os.ReadFile(n)
		if err != nil {
			tb.Fatal(err)
		}
		f, err := sound.Parse(filepath.Base(n), src)
		if err != nil {
			f, err = planted.Parse(filepath.Base(n), src)
		}
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}
