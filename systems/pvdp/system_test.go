package pvdp

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// set is the systems of this package, with one bug of the hypervisor.
func set(t *testing.T) *systems.Set {
	t.Helper()
	s, err := systems.NewSet(func(string, systems.About) (systems.Change, error) { return countless(), nil }, Adversary(), Reference())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// countless is a bug: changes of an entry to what it was but for its flags are not
// looked at.
func countless() systems.Change {
	return systems.Change{Hypervisor: model.Mutant{FastPath: func(_ *model.State, level int, old, now model.Entry) bool {
		return level == 1 && old.Is(model.Present) && old.MFN() == now.MFN()
	}}}
}

// leaking is a scenario that leaks, as a file.
func leaking(t *testing.T) (*systems.Set, *systems.File) {
	t.Helper()
	s, r := leakSearch(t, "xen-4.17")
	found, err := s.Scenario(r.Findings[0])
	if err != nil {
		t.Fatal(err)
	}
	all := set(t)
	f, err := all.New(found, "")
	if err != nil {
		t.Fatal(err)
	}
	return all, f
}

// TestBody writes a scenario, reads it back and writes it again.
func TestBody(t *testing.T) {
	all, f := leaking(t)
	text := f.Text()
	back, err := all.Parse("leak.pt", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if string(back.Text()) != string(text) || back.Len() != f.Len() || back.System() != "adversary" {
		t.Errorf("came back as\n%s", back.Text())
	}
	if a, b := verdict(t, f), verdict(t, back); a != b || !a.Fails() {
		t.Errorf("%v came back as %v", a, b)
	}
	b, ops, ok := OpsOf(back.Scenario)
	if !ok || b != (Bounds{Profile: "xen-4.17", Frames: 5, Levels: 4, Slots: 2}) || len(ops) != f.Len() {
		t.Errorf("%v, %v", b, ops)
	}
}

func verdict(t *testing.T, f *systems.File) systems.Verdict {
	t.Helper()
	v, err := f.Verdict()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestAnswers plays a file that says what its lines answer.
func TestAnswers(t *testing.T) {
	f, err := set(t).Parse("a.pt", []byte("system pvdp\nscope frames 4 #= ok\nscope levels 2\nscope slots 1\nmu f0 0 0 #= -EINVAL\nunpin f0\n"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Play(systems.PlayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(p.Answers); n != 6 || p.Answers[4].Line != 5 || p.Printed[4] != "R 5 mu f0 0 0 = "+p.Answers[4].Text || p.Finding != nil {
		t.Errorf("%v\n%s", p.Answers, strings.Join(p.Printed, "\n"))
	}
	var wrong *systems.AnswerError
	if err := f.Check(p); !errors.As(err, &wrong) || wrong.Line != 5 {
		t.Errorf("%v", err)
	}
}

// watcher takes a run down.
type watcher struct {
	answers []string
	lines   []int
	changes int
	most    int // operations that it wants to see
}

func (w *watcher) Step(_ *model.State, step reports.Step) { w.changes += len(step.Changes) }
func (w *watcher) Over() bool                             { return w.most > 0 && len(w.answers) > w.most }
func (w *watcher) Done(line int, _, answer string, s *model.State) {
	w.answers, w.lines = append(w.answers, answer), append(w.lines, line)
}

// TestWatcher sees the same answers as the run gives, and can end it.
func TestWatcher(t *testing.T) {
	all, f := leaking(t)
	f, err := all.Parse("leak.pt", f.Text())
	if err != nil {
		t.Fatal(err)
	}
	var w watcher
	p, err := f.Play(systems.PlayOptions{Watch: &w, Report: true})
	if err != nil {
		t.Fatal(err)
	}
	told, head := p.Answers, len(p.Answers)-f.Len()
	if len(w.answers) != f.Len()+1 || w.answers[0] != "ok" || w.changes == 0 || p.Finding == nil {
		t.Fatalf("%v, %d changes", w.answers, w.changes)
	}
	for i, a := range told[head:] {
		if w.answers[i+1] != a.Text || w.lines[i+1] != a.Line {
			t.Errorf("operation %d answers %q at line %d, the watcher saw %q at %d", i, a.Text, a.Line, w.answers[i+1], w.lines[i+1])
		}
	}
	short := watcher{most: 2}
	if p, err = f.Play(systems.PlayOptions{Watch: &short}); err != nil || len(short.answers) != 3 || p.Verdict.Fails() {
		t.Errorf("%v, %v", short.answers, err)
	}
}

// TestOnlyAndShrink leaves operations out.
func TestOnlyAndShrink(t *testing.T) {
	_, f := leaking(t)
	want := verdict(t, f)
	for n := range f.Len() {
		keep := slices.DeleteFunc([]int{0, 1, 2, 3}, func(i int) bool { return i == n })
		less, err := f.Only(keep)
		if err != nil {
			t.Fatal(err)
		}
		if less.Len() != f.Len()-1 || verdict(t, less) == want {
			t.Errorf("operation %d is not needed", n)
		}
	}
	if _, err := f.Only([]int{2, 1}); err == nil {
		t.Error("operations in another order")
	}
	long := slices.Collect(func(yield func(Op) bool) {
		_, ops, _ := OpsOf(f.Scenario)
		for _, o := range ops {
			if !yield(Op{Op: opUnpin, Frame: 4}) || !yield(o) {
				return
			}
		}
	})
	more, err := NewScenario(Bounds{Profile: "xen-4.17", Frames: 6, Levels: 4, Slots: 2}, long, systems.Change{})
	if err != nil {
		t.Fatal(err)
	}
	small, how, err := more.Shrink(want, 0)
	if err != nil || small.Len() != 4 || !how.Minimal || how.From != 8 || how.To != 4 {
		t.Fatalf("%+v, %v", how, err)
	}
	p, err := small.Play(systems.PlayOptions{})
	if err != nil || p.Verdict != want {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestWith plants a bug in a scenario that holds.
func TestWith(t *testing.T) {
	const text = "system pvdp\nscope frames 4\nscope levels 2\nscope slots 1\nmu f1 0 f3:PW\nmu f1 0 f3:P\n"
	all := set(t)
	f, err := all.Parse("a.pt", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if v := verdict(t, f); v.Fails() {
		t.Errorf("the sound hypervisor: %v", v)
	}
	p, err := f.Scenario.With(countless()).Play(systems.PlayOptions{Report: true})
	if err != nil || p.Verdict.What != "counts-agree" || p.Finding == nil {
		t.Errorf("%v, %+v", err, p)
	}
	if v := verdict(t, f); v.Fails() {
		t.Errorf("after the bug was planted in a copy: %v", v)
	}
	f, err = all.Parse("b.pt", []byte("mutant bug\n"+text))
	if err != nil || !verdict(t, f).Fails() || verdict(t, f.Sound()).Fails() {
		t.Errorf("%v", err)
	}
}

// TestImpossible tells what goes wrong where, and leaves it out of a lenient run.
func TestImpossible(t *testing.T) {
	_, f := leaking(t)
	b, ops, _ := OpsOf(f.Scenario)
	store := Op{Op: opRaw, Frame: 0}
	s, err := NewScenario(b, append([]Op{store}, ops...), systems.Change{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Play(systems.PlayOptions{}); err == nil || !strings.Contains(err.Error(), "no writable mapping") {
		t.Errorf("%v", err)
	}
	p, err := s.Play(systems.PlayOptions{Lenient: true})
	if err != nil || len(p.Answers) != len(ops) || !p.Verdict.Fails() {
		t.Errorf("%v, %+v", err, p)
	}
	s, err = NewScenario(b, append(slices.Clone(ops), ops[0]), systems.Change{})
	if err != nil {
		t.Fatal(err)
	}
	var early *systems.EarlyError
	if _, err := s.Play(systems.PlayOptions{}); !errors.As(err, &early) {
		t.Errorf("%v", err)
	}
	if p, err := s.Play(systems.PlayOptions{Lenient: true}); err != nil || !p.Verdict.Fails() {
		t.Errorf("%v, %+v", err, p)
	}
	if s, err = NewScenario(b, nil, systems.Change{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Play(systems.PlayOptions{}); err == nil {
		t.Error("a run of nothing")
	}
}

// TestBadFiles wants a message with the place of the mistake.
func TestBadFiles(t *testing.T) {
	const head = "system pvdp\nscope frames 4\nscope levels 2\nscope slots 1\n"
	all := set(t)
	for text, want := range map[string]string{
		"system pvdp\nscope frames 4\n":                                "a.pt:2:1: no line \"scope levels NUMBER\"",
		"system pvdp\nmu f0 0 0\n":                                     "a.pt:1:1: no line \"scope frames",
		"system pvdp\nscope frames 99\n":                               "a.pt:2:1: scope frames 99: want 2 to 16",
		"system pvdp\nscope lowmem 9\n":                                "a.pt:2:1: no bound is named \"lowmem\"; there are frames, levels, slots",
		"system pvdp\nscope slots 1\nscope slots 1\n":                  "a.pt:3:1: scope slots is there twice",
		"system pvdp\nprofile xen-9\n":                                 "a.pt:2:1: no rules are named \"xen-9\"; there are plain,",
		"system pvdp\nprofile plain\nprofile plain\n":                  "a.pt:3:1: profile is there twice",
		"system pvdp\nstart here\n":                                    "a.pt:2:1: start means nothing",
		"system pvdp\nscope frames 2\nscope levels 3\nscope slots 1\n": "a.pt:4:1: 2 frames: want 3 to 16",
		head + "mu f0 0 0\nscope slots 2\n":                            "a.pt:6:1: scope comes after the first operation",
		head + "mu f7 0 0\n":                                           "a.pt:5:1: no such frame: there are f0 to f3",
		head + "copy f0 f4\n":                                          "a.pt:5:1: no such frame",
		head + "mu f0 1 0\n":                                           "a.pt:5:1: no such slot: there are 0 to 0",
		head + "mu f0 0 f4:P\n":                                        "a.pt:5:1: entries name frames f0 to f3",
		head + "mu f0 0 7\n":                                           "a.pt:5:1: want an entry such as",
		head + "pin 300 f0\n":                                          "a.pt:5:1: level 300: want 0 to 255",
		head + "  setup_start\n":                                       "a.pt:5:3: \"setup_start\" is no operation of an adversary",
	} {
		_, err := all.Parse("a.pt", []byte(text))
		var at *script.Error
		if !errors.As(err, &at) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q\n got %v\nwant %s", text, err, want)
		}
	}
}

// TestSearches asks for searches, with good values and bad ones.
func TestSearches(t *testing.T) {
	for _, c := range []struct {
		x         systems.System
		v         systems.Values
		want      string // in the scope, or in the error
		symmetric bool
	}{
		{Adversary(), nil, "5 frames, 4 levels, 2 slots, rules xen-4.17, operations mu st pin unpin cr3, flags P PW", true},
		{Reference(), nil, "4 frames, 2 levels, 1 slots, rules plain, operations mu st pin unpin cr3, flags P PW", false},
		{Reference(), systems.Values{"symmetry": "frames", "frames": "3"}, "3 frames", true},
		{Adversary(), systems.Values{"symmetry": "off", "profile": "ideal", "ops": "gdt", "flags": "PWU"}, "rules ideal, operations gdt, flags PWU", false},
		{Adversary(), systems.Values{"levels": "2,3"}, "--levels: want one number", false},
		{Adversary(), systems.Values{"frames": "17"}, "--frames: 17: want 2 to 16", false},
		{Adversary(), systems.Values{"ops": "fly"}, "fly", false},
		{Adversary(), systems.Values{"flags": "P?"}, "P?", false},
		{Reference(), systems.Values{"ops": "mu"}, "--ops means nothing to system pvdp", false},
		{Reference(), systems.Values{"frames": "2", "levels": "4"}, "2 frames: want 4 to 16", false},
	} {
		v, err := systems.CheckValues(c.x, c.v)
		var list []*systems.Search
		if err == nil {
			list, err = c.x.Searches(v, systems.Change{})
		}
		if err != nil {
			if !strings.Contains(err.Error(), c.want) || list != nil {
				t.Errorf("%v: %v, want %s", c.v, err, c.want)
			}
			continue
		}
		s := list[0]
		if !strings.Contains(s.Scope, c.want) || s.Symmetric != c.symmetric || s.Title() != c.x.About().Name {
			t.Errorf("%v: %+v", c.v, s)
		}
		m := s.Model()
		m.Init(0)
		if text := s.CallText(m.Calls(nil)[0]); text == "" {
			t.Error("a call without text")
		}
	}
	if _, err := Adversary().Searches(nil, systems.Change{Early: func(*systems.EarlyStart) {}}); err == nil {
		t.Error("a bug of a kernel is planted where there is none")
	}
}

// TestSettingsAreUsed gives each setting another value than its default: something
// about the search changes.
func TestSettingsAreUsed(t *testing.T) {
	other := map[string]string{"frames": "6", "levels": "3", "slots": "3", "ops": "mu", "flags": "P", "profile": "ideal", "symmetry": "on", "guest": "domU"}
	for _, x := range []systems.System{Adversary(), Reference()} {
		describe := func(v systems.Values) string {
			list, err := x.Searches(v, systems.Change{})
			if err != nil {
				t.Fatal(err)
			}
			s := list[0]
			return strings.Join([]string{s.Scope, map[bool]string{true: "symmetric"}[s.Symmetric]}, " ")
		}
		for _, set := range x.Settings() {
			value, ok := other[set.Name]
			if set.Name == "symmetry" && x.About().Name == "adversary" {
				value = "off"
			}
			if !ok || describe(systems.Values{set.Name: value}) == describe(nil) {
				t.Errorf("%s: --%s=%s changes nothing; known are %v", x.About().Name, set.Name, value, slices.Sorted(maps.Keys(other)))
			}
			if describe(systems.Values{set.Name: set.Default}) != describe(nil) {
				t.Errorf("%s: --%s=%s is not the default", x.About().Name, set.Name, set.Default)
			}
		}
	}
}
