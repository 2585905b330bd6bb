package cli

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
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
		"zap-for-ever": {" zap = crashed hang: the call has not ended after", "ends as expected: crashed hang mutants.zapForEver.func1",
			"crashed: hang", "code: mutants.zapForEver.func1 fuzz/mutants/unlisted.go:"},
		"short-list": {" map_lowmem f7 = crashed go-panic runtime error: index out of range [7] with length 7",
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

// patched is a native system whose set_pte is another.
func patched(set func(*hooks.Kernel, model.VA, model.Entry)) systems.System {
	return boot.OnBareMetal("mine", "my own", func() hooks.Ops {
		ops := native.Ops()
		ops.SetPTE[model.VariantLate] = set
		return ops
	})
}

// searched searches a system as explore does, and returns the exit of the program and
// what it says.
func searched(t *testing.T, x systems.System, args ...string) (code int, errs string) {
	t.Helper()
	var out, bad bytes.Buffer
	args = append([]string{"explore", "mine", "--levels=2", "--depth=4", "--workers=1"}, args...)
	code = run(t.Context(), []systems.System{x}, args, &out, &bad)
	if out.Len() > 0 {
		t.Errorf("a verdict: %s", out.String())
	}
	return code, bad.String()
}

// TestStuck wants a search that cannot end to tell where the hook spins and how to get
// there, and to save that.
func TestStuck(t *testing.T) {
	dir := t.TempDir()
	stop := new(atomic.Bool)
	code, errs := searched(t, patched(func(*hooks.Kernel, model.VA, model.Entry) {
		for !stop.Load() {
		}
	}), "--patience=200", "--save", dir)
	stop.Store(true)
	if code != exitUsage {
		t.Errorf("exit %d", code)
	}
	contains(t, errs, "ptcheck: system mine: map_", "the call has not returned for 200ms", "cmd/ptcheck/cli/trouble_test.go:",
		"calls (2):\n   1  setup_start\n   2  map_", "replay: ptcheck replay ")
	saved := filepath.Join(dir, "ptcheck-mine-stuck.pt")
	sound(t, saved)
	var out, bad bytes.Buffer // a hook that ends its goroutine instead ends its replay as well
	x := patched(func(*hooks.Kernel, model.VA, model.Entry) { runtime.Goexit() })
	if code := run(t.Context(), []systems.System{x}, []string{"replay", saved}, &out, &bad); code != exitUsage || out.Len() > 0 {
		t.Errorf("exit %d, %s", code, out.String())
	}
	contains(t, bad.String(), "ptcheck: "+saved+": system mine: map_", "the hook ended its goroutine")
}

// sound replays the way to trouble without the mistake.
func sound(t *testing.T, saved string) {
	t.Helper()
	text, err := os.ReadFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("\nsystem mine"), []byte("\nsystem native"), 1)
	if code, out, _ := ptcheck(t, "replay", scenarioFile(t, string(text))); code != exitHolds || !strings.Contains(string(text), "\nsetup_start\nmap_") {
		t.Errorf("without the mistake: exit %d, %s\n%s", code, out, text)
	}
}

// TestGone wants a hook that ends its goroutine to be told in plain words, with the way
// there.
func TestGone(t *testing.T) {
	dir := t.TempDir()
	code, errs := searched(t, patched(func(*hooks.Kernel, model.VA, model.Entry) { runtime.Goexit() }), "--save", dir)
	if code != exitUsage {
		t.Errorf("exit %d", code)
	}
	contains(t, errs, "ptcheck: system mine: map_lowmem f0, from 2level-", "the hook ended its goroutine", "cmd/ptcheck/cli/trouble_test.go:", "replay: ptcheck replay ")
	sound(t, filepath.Join(dir, "ptcheck-mine-gone.pt"))
}

// TestFickle wants hidden state to be told in plain words, with the way there.
func TestFickle(t *testing.T) {
	n, dir := 0, t.TempDir()
	code, errs := searched(t, patched(func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		if n++; n%2 == 0 {
			k.Write(ptep, pte)
		}
	}), "--recheck=1", "--save", dir)
	if code != exitUsage {
		t.Errorf("exit %d", code)
	}
	contains(t, errs, "ptcheck: system mine: map_lowmem f0, from 2level-", "the hook gave two different results for the same state",
		"calls (2):\n   1  setup_start\n   2  map_lowmem f0\n", "replay: ptcheck replay ")
	sound(t, filepath.Join(dir, "ptcheck-mine-fickle.pt"))
}

// TestCaught wants panics to end the program as a fault of the checker.
func TestCaught(t *testing.T) {
	for want, r := range map[string]any{
		"ptcheck: a fault of the checker, please report it: boom\ngoroutine ":     "boom",
		"ptcheck: a fault of the checker, please report it: an error\ngoroutine ": errors.New("an error"),
	} {
		var b bytes.Buffer
		if code := caught(r, &b); code != exitUsage || !strings.HasPrefix(b.String(), want) {
			t.Errorf("exit %d, %s", code, b.String())
		}
	}
}
