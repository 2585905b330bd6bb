package xenlab

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

// These tests boot the real Xen, and skip where it cannot run.

var update = flag.Bool("update", false, "write new generated recordings of the real Xen")

const labDir = "../../testdata/xen-lab"

// xen returns what is needed to run Xen, or skips the test out loud.
func xen(t testing.TB) Options {
	t.Helper()
	tools, err := FindXen(context.Background())
	if missing := (*MissingError)(nil); errors.As(err, &missing) {
		t.Skipf("SKIPPED, NOTHING IS TESTED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return Options{Tools: tools}
}

func TestBuild(t *testing.T) {
	o := xen(t)
	for _, w := range []Width{Width64, Width32} {
		path, err := Build(t.Context(), o.Tools, w)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil || !bytes.HasPrefix(data, []byte("\x7fELF")) {
			t.Errorf("%s-bit guest: no ELF file: %v", w, err)
		}
		again, err := Build(t.Context(), o.Tools, w)
		if err != nil || again != path {
			t.Errorf("%s-bit guest: built again as %s: %v", w, again, err)
		}
	}
}

// TestRecordings replays the recorded scripts: the guest and Xen answer as
// they did when the recordings were made.
func TestRecordings(t *testing.T) {
	o := xen(t)
	for _, glob := range []string{"scenarios/table64.txt", "random/*.txt"} {
		paths, err := filepath.Glob(filepath.Join(labDir, glob))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no recordings %s: %v", glob, err)
		}
		for _, path := range longtest.Part(t, paths, 4) {
			replay(t, path, o)
		}
	}
}

// replay runs a script and compares all lines with the recording beside it.
func replay(t *testing.T, path string, o Options) {
	t.Helper()
	script, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(strings.TrimSuffix(path, ".txt") + ".out")
	if err != nil {
		t.Fatal(err)
	}
	rec, err := Run(t.Context(), script, o)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	compare(t, path, rec, want)
}

func compare(t *testing.T, path string, rec *Recording, recorded []byte) {
	t.Helper()
	want := strings.Split(strings.TrimSuffix(string(recorded), "\n"), "\n")
	for i, line := range rec.Lines {
		if i >= len(want) || line != want[i] {
			t.Fatalf("%s: line %d: got %q, want %q", path, i+1, line, want[min(i, len(want)-1)])
		}
	}
	if len(rec.Lines) != len(want) {
		t.Errorf("%s: %d lines, want %d", path, len(rec.Lines), len(want))
	}
}

// TestDomU replays what domains without privileges answered; with -update it asks
// anew. A Xen that shadows a guest instead of ending it goes on: what it says from
// there on is not recorded.
func TestDomU(t *testing.T) {
	longtest.Only(t)
	o := xen(t)
	paths, err := filepath.Glob(filepath.Join(labDir, "domu", "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		script, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := strings.Cut(string(script), "\n")
		of := o
		of.SetDomU(kind == "guest domU")
		rec, err := Run(t.Context(), script, of)
		if failure := (*Failure)(nil); err != nil && !(errors.As(err, &failure) && failure.Kind == GuestDied && rec.L1TF != "") {
			t.Errorf("%s: %v", path, err)
			continue
		}
		out := strings.TrimSuffix(path, ".txt") + ".out"
		if *update {
			if rec.L1TF != "" && err == nil {
				t.Errorf("%s: this Xen shadows the guest: %s", path, rec.L1TF)
				continue
			}
			if err := os.WriteFile(out, rec.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		recorded := &Recording{Lines: strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")}
		want, got := recorded.Answers(), rec.Answers()
		if rec.L1TF != "" {
			got = got[:min(len(got), len(want))]
		}
		if ended := recorded.last() != "END"; ended != (rec.L1TF != "") {
			t.Errorf("%s: Xen says %q; recorded is an end: %v", path, rec.L1TF, ended)
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: other answers", path)
		}
	}
}

// TestNo32 wants a Xen without 32-bit guests to be told, and what helps.
func TestNo32(t *testing.T) {
	o := xen(t)
	o.Width = Width32
	rec, err := Run(t.Context(), []byte("flush\n"), o)
	if missing := (*MissingError)(nil); errors.As(err, &missing) {
		if !strings.Contains(err.Error(), "CONFIG_PV32") || !strings.Contains(err.Error(), XenEnv) {
			t.Error(err)
		}
		return
	}
	if err != nil || len(rec.Answers()) != 1 {
		t.Errorf("%v, %v", rec, err)
	}
}

const (
	generatedSeeds = 12
	generatedOps   = 3000
)

// TestGenerated replays the generated recordings; with -update it makes them
// anew, with what Generate writes today.
func TestGenerated(t *testing.T) {
	o := xen(t)
	dir := filepath.Join(labDir, "generated")
	if *update {
		for seed := 1; seed <= generatedSeeds; seed++ {
			script := Generate(uint64(seed), generatedOps, Profile{})
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("g%d.txt", seed)), script, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(paths) < generatedSeeds {
		t.Fatalf("%d scripts in %s: %v", len(paths), dir, err)
	}
	if !*update {
		paths = longtest.Part(t, paths, 13)
	}
	scripts := make([][]byte, len(paths))
	for i, path := range paths {
		if scripts[i], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	recs, err := RunAll(t.Context(), scripts, min(2, runtime.NumCPU()), o)
	if err != nil {
		t.Fatal(err)
	}
	for i, rec := range recs {
		out := strings.TrimSuffix(paths[i], ".txt") + ".out"
		if *update {
			if err := os.WriteFile(out, rec.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, out, rec, want)
	}
}

// TestGeneratedScriptsRun wants every fresh script to run to its end, each of
// its lines to be understood, and the same answers twice.
func TestGeneratedScriptsRun(t *testing.T) {
	longtest.Only(t) // TestGenerated replays what Xen has answered to such a script
	o := xen(t)
	var scripts [][]byte
	for seed := range uint64(2) {
		script := Generate(1000+seed, 10000, Profile{})
		scripts = append(scripts, script, script)
	}
	recs, err := RunAll(t.Context(), scripts, 2, o)
	if err != nil {
		t.Fatal(err)
	}
	for i, rec := range recs {
		for _, l := range rec.Lines {
			if strings.HasSuffix(l, " syntax") {
				t.Errorf("the guest does not understand %q", l)
			}
		}
		if i%2 == 1 {
			compare(t, fmt.Sprintf("script %d, second time", i/2), rec, recs[i-1].Bytes())
		}
	}
}

func TestQuiet(t *testing.T) {
	o := xen(t)
	script := "pin 1 f0\nquiet 1\npin 1 f0\nquiet 2\nreset\npin 1 f0\ntypes\nreset\npin 5 f0\n"
	rec, err := Run(t.Context(), []byte(script), o)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(rec.Answers(), "\n")
	want := "R 1 pin 1 f0 = 0\nR 2 quiet 1 = 0\nR 3 = -EINVAL\nR 4 = 0\nQ 5 = 0; 0; f0=L1pin 0\nQ 8 = 0; -EINVAL"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestBigScript feeds a script of many megabytes in one boot.
func TestBigScript(t *testing.T) {
	longtest.Only(t)
	o := xen(t)
	line := "mu f1 511 f63:PWUAD\n"
	const n = 400000
	rec, err := Run(t.Context(), []byte("quiet 2\nreset\n"+strings.Repeat(line, n)+"reset\n"), o)
	if err != nil {
		t.Fatal(err)
	}
	answers := rec.Answers()
	if len(answers) != 3 || strings.Count(answers[1], "; 0") != n || !strings.HasSuffix(answers[2], "= 0") {
		t.Errorf("%d answers to %d operations", strings.Count(strings.Join(answers, "\n"), ";"), n)
	}
}

func TestRunFails(t *testing.T) {
	o := xen(t)
	o.Timeout = 20 * time.Second
	type failingRun struct {
		name, script string
		timeout      time.Duration
		want         FailureKind
	}
	for _, test := range longtest.Part(t, []failingRun{
		{"the guest's code is unmapped", "flush\nmu k1 1 0\nflush\n", 0, GuestDied},
		{"the guest's stack is unmapped", "flush\nmu k4 511 0\nflush\n", 0, GuestDied},
		{"no end", "flush\nbench null 1000000000\n", 4 * time.Second, TimedOut},
	}, 3) {
		if test.timeout > 0 {
			o.Timeout = test.timeout
		}
		rec, err := Run(t.Context(), []byte(test.script), o)
		var failure *Failure
		if !errors.As(err, &failure) || failure.Kind != test.want {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
			continue
		}
		if len(rec.Answers()) == 0 {
			t.Errorf("%s: no answers before the failure", test.name)
		}
	}
}

// TestRunBatch wants the answers of a batch to be those of single boots, also
// behind a script that kills the guest.
func TestRunBatch(t *testing.T) {
	o := xen(t)
	scripts := [][]byte{Generate(1, 300, Profile{}), []byte("flush\nmu k4 511 0\n"), Generate(2, 300, Profile{}), nil}
	results, boots, err := RunBatch(t.Context(), scripts, o)
	if err != nil {
		t.Fatal(err)
	}
	if boots != 2 {
		t.Errorf("%d boots, want 2", boots)
	}
	for i, r := range results {
		if (r.Err != nil) != (i == 1) {
			t.Errorf("script %d: %v", i, r.Err)
		}
	}
	for _, i := range longtest.Part(t, []int{2, 0}, 2) {
		rec, err := Run(t.Context(), scripts[i], o)
		if err != nil {
			t.Fatal(err)
		}
		got, want := strings.Join(results[i].Recording.Answers(), "\n"), strings.Join(rec.Answers(), "\n")
		if got != want {
			t.Errorf("script %d: a batch answers\n%s\na boot of its own\n%s", i, got, want)
		}
	}
}

// TestShrinkOnXen shrinks a generated script to one that still leaves a frame
// behind in Xen.
func TestShrinkOnXen(t *testing.T) {
	longtest.Only(t)
	o := xen(t)
	script := Generate(4, 400, Profile{})
	script = append(script, "reset\nflush\nmu f1 5 f9:PS\npin 1 f7\nmu f2 0 f1:PU\nflush\nmu f3 1 f2:P\npin 4 f3\ntypes\n"...)
	leaks := func(ctx context.Context, scripts [][]byte) ([]bool, error) {
		asked := make([][]byte, len(scripts))
		for i, s := range scripts {
			asked[i] = append(bytes.Clone(s), "reset\n"...)
		}
		results, _, err := RunBatch(ctx, asked, o)
		verdicts := make([]bool, len(scripts))
		for i, r := range results {
			answers := r.Recording.Answers()
			verdicts[i] = r.Err == nil && strings.HasSuffix(answers[len(answers)-1], "reset = 1")
		}
		return verdicts, err
	}
	got, err := Shrink(t.Context(), script, 30, leaks)
	if err != nil {
		t.Fatal(err)
	}
	want := "reset\nmu f1 5 f9:PS\nmu f2 0 f1:P\nmu f3 1 f2:P\npin 4 f3\n"
	if string(got.Script) != want {
		t.Errorf("after %d rounds: got\n%swant\n%s", got.Rounds, got.Script, want)
	}
	t.Logf("%d rounds", got.Rounds)
}

// BenchmarkRun reports how long a boot takes and how many generated operations
// are answered per second after it.
func BenchmarkRun(b *testing.B) {
	o := xen(b)
	const ops = 25000
	script := Generate(99, ops, Profile{})
	var timing Timing
	for b.Loop() {
		rec, err := Run(b.Context(), script, o)
		if err != nil {
			b.Fatal(err)
		}
		timing.Boot += rec.Timing.Boot
		timing.Script += rec.Timing.Script
	}
	b.ReportMetric(timing.Boot.Seconds()/float64(b.N), "boot-s")
	b.ReportMetric(float64(b.N)*ops/timing.Script.Seconds(), "ops/s")
}
