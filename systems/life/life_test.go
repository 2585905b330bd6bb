package life_test

import (
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
	"github.com/ptcheck/ptcheck/systems/life"
)

// TestLifeHolds searches life after boot: some themes until nothing is new, all of
// them to some depth. The numbers are what the searches found when the system was
// made.
func TestLifeHolds(t *testing.T) {
	for _, x := range []struct {
		system *kernel.Backend
		o      kernel.Options
		depth  int
		states uint64
		strict bool
	}{
		{life.Both(), kernel.Options{Interrupts: true}, 6, 10241, true},
		{life.Xen(), kernel.Options{Themes: []string{"pages", "lazy"}}, 0, 293, false},
		{life.Xen(), kernel.Options{Themes: []string{"suspend"}}, 0, 3978, false},
		{life.Native(), kernel.Options{Levels: []int{2}, Themes: []string{"fork"}}, 0, 4153, false},
		{life.SMP(), kernel.Options{Preemptions: 1}, 2, 235, false},
		{life.SMP(), kernel.Options{Preemptions: 2, Levels: []int{2}, Themes: []string{"racevm"}}, 2, 45, false},
	} {
		s := kerneltest.New(t, x.system, x.o)
		r := kerneltest.Search(t, s, x.depth)
		kerneltest.NothingFound(t, s, r)
		if r.States != x.states || r.Complete != (x.depth == 0) {
			t.Errorf("%s %v: complete %t, %d states, want %d", s.Name, x.o.Themes, r.Complete, r.States, x.states)
		}
		if x.strict {
			lifeExercised(t, s, r)
		}
	}
}

// lifeExercised checks that every call that the system has was made and every rule
// put to the test.
func lifeExercised(t *testing.T, s *kernel.System, r explore.Result) {
	t.Helper()
	for k := model.CallKind(1); k < model.NumCalls; k++ {
		if s.Speaks(k) && r.Counters[k] == 0 {
			t.Errorf("%s: %v was never called", s.Name, k)
		}
		if k >= model.CallMMAlloc && !s.Speaks(k) {
			t.Errorf("%s has no %v", s.Name, k)
		}
	}
	for i, rule := range s.Rules() {
		if r.Counters[int(model.NumCalls)+i] == 0 {
			t.Errorf("%s: rule %s was never exercised", s.Name, rule.ID)
		}
	}
}

// TestLifeCallText writes and reads every call that is possible along random walks,
// and finds each in the language.
func TestLifeCallText(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range []*kernel.Backend{life.Both(), life.SMP()} {
		s := kerneltest.New(t, b, kernel.Options{Preemptions: 1, Interrupts: true})
		for _, at := range kerneltest.Wander(s.NewModel(), 12) {
			for _, code := range at.Calls {
				c := kernel.CallOf(code)
				text := c.String()
				seen[strings.Fields(text)[0]] = true
				if back, err := kernel.ParseCall(text); err != nil || back != c {
					t.Fatalf("%+v is %q, which is %+v (%v)", c, text, back, err)
				}
				if op, err := script.ParseLine(text); err != nil || op.Op.String() != text {
					t.Fatalf("%q is no line of a script: %v", text, err)
				}
			}
		}
	}
	if !seen["both"] || !seen["mm_fork"] || !seen["kmap_high"] || !seen["interrupt"] {
		t.Errorf("calls seen: %v", seen)
	}
	for _, text := range []string{"mm_switch", "mm_switch user", "mm_exit 3", "touch", "touch 15", "mm_populate 0", "interrupt 0 touch:0", "interrupt 32768 touch:0", "interrupt 1 cpu1:touch:0", "vmalloc 1", "mm_switch kernel 0"} {
		if c, err := kernel.ParseCall(text); err == nil {
			t.Errorf("%q is %+v, want an error", text, c)
		}
	}
}

// TestLifeScenario plays a life as a scenario file.
func TestLifeScenario(t *testing.T) {
	const text = "system life\nstart 3level-fork-xen-3.1\nmm_alloc\nmm_populate 0 0\nmm_activate 0\nmm_fork\nmm_switch 1\ntouch 0\nmm_exit 0\nmm_exit 1\nmm_switch kernel\n"
	f, err := script.Parse("life.pt", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	x, err := life.Both().Read(f, systems.Change{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := x.Play(systems.PlayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range p.Answers {
		if a.Text != "ok" {
			t.Errorf("line %d: %s", a.Line, a.Text)
		}
	}
	if x.Len() != 9 || len(p.Answers) != 2+9 {
		t.Errorf("%d calls, %d answers", x.Len(), len(p.Answers))
	}
}

// TestLifeEndsAsItBegan runs the life of two processes and finds the machine as it
// was: nothing is left of them.
func TestLifeEndsAsItBegan(t *testing.T) {
	calls := []string{"mm_alloc", "mm_populate 0 0", "mm_activate 0", "mm_fork", "touch 0", "mm_switch 1", "touch 0", "unmap 0",
		"mm_exit 0", "mm_exit 1", "mm_switch kernel"}
	for _, b := range []*kernel.Backend{life.Xen(), life.Native()} {
		s := kerneltest.New(t, b, kernel.Options{Themes: []string{"fork"}})
		m := s.NewModel()
		for i := range s.Inits {
			m.Init(i)
			before := m.State().Kernel.Life
			for _, text := range calls {
				c, err := kernel.ParseCall(text)
				if err != nil {
					t.Fatal(err)
				}
				if o := m.Apply(c.Code()); o.Kind != explore.Moved {
					t.Fatalf("%s: %s: %v", s.Inits[i].Name, text, o)
				}
			}
			if after := m.State().Kernel.Life; after != before {
				t.Errorf("%s: %+v, began as %+v", s.Inits[i].Name, after, before)
			}
		}
	}
}
