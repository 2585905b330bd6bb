package hostile

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// set is the system alone, with one bug of the hypervisor.
func set(t *testing.T) *systems.Set {
	t.Helper()
	s, err := systems.NewSet(func(string, systems.About) (systems.Change, error) { return flagsOnly(), nil }, System())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// flagsOnly is a bug: nothing looks at changes of an entry's flags.
func flagsOnly() systems.Change {
	return systems.Change{Hypervisor: model.Mutant{FastPath: func(_ *model.State, level int, old, now model.Entry) bool {
		return level == 1 && old.Is(model.Present) && old.MFN() == now.MFN()
	}}}
}

// racing is a guest that is caught in the middle of a pin.
func racing() Options {
	return Options{Slots: []int{1, 1}, Frames: 3, Memory: []string{"f1 0 f2:PW"}, StaleTLB: true, Profile: model.Xen417(),
		Ops: []string{"uva"}, Flags: []string{"PW"}, Stopped: []string{"pin"}, Beside: []string{"uva", "touch"}, BesideLen: 2}
}

// play plays a scenario as its file says it.
func play(t *testing.T, s systems.Scenario) (*systems.File, *systems.Play) {
	t.Helper()
	f, err := set(t).Parse("found.pt", s.Body())
	if err != nil {
		t.Fatalf("%v\n%s", err, s.Body())
	}
	if string(f.Scenario.Body()) != string(s.Body()) {
		t.Errorf("came back as\n%swas\n%s", f.Scenario.Body(), s.Body())
	}
	p, err := f.Play(systems.PlayOptions{Report: true})
	if err != nil {
		t.Fatalf("%v\n%s", err, s.Body())
	}
	return f, p
}

// TestRaces writes each race as a scenario and plays it: it does the same there as in
// the search.
func TestRaces(t *testing.T) {
	h, err := New(racing())
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.NewModel()
	if err != nil {
		t.Fatal(err)
	}
	races := 0
	for _, c := range m.Calls(nil) {
		if m.Apply(c).Kind == explore.Moved {
			want := m.last.String()
			f, p := play(t, scenarioOf(t, racing(), explore.Finding{Path: []uint64{c}}))
			if last := p.Answers[len(p.Answers)-1]; last.Text != want || f.Len() != 1 {
				t.Fatalf("%s: %+v, want %v", m.OpText(c), last, want)
			}
			races += int(c >> raceBit)
		}
		m.Restore()
	}
	if races == 0 {
		t.Error("no race")
	}
}

// TestEveryOperationReadsBack writes every operation with many operands and reads it.
func TestEveryOperationReadsBack(t *testing.T) {
	o := everything()
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.NewModel()
	if err != nil {
		t.Fatal(err)
	}
	calls := m.Calls(nil)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range operations {
		same := slices.DeleteFunc(slices.Clone(calls), func(c uint64) bool { return int(c>>24) != i })
		if len(same) == 0 {
			t.Errorf("%s is never issued", operations[i].name)
			continue
		}
		for range 20 {
			c := same[rng.IntN(len(same))]
			l, bad := script.ParseLine(m.OpText(c))
			if bad != nil {
				t.Fatalf("%s: %v", m.OpText(c), bad)
			}
			if back, err := h.read(l.Op); err != nil || o.text(back) != m.OpText(c) || back.entry != m.Op(c).entry {
				t.Errorf("%s came back as %s, %v", m.OpText(c), o.text(back), err)
			}
		}
	}
}

// watcher takes a run down.
type watcher struct {
	answers []string
	changes int
}

func (w *watcher) Step(_ *model.State, step reports.Step) { w.changes += len(step.Changes) }
func (w *watcher) Over() bool                             { return false }
func (w *watcher) Done(_ int, _, answer string, _ *model.State) {
	w.answers = append(w.answers, answer)
}

// TestWatcher sees the same answers as the run gives; a race is one operation.
func TestWatcher(t *testing.T) {
	const text = `system hyper
profile xen-4.17
shape 1 1
scope frames 3
scope stale 1
scope race 1
touch 0
stop 1
pin 1 f2
uva 0 f2:PW
touch 0
go
flush
`
	f, err := set(t).Parse("race.pt", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var w watcher
	p, err := f.Play(systems.PlayOptions{Watch: &w})
	if err != nil {
		t.Fatal(err)
	}
	if f.Len() != 3 || len(w.answers) != 4 || len(p.Answers) != 13 {
		t.Fatalf("%d operations, %v, %v", f.Len(), w.answers, p.Answers)
	}
	for i, line := range []int{7, 12, 13} {
		if a := p.Answers[line-1]; a.Line != line || a.Text != w.answers[i+1] {
			t.Errorf("line %d answers %+v, the watcher saw %s", line, a, w.answers[i+1])
		}
	}
}

// TestShrinkAndOnly leaves out what a finding does not need.
func TestShrinkAndOnly(t *testing.T) {
	h, err := New(linearAt("0"))
	if err != nil {
		t.Fatal(err)
	}
	found := search(t, h, 5).Findings[0]
	s := scenarioOf(t, linearAt("0"), found)
	f, p := play(t, s)
	want := systems.Verdict{Kind: explore.Violated, What: "counts-agree"}
	if p.Verdict != want || p.Finding == nil {
		t.Fatalf("%+v", p)
	}
	text := string(f.Scenario.Body())
	more, err := set(t).Parse("more.pt", []byte(strings.Replace(text, "memory f3 0 f2:P\n", "memory f3 0 f2:P\nflush\nunpin f4\nflush\n", 1)))
	if err != nil {
		t.Fatal(err)
	}
	small, how, err := more.Shrink(0)
	if err != nil || small.Len() != f.Len() || how.From != f.Len()+3 || !how.Minimal {
		t.Fatalf("%+v, %v", how, err)
	}
	for n := range small.Len() {
		var keep []int
		for i := range small.Len() {
			if i != n {
				keep = append(keep, i)
			}
		}
		less, err := small.Only(keep)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := less.Verdict(); err != nil || v == want {
			t.Errorf("operation %d is not needed: %v", n, err)
		}
	}
}

// TestWith plants a bug in a scenario that holds.
func TestWith(t *testing.T) {
	const text = "system hyper\nshape 1 1\nscope frames 3\nmemory f1 0 f2:P\npin 1 f2\nuva 0 f2:PW\n"
	f, err := set(t).Parse("a.pt", []byte("mutant bug\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Play(systems.PlayOptions{})
	if err != nil || p.Verdict.What != "tables-read-only" {
		t.Errorf("%v, %+v", err, p)
	}
	if v, err := f.Sound().Verdict(); err != nil || v.Fails() {
		t.Errorf("without the bug: %v, %v", v, err)
	}
}

// TestSearches has a search for each scope, and for those that are asked for.
func TestSearches(t *testing.T) {
	x := System()
	list, err := x.Searches(nil, systems.Change{})
	if err != nil || len(list) != len(Scopes()) {
		t.Fatal(len(list), err)
	}
	for i, s := range list {
		if sc := Scopes()[i]; s.Title() != "hyper "+sc.Name || s.Depth != sc.Depth || !strings.Contains(s.Scope, sc.Says) || s.Symmetric {
			t.Errorf("%+v", s)
		}
		if !strings.Contains(x.About().Notes, "\n  "+strings.TrimSuffix(s.Part, again)+" ") {
			t.Errorf("the help does not name scope %s", s.Part)
		}
	}
	v, err := systems.CheckValues(x, systems.Values{"scope": "race,stores", "profile": "xen-3.1"})
	if err != nil {
		t.Fatal(err)
	}
	if list, err = x.Searches(v, systems.Change{}); err != nil || len(list) != 2 || list[0].Part != "stores" || !strings.Contains(list[1].Scope, "rules xen-3.1") {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := systems.CheckValues(x, systems.Values{"scope": "stal"}); err == nil || !strings.Contains(err.Error(), "did you mean") {
		t.Errorf("%v", err)
	}
	if _, err := x.Searches(nil, systems.Change{Early: func(*systems.EarlyStart) {}}); err == nil {
		t.Error("a bug of a kernel is planted where there is none")
	}
}

// TestPlantedBug is caught by a search, and its scenario has the bug too.
func TestPlantedBug(t *testing.T) {
	o := Options{Slots: []int{1, 1}, Frames: 3, Memory: []string{"f1 0 f2:P"}, Ops: []string{"pin", "uva"}, Flags: []string{"P", "PW"}, Profile: model.Ideal()}
	list, err := Custom(Scope{Name: "flags", Options: o}).Searches(nil, flagsOnly())
	if err != nil {
		t.Fatal(err)
	}
	r, err := explore.Run(t.Context(), list[0].Model, explore.Options{Depth: 2, NoSymmetry: true})
	if err != nil || len(r.Findings) == 0 {
		t.Fatalf("%v, %+v", err, r)
	}
	s, err := list[0].Scenario(r.Findings[0])
	if err != nil {
		t.Fatal(err)
	}
	if p, err := s.Play(systems.PlayOptions{}); err != nil || p.Verdict != list[0].Breaks(r.Findings[0]) {
		t.Errorf("%v, %+v, want %v", err, p, list[0].Breaks(r.Findings[0]))
	}
	if p, err := s.With(systems.Change{}).Play(systems.PlayOptions{}); err != nil || p.Verdict.Fails() {
		t.Errorf("without the bug: %v, %+v", err, p)
	}
}

// TestBadFiles wants a message with the place of the mistake.
func TestBadFiles(t *testing.T) {
	const head = "system hyper\nshape 1 1\nscope frames 3\n"
	for text, want := range map[string]string{
		"system hyper\nshape 1 1\n":                         "a.pt:2:1: no line \"scope frames NUMBER\"",
		"system hyper\nscope frames 3\nflush\n":             "a.pt:2:1: no line \"shape",
		"system hyper\nshape 1 1\nshape 1 1\n":              "a.pt:3:1: shape is there twice",
		"system hyper\nshape 0 1\n":                         "a.pt:2:1: 0 slots: want 1 to 512",
		"system hyper\nscope frames 300\n":                  "a.pt:2:1: scope frames 300: want 2 to 16",
		"system hyper\nscope pae 2\n":                       "a.pt:2:1: scope pae 2: want 0 to 1",
		"system hyper\nscope extra 9\n":                     "a.pt:2:1: scope extra 9: want 0 to",
		"system hyper\nscope levels 1\n":                    "a.pt:2:1: no bound is named \"levels\"; there are frames,",
		"system hyper\nprofile plain\n":                     "a.pt:2:1: no rules are named \"plain\"",
		"system hyper\nstart here\n":                        "a.pt:2:1: start means nothing",
		"system hyper\nshape 1 1 1\nscope frames 2\nkill\n": "a.pt:3:1: 2 frames: want 3 to 16",
		head + "memory f9 0 f1:P\nscope stale 1\n":          "a.pt:4:1: memory f9 0 f1:P: want a line such as",
		head + "memory f1 0 f9:P\nscope stale 1\n":          "a.pt:4:1: memory f1 0 f9:P: entry \"f9:P\": no such frame",
		head + "memory f1 0 f0:PW\n":                        "a.pt:4:1: the hypervisor refuses the start of the day",
		head + "kill\nmemory f1 0 f2:P\n":                   "a.pt:5:1: memory comes after the first operation",
		head + "setup_start\n":                              "a.pt:4:1: \"setup_start\" is no operation of a hostile guest",
		head + "pin 1 f7\n":                                 "a.pt:4:1: operand 2: want 0 to 2",
		head + "pin 3 f1\n":                                 "a.pt:4:1: operand 1: want 1 to 2",
		head + "pin-part 1 f1 0\n":                          "a.pt:4:1: operand 3: want 1 to 255",
		head + "mu f1 0 f5:P\n":                             "a.pt:4:1: entries name frames f0 to f2",
		head + "unpin m0x7000\n":                            "a.pt:4:1: operand 1: want a frame such as f3",
		head + "stop 1\n":                                   "a.pt:4:1: a race needs",
		head + "scope race 1\nstop 1\npin 1 f2\n":           "a.pt:5:1: the operation that begins here has no end",
		head + "scope race 1\nstop 1\npin 1 f2\ngo\n":       "a.pt:7:1: a race is",
		head + "scope race 1\nstop 99\npin 1 f2\ngo\n":      "a.pt:5:1: a race needs",
		head + "go\n":                                       "a.pt:4:1: a race is",
	} {
		_, err := set(t).Parse("a.pt", []byte(text))
		var at *script.Error
		if !errors.As(err, &at) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q\n got %v\nwant %s", text, err, want)
		}
	}
	f, err := set(t).Parse("a.pt", []byte(head+"scope race 1\nstop 6\nflush\nflush\ngo\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Play(systems.PlayOptions{}); err == nil || !strings.Contains(err.Error(), "a.pt:8:1: the operation is over before that place") {
		t.Errorf("%v", err)
	}
	if p, err := f.Play(systems.PlayOptions{Lenient: true}); err != nil || p.Verdict.Fails() {
		t.Errorf("%v", err)
	}
}
