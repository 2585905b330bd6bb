package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// contains wants all parts in a text, in their order.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := text
	for _, p := range parts {
		_, after, ok := strings.Cut(rest, p)
		if !ok {
			t.Errorf("no %q where it should be in\n%s", p, text)
			return
		}
		rest = after
	}
}

// TestMisbehavingHooks replays hooks that hang and that panic: they are findings like any
// other.
func TestMisbehavingHooks(t *testing.T) {
	for name, want := range map[string][]string{
		"zap-for-ever": {"R 11 zap = crashed hang: the call has not ended after", "ends as expected: crashed hang mutants.zapForEver.func1",
			"crashed: hang", "code: mutants.zapForEver.func1 fuzz/mutants/unlisted.go:"},
		"short-list": {"R 8 map_lowmem f7 = crashed go-panic runtime error: index out of range [7] with length 7",
			"ends as expected: crashed go-panic mutants.shortList.func1", "code: mutants.shortList.func1 fuzz/mutants/unlisted.go:"},
	} {
		file := "../../../fuzz/corpus/" + name + ".pt"
		code, out, errs := ptcheck(t, "replay", file)
		if code != exitHolds || errs != "" {
			t.Errorf("%s: exit %d, %s", name, code, errs)
		}
		contains(t, out, want...)
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for line := range strings.Lines(string(src)) {
			if !strings.HasPrefix(line, "expect ") {
				lines = append(lines, line)
			}
		}
		code, out, _ = ptcheck(t, "replay", scenarioFile(t, strings.Join(lines, "")))
		if code != exitViolated || !strings.Contains(out, "crashed: ") {
			t.Errorf("%s: exit %d\n%s", name, code, out)
		}
	}
}

// TestBudget bounds the calls of a search, and wants the scenario that it saves to say so.
func TestBudget(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := ptcheck(t, "explore", "native", "--levels=2", "--budget=6", "--save", dir)
	if code != exitViolated || errs != "" {
		t.Fatalf("exit %d, %s%s", code, out, errs)
	}
	contains(t, out, "crashed: hang: the call has not ended after 6 operations of the machine")
	saved := filepath.Join(dir, "ptcheck-native-crash.pt")
	if code, out, _ = ptcheck(t, "replay", saved); code != exitViolated {
		t.Errorf("exit %d", code)
	}
	contains(t, out, "scope budget 6 = ok", "crashed hang: the call has not ended after 6 operations")
	if code, _, _ = ptcheck(t, "corpus", "shrink", saved); code != exitHolds {
		t.Errorf("shrinking: exit %d", code)
	}
	for _, args := range [][]string{{"explore", "native", "--budget=-1"}, {"explore", "pvdp", "--budget=9"}, {"explore", "hyper", "--budget=9"}} {
		if code, _, errs := ptcheck(t, args...); code != exitUsage || !strings.Contains(errs, "--budget") {
			t.Errorf("%v: exit %d, %s", args, code, errs)
		}
	}
}

// patched is a native system of two levels whose set_pte is another.
func patched(t *testing.T, set func(*hooks.Kernel, model.VA, model.Entry), o kernel.Options) *target {
	t.Helper()
	o.Levels, o.Patch = []int{2}, func(ops *hooks.Ops, _ *hooks.Funcs) { ops.SetPTE[model.VariantLate] = set }
	s, err := all.New("native", o)
	if err != nil {
		t.Fatal(err)
	}
	return bootTarget(s)
}

// searched searches a target as explore does, and returns the exit of the program and
// what it says.
func searched(t *testing.T, target *target, dir string) (code int, errs string) {
	t.Helper()
	f := &exploreFlags{strategy: "bfs", store: "exact", depth: 4, workers: 1, save: dir}
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	_, err := f.search(cmd, target)
	var b bytes.Buffer
	return exitCode(err, &b), b.String()
}

// TestStuck wants a search that cannot end to tell where the hook spins and how to get
// there, and to save that.
func TestStuck(t *testing.T) {
	dir := t.TempDir()
	stop := new(atomic.Bool)
	code, errs := searched(t, patched(t, func(*hooks.Kernel, model.VA, model.Entry) {
		for !stop.Load() {
		}
	}, kernel.Options{Patience: 200 * time.Millisecond}), dir)
	stop.Store(true)
	saved := filepath.Join(dir, "ptcheck-native-stuck.pt")
	if code != exitUsage {
		t.Errorf("exit %d", code)
	}
	contains(t, errs, "ptcheck: native: ", "the call has not returned for 200ms", "cmd/ptcheck/cli/trouble_test.go:",
		"calls (2):\n   1  setup_start\n   2  map_", "replay: ptcheck replay "+saved)
	text, err := os.ReadFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	if code, out, _ := ptcheck(t, "replay", saved); code != exitHolds || !strings.Contains(string(text), "\nsetup_start\nmap_") {
		t.Errorf("without the mistake: exit %d, %s\n%s", code, out, text)
	}
}

// TestFickle wants hidden state to be told in plain words.
func TestFickle(t *testing.T) {
	n := 0
	code, errs := searched(t, patched(t, func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		if n++; n%2 == 0 {
			k.Write(ptep, pte)
		}
	}, kernel.Options{Recheck: 1}), "")
	if code != exitUsage || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit %d", code)
	}
	contains(t, errs, "ptcheck: native: map_lowmem f0, from 2level-", "the hook gave two different results for the same state")
}

// TestCaught wants panics to end the program as a fault of the checker, and no others.
func TestCaught(t *testing.T) {
	for want, r := range map[string]any{
		"ptcheck: a fault of the checker, please report it: boom\ngoroutine ":             "boom",
		"ptcheck: a fault of the checker, please report it: an error\ngoroutine ":         errors.New("an error"),
		"ptcheck: mine: setup_start, from here: the hook gave two different results for ": &kernel.Fickle{Place: kernel.Place{System: "mine", Start: "here", Call: kernel.Call{Kind: model.CallSetupStart}}},
		"ptcheck: mine: setup_start, from here: the hook ended its goroutine":             &kernel.Gone{Place: kernel.Place{System: "mine", Start: "here", Call: kernel.Call{Kind: model.CallSetupStart}}},
	} {
		var b bytes.Buffer
		if code := caught(r, &b); code != exitUsage || !strings.HasPrefix(b.String(), want) {
			t.Errorf("exit %d, %s", code, b.String())
		}
	}
}
