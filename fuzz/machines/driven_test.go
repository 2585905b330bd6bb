package machines

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/traces/emulator"
)

// driven returns the kernels to run and how, or skips the test and says why.
func driven(t *testing.T) (map[string]*emulator.Kernel, Options) {
	t.Helper()
	runner, dir := os.Getenv("PTCHECK_RUNNER"), os.Getenv("PTCHECK_KERNELS")
	if runner == "" || dir == "" {
		t.Skip("SKIPPED, NO KERNEL WAS RUN: PTCHECK_RUNNER and PTCHECK_KERNELS name ptcheck-run and a folder of kernels (.ci/driven sets them)")
	}
	kernels := map[string]*emulator.Kernel{}
	for _, name := range []string{"amd64", "686", "686-pae"} {
		k, err := emulator.Open(filepath.Join(dir, name), "")
		if err != nil {
			t.Fatal(err)
		}
		kernels[name] = k
	}
	return kernels, Options{Runner: runner, Library: os.Getenv("PTCHECK_UNICORN"), Timeout: time.Minute}
}

// TestDrivenAlike: the search tells the same whatever the number of workers, and the same machine
// gives the same recording in another process.
func TestDrivenAlike(t *testing.T) {
	kernels, o := driven(t)
	for name, k := range kernels {
		var told [2][]string
		for i, workers := range []int{1, 3} {
			s := &Search{Kernel: k, Options: o, Seed: 40, Cases: 6, Workers: workers}
			tally, err := s.Run(context.Background(), func(f Finding) { told[i] = append(told[i], f.Problem.Rule) }, func(Progress) {})
			if err != nil || tally.Cases != 6 || tally.Distinct < 3 {
				t.Fatalf("%s: %+v, %v", name, tally, err)
			}
			if len(told[i]) != 0 {
				t.Errorf("%s: findings on a sound kernel: %v", name, told[i])
			}
		}
		m := Draw(BoundsOf(k, 4), 1, 3)
		var digests [2]string
		for i := range digests {
			sub, err := Start(context.Background(), k, o)
			if err != nil {
				t.Fatal(err)
			}
			if i == 1 { // whatever was run before
				if _, err := sub.Try(Draw(sub.Bounds, 2, 8)); err != nil {
					t.Fatal(err)
				}
			}
			out, err := sub.Try(m)
			if err != nil {
				t.Fatal(err)
			}
			digests[i] = out.RecordingDigest()
			sub.Close()
		}
		if digests[0] != digests[1] {
			t.Errorf("%s: two recordings of the same machine", name)
		}
	}
}

// TestDrivenWhole: what is run once for machines with the same processor gives what running each
// from its beginning gives, to the byte.
func TestDrivenWhole(t *testing.T) {
	kernels, o := driven(t)
	for name, k := range kernels {
		var digests [2][]string
		for i, whole := range []bool{false, true} {
			o := o
			o.Whole = whole
			sub, err := Start(context.Background(), k, o)
			if err != nil {
				t.Fatal(err)
			}
			for n := range 4 {
				out, err := sub.Try(Draw(sub.Bounds, 11, n*7))
				if err != nil {
					t.Fatal(err)
				}
				digests[i] = append(digests[i], out.RecordingDigest())
			}
			sub.Close()
		}
		if !slices.Equal(digests[0], digests[1]) {
			t.Errorf("%s: the recordings differ", name)
		}
	}
}

// TestDrivenFinding: a planted bug is found by drawing, made small, saved, and the file replays.
func TestDrivenFinding(t *testing.T) {
	kernels, o := driven(t)
	k, err := Plant(kernels["686"], "K09")
	if err != nil {
		t.Fatal(err)
	}
	var first *Finding
	s := &Search{Kernel: k, Options: o, Seed: 1, Cases: 12, Workers: 2, Tries: 60}
	if _, err := s.Run(context.Background(), func(f Finding) {
		if first == nil && f.Problem.Rule == ruleFit {
			first = &f
		}
	}, func(Progress) {}); err != nil {
		t.Fatal(err)
	}
	if first == nil {
		t.Fatal("the bug is not found")
	}
	if first.Tries == 0 || len(first.Machine.Map) > 3 {
		t.Errorf("it was not made small:\n%s", first.Machine.AppendText(nil))
	}
	file := FileOf(first, k, "")
	sub, err := Start(context.Background(), k, o)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	out, err := sub.Try(&file.Machine)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Replay(out); err != nil {
		t.Error(err)
	}
}
