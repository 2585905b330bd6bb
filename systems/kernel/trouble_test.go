package kernel_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// setPTE is a hook that stores a leaf.
type setPTE = func(k *hooks.Kernel, ptep model.VA, pte model.Entry)

// with is a native system of two levels with another set_pte.
func with(t *testing.T, set setPTE, o kernel.Options, rules ...invariants.Rule) *kernel.System {
	t.Helper()
	o.Levels = []int{2}
	s, err := boot.OnBareMetal("mine", "my own", func() hooks.Ops {
		ops := native.Ops()
		ops.SetPTE[model.VariantLate] = set
		return ops
	}, rules...).New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func search(t *testing.T, s *kernel.System, workers int) (explore.Result, error) {
	t.Helper()
	return kernel.Search(t.Context(), func() explore.Model { return s.NewModel() }, explore.Options{Depth: 4, Workers: workers})
}

// found searches a system and explains what it finds.
func found(t *testing.T, s *kernel.System) *reports.Finding {
	t.Helper()
	r, err := search(t, s, 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Findings) == 0 {
		t.Fatalf("nothing found in %d states", r.States)
	}
	f := r.Findings[0]
	var path []kernel.Call
	for _, code := range f.Path {
		path = append(path, kernel.CallOf(code))
	}
	rep, err := s.Explain(f.Init, path)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// marked is the line of this file with a mark.
func marked(t *testing.T, mark string) int {
	t.Helper()
	src, err := os.ReadFile("trouble_test.go")
	if err != nil {
		t.Fatal(err)
	}
	before, _, ok := strings.Cut(string(src), "// "+"mark: "+mark)
	if !ok {
		t.Fatalf("no mark %q", mark)
	}
	return strings.Count(before, "\n") + 1
}

func atMark(t *testing.T, at *reports.Site, mark string) {
	t.Helper()
	if at == nil || at.File != "systems/kernel/trouble_test.go" || at.Line != marked(t, mark) || at.Outside {
		t.Errorf("%s: at %v, want line %d", mark, at, marked(t, mark))
	}
}

func waits(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	native.SetPTE(k, ptep, pte)
	for !k.Read(ptep).Is(model.PSE) { // mark: waits
	}
}

func stores(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	for ; ; pte ^= 1 << 10 { // a bit that the kernel may use
		k.Write(ptep, pte) // mark: stores
	}
}

// recurses touches the machine each time, so that the budget ends it before the stack of
// the Go program does.
func recurses(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	if !k.Read(ptep).Is(model.PSE) {
		recurses(k, ptep, pte)
	}
	k.Write(ptep, pte)
}

func panics(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	native.SetPTE(k, ptep, pte)
	last := make([]int, k.M.L.Geo.Levels)
	last[k.M.L.Geo.Levels+int(pte&model.Present)]++ // mark: panics
}

// TestHooksThatMisbehave wants findings that name the hook's line and come to the same
// end again.
func TestHooksThatMisbehave(t *testing.T) {
	for _, x := range []struct {
		name, crash, kind, mark string
		set                     setPTE
	}{
		{"waits", "hang: the call has not ended after 8192 operations of the machine", "hang", "waits", waits},
		{"stores", "hang: the call has not ended after 8192 operations of the machine", "hang", "stores", stores},
		{"recurses", "hang: the call has not ended after 8192 operations of the machine", "hang", "", recurses},
		{"panics", "go-panic runtime error: index out of range [3] with length 2", "go-panic", "panics", panics},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := with(t, x.set, kernel.Options{})
			f := found(t, s)
			if f.Crash != x.crash || f.ID() != "crash-"+x.kind || len(f.Calls) != 2 || len(f.Last().Steps) > 1001 {
				t.Errorf("%s, %s, after %d calls, %d steps; want %s", f.Crash, f.ID(), len(f.Calls), len(f.Last().Steps), x.crash)
			}
			if x.mark != "" {
				atMark(t, f.Site(), x.mark)
			}
			if end := f.Stack[len(f.Stack)-1].Function; x.mark != "" && end != "hooks.MapLowmemLeaf" || x.mark == "" && len(f.Stack) != 2 {
				t.Errorf("the stack is %v", f.Stack)
			}
		})
	}
}

// TestLongCallsAreCutShort wants a report of a call without end to stay readable and to
// agree with itself.
func TestLongCallsAreCutShort(t *testing.T) {
	f := found(t, with(t, stores, kernel.Options{Budget: 2500}))
	steps := f.Last().Steps
	last := steps[len(steps)-1]
	if len(steps) != 1001 || !regexp.MustCompile(`^1\d\d\d more steps$`).MatchString(last.What) || len(last.Changes) != 1 {
		t.Fatalf("%d steps, the last is %+v", len(steps), last)
	}
	if d := reports.Compare(last.After, &f.Last().After); !d.Empty() {
		t.Errorf("the last step does not lead to the end: %+v", d)
	}
}

// TestBudget wants the bound to be the one that was asked for, also by a scenario.
func TestBudget(t *testing.T) {
	s := with(t, waits, kernel.Options{Budget: 700})
	if f := found(t, s); !strings.Contains(f.Crash, "after 700 operations") {
		t.Errorf("%s", f.Crash)
	}
	if text := string(s.Scenario(0, nil, "x")); !strings.Contains(text, "\nscope budget 700\n") {
		t.Errorf("the scenario does not say so:\n%s", text)
	}
	if _, err := search(t, with(t, native.SetPTE, kernel.Options{}), 1); err != nil {
		t.Error(err)
	}
}

// TestSwallowedDeath wants a hook that recovers from its death to be found dead.
func TestSwallowedDeath(t *testing.T) {
	s := with(t, func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		func() {
			defer func() { recover() }()
			k.M.Bug("mine", model.OK) // mark: swallowed
		}()
		native.SetPTE(k, ptep, pte)
	}, kernel.Options{})
	f := found(t, s)
	if f.ID() != "crash-bug" || len(f.Last().Steps) != 0 {
		t.Errorf("%s after %d steps", f.ID(), len(f.Last().Steps))
	}
	atMark(t, f.Site(), "swallowed")
}

// TestSwallowedViolation wants a broken rule to be found although the hook recovers, at
// the step that breaks it.
func TestSwallowedViolation(t *testing.T) {
	s := with(t, func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		func() {
			defer func() { recover() }()
			k.Write(k.Base()+4, 0) // mark: violates
		}()
		native.SetPTE(k, ptep, pte)
	}, kernel.Options{})
	f := found(t, s)
	if f.Rule == "" || f.Last().Steps[len(f.Last().Steps)-1].What != "store f0+0x4, 4 bytes" {
		t.Errorf("%s, steps %+v", f.ID(), f.Last().Steps)
	}
	atMark(t, f.Site(), "violates")
}

// TestGoexit wants a plain error, whichever goroutine searches.
func TestGoexit(t *testing.T) {
	for workers := range 3 {
		_, err := search(t, with(t, func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
			runtime.Goexit() // mark: exits
		}, kernel.Options{}), workers+1)
		var gone *kernel.Gone
		if !errors.As(err, &gone) {
			t.Fatalf("%d workers: %v", workers+1, err)
		}
		atMark(t, reports.Telling(gone.Stack), "exits")
		if !strings.Contains(err.Error(), "mine: map_lowmem f0, from 2level-8f") || !strings.Contains(err.Error(), "ended its goroutine") {
			t.Errorf("%v", err)
		}
	}
}

func spins(stop *atomic.Bool, _ chan bool) setPTE {
	return func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		for !stop.Load() { // mark: spins
		}
		native.SetPTE(k, ptep, pte)
	}
}

func blocks(_ *atomic.Bool, block chan bool) setPTE {
	return func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		<-block // mark: blocks
		native.SetPTE(k, ptep, pte)
	}
}

// TestStuck wants hooks that never touch the machine to be noticed, with a way to them.
func TestStuck(t *testing.T) {
	for name, hook := range map[string]func(stop *atomic.Bool, block chan bool) setPTE{
		"spins": spins, "blocks": blocks,
	} {
		stop, block := new(atomic.Bool), make(chan bool)
		s := with(t, hook(stop, block), kernel.Options{Patience: 200 * time.Millisecond})
		_, err := search(t, s, 2)
		stop.Store(true)
		close(block)
		var stuck *kernel.Stuck
		if !errors.As(err, &stuck) {
			t.Fatalf("%s: %v", name, err)
		}
		atMark(t, reports.Telling(stuck.Stack), name)
		if len(stuck.Path) != 2 || stuck.Path[1].Kind != model.CallMap || stuck.Call != stuck.Path[1] {
			t.Errorf("%s: the way is %v", name, stuck.Path)
		}
		for _, part := range []string{"has not returned for 200ms", "trouble_test.go:", "calls (2):\n   1  setup_start\n   2  map_"} {
			if !strings.Contains(stuck.Text(), part) {
				t.Errorf("%s: %q lacks %q", name, stuck.Text(), part)
			}
		}
		if text := string(stuck.Scenario()); !strings.Contains(text, "system mine\nstart "+s.Inits[stuck.Init].Name+"\nsetup_start\n") {
			t.Errorf("%s: scenario\n%s", name, text)
		}
	}
}

// TestStuckAlone wants the program to end where nobody is there to be told, such as in a
// replay, as with any error.
func TestStuckAlone(t *testing.T) {
	if os.Getenv("PTCHECK_TEST_STUCK") == "" {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestStuckAlone$")
		cmd.Env = append(os.Environ(), "PTCHECK_TEST_STUCK=1")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		err := cmd.Run()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 {
			t.Errorf("%v", err)
		}
		for _, part := range []string{"ptcheck: mine: setup_start, from 2level-8f", "a hook spins or waits, in kernel_test.block systems/kernel/trouble_test.go:", "\n  from hooks.SetupStart "} {
			if !strings.Contains(errs.String(), part) {
				t.Errorf("no %q in\n%s", part, errs.String())
			}
		}
		return
	}
	s, err := boot.OnBareMetal("mine", "my own", func() hooks.Ops {
		ops := native.Ops()
		ops.PagetableSetupStart = block
		return ops
	}).New(kernel.Options{Patience: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	m := s.NewModel()
	m.Init(0)
	m.Apply(kernel.Call{Kind: model.CallSetupStart}.Code())
}

func block(*hooks.Kernel, model.VA) { <-make(chan bool) }

// TestPatience wants calls that take their time, and models that idle between them, not
// to be taken for stuck.
func TestPatience(t *testing.T) {
	s := with(t, native.SetPTE, kernel.Options{Patience: 80 * time.Millisecond})
	m := s.NewModel()
	m.Init(0)
	for end := time.Now().Add(400 * time.Millisecond); time.Now().Before(end); {
		for _, c := range m.Calls(nil) {
			m.Apply(c)
			m.Restore()
		}
	}
	time.Sleep(400 * time.Millisecond)
	slow := with(t, func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		time.Sleep(10 * time.Millisecond)
		native.SetPTE(k, ptep, pte)
	}, kernel.Options{Patience: 200 * time.Millisecond})
	m = slow.NewModel()
	m.Init(0)
	m.Apply(m.Calls(nil)[0])
	for _, c := range m.Calls(nil)[:3] {
		m.Apply(c)
	}
}

// TestFickle wants hidden state of hooks to be told in plain words, with the call.
func TestFickle(t *testing.T) {
	var calls atomic.Int64
	for name, x := range map[string]struct {
		set  setPTE
		want string
	}{
		"counts": {func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
			if calls.Add(1)%2 == 0 {
				pte &^= model.Accessed
			}
			native.SetPTE(k, ptep, pte)
		}, ""},
		"dies once": {func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
			if calls.Add(1) == 1 {
				k.M.Bug("first", model.OK)
			}
			native.SetPTE(k, ptep, pte)
		}, "it died: bug first BUG, then it went on"},
		"leaves other entries": {func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
			native.SetPTE(k, ptep, pte|model.Entry(calls.Add(1)&1)<<9)
		}, "] was f0:"},
	} {
		calls.Store(0)
		_, err := search(t, with(t, x.set, kernel.Options{Recheck: 1}), 1)
		var fickle *kernel.Fickle
		if !errors.As(err, &fickle) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, part := range []string{"two different results for the same state", "mine: map_lowmem f0, from 2level-", x.want} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q lacks %q", name, err, part)
			}
		}
	}
}

// TestExplainRefuses wants a path that does not end as it did to be refused in the same
// words.
func TestExplainRefuses(t *testing.T) {
	s := with(t, native.SetPTE, kernel.Options{})
	start := kernel.Call{Kind: model.CallSetupStart}
	var fickle *kernel.Fickle
	if _, err := s.Explain(0, []kernel.Call{start}); !errors.As(err, &fickle) || fickle.Call != start ||
		!strings.Contains(err.Error(), "something went wrong, then it went on") {
		t.Errorf("a path that breaks nothing: %v", err)
	}
	bad := with(t, panics, kernel.Options{})
	leaf := kernel.Call{Kind: model.CallMap}
	if _, err := bad.Explain(0, []kernel.Call{start, leaf, leaf}); !errors.As(err, &fickle) || fickle.Call != leaf ||
		!strings.Contains(err.Error(), "it went on, then it died: go-panic") {
		t.Errorf("a path that ends early: %v", err)
	}
}

// TestRecheckCountsNothing wants the same counts whether calls are made twice or not.
func TestRecheckCountsNothing(t *testing.T) {
	var want explore.Result
	for i, often := range []int{1 << 30, 1, 3} {
		s := with(t, native.SetPTE, kernel.Options{Recheck: often})
		r, err := search(t, s, 2)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			want = r
		}
		if r.States != want.States || r.Transitions != want.Transitions || !equal(r.Counters, want.Counters) {
			t.Errorf("every %d: %d states, counters %v; want %d, %v", often, r.States, r.Counters, want.States, want.Counters)
		}
	}
}

func equal(a, b []uint64) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b) && len(a) > 0
}

// faulty is a judge with a mistake of its own.
type faulty struct{ seen []int }

func (j *faulty) Begin(*model.State) {}

func (j *faulty) Step(_ *model.State, st *model.Step) (invariants.Answer, invariants.Detail) {
	if st.Op == model.OpStore {
		j.seen[1]++
	}
	return invariants.Silent, invariants.Detail{}
}

// TestFaultsOfTheChecker wants a panic of a rule to be an error that does not blame the
// hook.
func TestFaultsOfTheChecker(t *testing.T) {
	rule := invariants.NewRule(invariants.Rule{ID: "faulty", Says: "Says nothing."}, func() invariants.Judge { return new(faulty) })
	_, err := search(t, with(t, native.SetPTE, kernel.Options{}, rule), 1)
	if err == nil || !strings.Contains(err.Error(), "a fault of the checker: panic in kernel_test.(*faulty).Step (trouble_test.go:") {
		t.Errorf("%v", err)
	}
}

// TestSearchOfOthers wants searches of anything else to be as they were.
func TestSearchOfOthers(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := with(t, native.SetPTE, kernel.Options{})
	r, err := kernel.Search(ctx, func() explore.Model { return s.NewModel() }, explore.Options{})
	if err != nil || r.Stopped != explore.StopInterrupt {
		t.Errorf("%v, %v", r.Stopped, err)
	}
	if _, err := kernel.Search(t.Context(), nil, explore.Options{}); err == nil {
		t.Error("no factory is no error")
	}
}
