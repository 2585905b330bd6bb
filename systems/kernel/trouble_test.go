package kernel_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"reflect"
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
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// setPTE is a hook that stores a leaf.
type setPTE = func(k *hooks.Kernel, ptep model.VA, pte model.Entry)

// mine is a native system with another set_pte.
func mine(set setPTE, rules ...invariants.Rule) *kernel.Backend {
	return boot.OnBareMetal("mine", "my own", func() hooks.Ops {
		ops := native.Ops()
		ops.SetPTE[model.VariantLate] = set
		return ops
	}, rules...)
}

// with is the search of a native system of two levels with another set_pte.
func with(t *testing.T, set setPTE, v systems.Values, rules ...invariants.Rule) *systems.Search {
	t.Helper()
	v["levels"] = "2"
	list, err := mine(set, rules...).Searches(v, systems.Change{})
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

func search(t *testing.T, s *systems.Search, workers int) (explore.Result, error) {
	t.Helper()
	return s.Run(t.Context(), explore.Options{Depth: 4, Workers: workers})
}

// found searches a system and explains what it finds.
func found(t *testing.T, s *systems.Search) *reports.Finding {
	t.Helper()
	r, err := search(t, s, 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Findings) == 0 {
		t.Fatalf("nothing found in %d states", r.States)
	}
	o := systems.Outcome{Search: s, Result: r}
	if _, err := o.Explain(r.Findings[0]); err != nil {
		t.Fatal(err)
	}
	return o.Findings[0]
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
			s := with(t, x.set, systems.Values{})
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
	f := found(t, with(t, stores, systems.Values{"budget": "2500"}))
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
	f := found(t, with(t, waits, systems.Values{"budget": "700"}))
	if !strings.Contains(f.Crash, "after 700 operations") || !strings.Contains(f.Scenario, "\nscope budget 700\n") {
		t.Errorf("%s by\n%s", f.Crash, f.Scenario)
	}
	want := systems.Verdict{Kind: explore.Crashed, What: "hang"}
	x := readBy(t, mine(waits), f.Scenario)
	small, _, err := x.Shrink(want, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []systems.Scenario{x, small} {
		p, err := x.Play(systems.PlayOptions{})
		if err != nil || p.Verdict != want || !strings.HasSuffix(p.Printed[len(p.Printed)-1], "after 700 operations of the machine") || !strings.Contains(string(x.Body()), "\nscope budget 700\n") {
			t.Errorf("%+v, %v by\n%s", p, err, x.Body())
		}
	}
	if _, err := search(t, with(t, native.SetPTE, systems.Values{}), 1); err != nil {
		t.Error(err)
	}
}

// readBy makes a scenario of the text of a file.
func readBy(t *testing.T, b *kernel.Backend, text string) systems.Scenario {
	t.Helper()
	set, err := systems.NewSet(nil, b)
	if err != nil {
		t.Fatal(err)
	}
	f, err := set.Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f.Scenario
}

// TestSwallowedDeath wants a hook that recovers from its death to be found dead.
func TestSwallowedDeath(t *testing.T) {
	s := with(t, func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		func() {
			defer func() { recover() }()
			k.M.Bug("mine", model.OK) // mark: swallowed
		}()
		native.SetPTE(k, ptep, pte)
	}, systems.Values{})
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
	}, systems.Values{})
	f := found(t, s)
	if f.Rule == "" || f.Last().Steps[len(f.Last().Steps)-1].What != "store f0+0x4, 4 bytes" {
		t.Errorf("%s, steps %+v", f.ID(), f.Last().Steps)
	}
	atMark(t, f.Site(), "violates")
}

// TestGoexit wants a plain error, whichever goroutine searches, and the same of a replay
// of the way there.
func TestGoexit(t *testing.T) {
	for workers := range 3 {
		s := with(t, func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
			runtime.Goexit() // mark: exits
		}, systems.Values{})
		_, err := search(t, s, workers+1)
		var gone *systems.Gone
		if !errors.As(err, &gone) {
			t.Fatalf("%d workers: %v", workers+1, err)
		}
		atMark(t, reports.Telling(gone.Stack), "exits")
		if !strings.Contains(err.Error(), "mine: map_lowmem f0, from 2level-8f") || !strings.Contains(err.Error(), "ended its goroutine") {
			t.Errorf("%v", err)
		}
		again(t, s, gone, "map_lowmem f0")
	}
}

// again plays the way to trouble: it ends in the same trouble, each time and in whatever
// way it is played.
func again(t *testing.T, s *systems.Search, was systems.Trouble, call string) {
	t.Helper()
	way, err := s.WayTo(was)
	if err != nil || way == nil {
		t.Fatalf("%v: no way there: %v", was, err)
	}
	if text := string(way.Text()); !strings.Contains(text, "\nsystem mine\nstart "+was.Halted().Start+"\nsetup_start\n"+call) || way.Len() != 2 {
		t.Errorf("%v: by\n%s", was, text)
	}
	tell := func(how string, err error) {
		t.Helper()
		var now systems.Trouble
		if !errors.As(err, &now) {
			t.Errorf("%s, after %v: %v", how, was, err)
			return
		}
		if reflect.TypeOf(now) != reflect.TypeOf(was) || now.Error() != was.Error() {
			t.Errorf("%s: %v; first it was %v", how, now, was)
		}
	}
	for _, o := range []systems.PlayOptions{{}, {Report: true, Place: true}, {Lenient: true}} {
		_, err := way.Play(o)
		tell("played", err)
	}
	_, _, err = way.Scenario.Shrink(systems.Verdict{Kind: explore.Crashed, What: "hang"}, 0)
	tell("shrunk", err)
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
		s := with(t, hook(stop, block), systems.Values{"patience": "200"})
		_, err := search(t, s, 2)
		var stuck *systems.Stuck
		if !errors.As(err, &stuck) {
			t.Fatalf("%s: %v", name, err)
		}
		atMark(t, reports.Telling(stuck.Stack), name)
		if len(stuck.Calls) != 2 || !strings.HasPrefix(stuck.Calls[1], "map_") || stuck.Call != stuck.Calls[1] {
			t.Errorf("%s: the way is %v", name, stuck.Calls)
		}
		for _, part := range []string{"has not returned for 200ms", "trouble_test.go:", "calls (2):\n   1  setup_start\n   2  map_"} {
			if story := systems.Story(stuck); !strings.Contains(story, part) {
				t.Errorf("%s: %q lacks %q", name, story, part)
			}
		}
		again(t, s, stuck, "map_")
		stop.Store(true)
		close(block)
	}
}

// TestStuckAlone wants the program to end where nobody is there to be told, such as in a
// test that makes calls by hand, as with any error.
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
		for _, part := range []string{"ptcheck: system mine: setup_start, from 2level-8f", "a hook spins or waits, in kernel_test.block systems/kernel/trouble_test.go:", "\n  from hooks.SetupStart "} {
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
	m := with(t, native.SetPTE, systems.Values{"patience": "80"}).Model()
	m.Init(0)
	for end := time.Now().Add(400 * time.Millisecond); time.Now().Before(end); {
		for _, c := range m.Calls(nil) {
			m.Apply(c)
			m.Restore()
		}
	}
	time.Sleep(400 * time.Millisecond)
	m = with(t, func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		time.Sleep(10 * time.Millisecond)
		native.SetPTE(k, ptep, pte)
	}, systems.Values{"patience": "200"}).Model()
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
		_, err := search(t, with(t, x.set, systems.Values{"recheck": "1"}), 1)
		var fickle *systems.Fickle
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

// TestFickleLater wants hidden state that no call made twice has shown, but the way to a
// finding when it was made again, to be told alike, with the way there.
func TestFickleLater(t *testing.T) {
	var calls atomic.Int64
	s := with(t, func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		if calls.Add(1) == 3000 {
			k.M.Bug("once", model.OK)
		}
		native.SetPTE(k, ptep, pte)
	}, systems.Values{"recheck": "1000000000"})
	_, err := s.Run(t.Context(), explore.Options{Workers: 1})
	var fickle *systems.Fickle
	if !errors.As(err, &fickle) || fickle.Way == nil || len(fickle.Calls) < 2 || !strings.HasPrefix(err.Error(), "system mine") {
		t.Fatalf("%v after %d calls", err, calls.Load())
	}
	if fickle.Call == "" && len(fickle.Among) < 2 || strings.Contains(err.Error(), "0x") {
		t.Errorf("no call is named: %v", err)
	}
	way, err := s.WayTo(fickle)
	if err != nil || way.Len() != len(fickle.Calls) || s.WayName(fickle) != "ptcheck-mine-fickle.pt" {
		t.Fatalf("%v, %v", way, err)
	}
	if p, err := way.Play(systems.PlayOptions{}); err != nil || p.Verdict.Fails() {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestOtherEnds wants a finding that does not come out again as it did to be told in the
// same words, with what there is to report.
func TestOtherEnds(t *testing.T) {
	start, leaf := kernel.Call{Kind: model.CallSetupStart}.Code(), kernel.Call{Kind: model.CallMap}.Code()
	died := func(path ...uint64) explore.Finding {
		return explore.Finding{Kind: explore.Crashed, Rule: int16(model.CrashGoPanic), Path: path}
	}
	oops := died(start, leaf)
	oops.Rule = int16(model.CrashHang)
	for name, x := range map[string]struct {
		set   setPTE
		found explore.Finding
		words string
		file  bool
	}{
		"holds":   {native.SetPTE, died(start, leaf), "it died: go-panic, then it went on", false},
		"another": {panics, oops, "it died: hang, then it died: go-panic", true},
		"earlier": {panics, died(start, leaf, leaf), "it died: go-panic, then it died: go-panic 1 calls earlier", true},
	} {
		o := systems.Outcome{Search: with(t, x.set, systems.Values{})}
		f, err := o.Explain(x.found)
		var fickle *systems.Fickle
		if !errors.As(err, &fickle) || fickle.Call != "map_lowmem f0" || !strings.Contains(err.Error(), ": "+x.words+"; what a hook remembers") || (f != nil) != x.file {
			t.Errorf("%s: %v, %v", name, f, err)
		}
		if len(o.Findings) != 1 || !strings.Contains(o.Findings[0].Detail, x.words) || o.Word() != reports.Crashed {
			t.Errorf("%s: reported is %+v", name, o.Findings)
		}
	}
}

// TestRecheckCountsNothing wants the same counts whether calls are made twice or not.
func TestRecheckCountsNothing(t *testing.T) {
	var want explore.Result
	for i, often := range []string{"1000000", "1", "3"} {
		s := with(t, native.SetPTE, systems.Values{"recheck": often})
		r, err := search(t, s, 2)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			want = r
		}
		if r.States != want.States || r.Transitions != want.Transitions || !equal(r.Counters, want.Counters) {
			t.Errorf("every %s: %d states, counters %v; want %d, %v", often, r.States, r.Counters, want.States, want.Counters)
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
	_, err := search(t, with(t, native.SetPTE, systems.Values{}, rule), 1)
	if err == nil || !strings.Contains(err.Error(), "a fault of the checker: panic in kernel_test.(*faulty).Step (trouble_test.go:") {
		t.Errorf("%v", err)
	}
}

// TestSearchOfOthers wants searches of anything else to be as they were.
func TestSearchOfOthers(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := with(t, native.SetPTE, systems.Values{})
	r, err := kernel.Search(ctx, s.Model, explore.Options{})
	if err != nil || r.Stopped != explore.StopInterrupt {
		t.Errorf("%v, %v", r.Stopped, err)
	}
	if _, err := kernel.Search(t.Context(), nil, explore.Options{}); err == nil {
		t.Error("no factory is no error")
	}
}
