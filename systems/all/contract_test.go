package all_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/all"
)

// broken is a bug of what a system puts to the test: the hypervisor alone, or a kernel.
func broken(a systems.About) systems.Change {
	if a.Hostile {
		return systems.Change{Hypervisor: model.Mutant{
			Audited: func(int, model.Errno) model.Errno { return model.OK },
			FastPath: func(_ *model.State, _ int, old, now model.Entry) bool {
				return old.Is(model.Present) && old.MFN() == now.MFN()
			},
		}}
	}
	return systems.Change{
		Kernel: func(_ *hooks.Ops, f *hooks.Funcs) {
			f.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
				if !k.Read(pte).Is(model.Present) {
					hooks.MapPage(k, pte, pfn)
				}
			}
			f.Early.PhysMapping = func(*hooks.Kernel, model.PFN, model.PFN, bool) {}
			f.Early.FirstStep = func(k *hooks.Kernel) model.PFN {
				k.M.Bug("first_step", model.OK)
				return 0
			}
			f.Life.PgdCtor = func(*hooks.Kernel, model.VA, []model.PFN) {}
		},
	}
}

// searches are the searches of the systems that have any.
func searches(t *testing.T, x systems.System, c systems.Change) []*systems.Search {
	t.Helper()
	list, err := x.Searches(systems.Values{}, c)
	if err != nil {
		t.Fatalf("%s: %v", x.About().Name, err)
	}
	return list
}

// TestSearches holds what each search must come with, without any value given.
func TestSearches(t *testing.T) {
	for _, x := range all.Systems() {
		list, titles := searches(t, x, systems.Change{}), map[string]bool{}
		if (len(list) == 0) != x.About().Unnamed {
			t.Errorf("%s: %d searches, only replayed: %t", x.About().Name, len(list), x.About().Unnamed)
		}
		for _, s := range list {
			if s.System != x.About().Name || s.Scope == "" || titles[s.Title()] || s.Model == nil || s.Coverage == nil || s.CallText == nil || s.Breaks == nil || s.Scenario == nil {
				t.Errorf("%s: %+v", x.About().Name, s)
				continue
			}
			titles[s.Title()] = true
			m := s.Model()
			if m.Inits() < 1 {
				t.Errorf("%s: no start of day", s.Title())
			}
			m.Init(0)
			calls := m.Calls(nil)
			if len(calls) == 0 {
				t.Errorf("%s: no calls", s.Title())
			}
			texts := map[string]bool{}
			for _, c := range calls {
				if text := s.CallText(c); text == "" || strings.Contains(text, "\n") || texts[text] {
					t.Errorf("%s: a call is called %q", s.Title(), text)
				}
				texts[s.CallText(c)] = true
			}
			if c, ok := m.(explore.Counter); !ok || len(s.Coverage(c.Counters())) == 0 {
				t.Errorf("%s: counts nothing", s.Title())
			}
		}
	}
}

// TestFindings searches each system with a bug and holds every scenario that it makes
// of what it finds to the contract.
func TestFindings(t *testing.T) {
	for _, x := range all.Systems() {
		change, found := broken(x.About()), 0
		for _, s := range longtest.Part(t, searches(t, x, change), 7) {
			r, err := s.Run(t.Context(), explore.Options{Depth: 5, MaxStates: 2000, Workers: 1, FindAll: true, NoSymmetry: !s.Symmetric})
			if err != nil {
				t.Fatal(err)
			}
			found += len(r.Findings)
			for _, f := range longtest.Part(t, r.Findings, 13) {
				c := &contract{t: t, system: x, change: change, name: fmt.Sprintf("%s, %v", s.Title(), s.Breaks(f))}
				scenario, err := s.Scenario(f)
				if err != nil {
					t.Errorf("%s: %v", c.name, err)
					continue
				}
				if scenario.System() != s.System || scenario.Len() < len(f.Path) {
					t.Errorf("%s: of system %s, %d operations", c.name, scenario.System(), scenario.Len())
				}
				for _, code := range f.Path {
					text := s.CallText(code)
					if _, err := script.ParseLine(text); err == nil && !bytes.Contains(scenario.Body(), []byte(text+"\n")) {
						t.Errorf("%s: lacks %q:\n%s", c.name, text, scenario.Body())
					}
				}
				c.holds(scenario, s.Breaks(f))
			}
		}
		if !x.About().Unnamed && found == 0 {
			t.Errorf("%s: nothing found", x.About().Name)
		}
	}
}

// contract holds a scenario of a system to what the interface promises.
type contract struct {
	t      *testing.T
	system systems.System
	change systems.Change
	name   string
}

func (c *contract) errorf(format string, args ...any) {
	c.t.Helper()
	c.t.Errorf(c.name+": "+format, args...)
}

// play runs a scenario that can be run.
func (c *contract) play(s systems.Scenario, o systems.PlayOptions) *systems.Play {
	c.t.Helper()
	p, err := s.Play(o)
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", c.name, err, s.Body())
	}
	return p
}

// read makes a scenario of text.
func (c *contract) read(text string) (systems.Scenario, error) {
	f, err := script.Parse("f", []byte(text))
	if err != nil {
		return nil, err
	}
	return c.system.Read(f, c.change)
}

// holds checks a scenario that ends in a verdict.
func (c *contract) holds(s systems.Scenario, want systems.Verdict) {
	c.t.Helper()
	plain := c.play(s, systems.PlayOptions{})
	if plain.Verdict != want || plain.Finding != nil || len(plain.Answers) < s.Len() {
		c.errorf("ends in %v: %+v", plain.Verdict, plain)
	}
	c.sameWatched(s, plain)
	c.sameReported(s, plain)
	c.sameRead(s, plain)
	c.strict(s)
	if again := c.play(s.With(systems.Change{}).With(c.change), systems.PlayOptions{}); again.Verdict != want {
		c.errorf("with the bug taken out and planted again: %v", again.Verdict)
	}
	only, err := s.Only([]int{0})
	if err != nil || only.Len() != 1 || s.Len() == 1 && !bytes.Equal(only.Body(), s.Body()) {
		c.errorf("its first operation alone: %v", err)
	}
	small, how, err := s.Shrink(want, 0)
	if err != nil {
		c.errorf("does not shrink: %v", err)
		return
	}
	if got := c.play(small, systems.PlayOptions{}).Verdict; got != want || how.From != s.Len() || how.To != small.Len() || how.To > how.From {
		c.errorf("shrinks to %v, %+v", got, how)
	}
}

// observer takes down what a run shows.
type observer struct {
	of    systems.Scenario
	steps int
	done  []string // operations and answers
	names bool     // every frame has a name
}

func (o *observer) Step(*model.State, reports.Step) { o.steps++ }

func (o *observer) Done(line int, op, answer string, s *model.State) {
	o.done = append(o.done, fmt.Sprintf("R %d %s = %s", line, op, answer))
	o.names = o.of.Names().FrameName(s, 0) != ""
}

func (o *observer) Over() bool { return false }

// sameLines reports whether what a watcher has seen is what is printed in the end. A race is
// seen as one operation and printed in several lines, of which the last has its answer.
func sameLines(done, printed []string) bool {
	if !slices.ContainsFunc(done, func(d string) bool { return strings.Contains(d, " | at ") }) {
		return slices.Equal(done, printed[max(0, len(printed)-len(done)):])
	}
	for _, d := range done {
		at := strings.LastIndex(d, " = ")
		n := slices.IndexFunc(printed, func(p string) bool { return strings.HasSuffix(p, d[at:]) })
		if n < 0 {
			return false
		}
		printed = printed[n+1:]
	}
	return true
}

// sameWatched holds that a run is the same when it is watched.
func (c *contract) sameWatched(s systems.Scenario, plain *systems.Play) {
	c.t.Helper()
	w := &observer{of: s}
	watched := c.play(s, systems.PlayOptions{Watch: w})
	if !slices.Equal(watched.Answers, plain.Answers) || !slices.Equal(watched.Printed, plain.Printed) || watched.Verdict != plain.Verdict {
		c.errorf("watched: %+v, else %+v", watched, plain)
	}
	if n := len(w.done); n != s.Len()+1 || !sameLines(w.done[1:], plain.Printed) || w.steps == 0 || !w.names {
		c.errorf("a watcher sees %d steps and %q, printed is %q", w.steps, w.done, plain.Printed)
	}
}

// sameReported holds that a run is the same when it is reported, and the report is
// whole.
func (c *contract) sameReported(s systems.Scenario, plain *systems.Play) {
	c.t.Helper()
	reported := c.play(s, systems.PlayOptions{Report: true, Place: true, Lenient: true})
	if !slices.Equal(reported.Answers, plain.Answers) || reported.Verdict.Anywhere() != plain.Verdict {
		c.errorf("reported: %+v, else %+v", reported, plain)
	}
	f := reported.Finding
	if f == nil {
		c.errorf("no report")
		return
	}
	if f.System != s.System() || len(f.Calls) != s.Len() || f.Rule == "" && f.Crash == "" || plain.Verdict.What != f.Rule+f.Kind || f.Headline() == "" {
		c.errorf("the report is of %s, %d calls, %q %q", f.System, len(f.Calls), f.Rule, f.Crash)
	}
	for i, r := range []*reports.Report{reports.New("test", reports.Run{System: f.System, Findings: []*reports.Finding{f}})} {
		if _, err := reports.Files(r); err != nil {
			c.errorf("report %d: %v", i, err)
		}
	}
}

// sameRead holds that a scenario reads back as it is, and runs alike.
func (c *contract) sameRead(s systems.Scenario, plain *systems.Play) {
	c.t.Helper()
	back, err := c.read("# about\nversion 1\n" + string(s.Body()))
	if err != nil {
		c.errorf("does not read back: %v\n%s", err, s.Body())
		return
	}
	again := c.play(back, systems.PlayOptions{})
	if !bytes.Equal(back.Body(), s.Body()) || back.Len() != s.Len() || again.Verdict != plain.Verdict {
		c.errorf("reads back with %v as\n%swritten was\n%s", again.Verdict, back.Body(), s.Body())
	}
	lines := bytes.Count(s.Body(), []byte("\n")) + 2
	for i := range s.Len() { // the last operations; before them come lines that describe
		a, b := again.Answers[len(again.Answers)-1-i], plain.Answers[len(plain.Answers)-1-i]
		if a.Text != b.Text || a.Line != lines-i || b.Line != 0 {
			c.errorf("read back: %+v, else %+v", a, b)
		}
	}
}

// strict appends each line of the language to a scenario that has gone wrong already.
// Nothing but what describes a scenario may follow, and the error says where it is.
func (c *contract) strict(s systems.Scenario) {
	c.t.Helper()
	last := bytes.Count(s.Body(), []byte("\n")) + 1
	place := fmt.Sprintf("f:%d:3: ", last)
	for _, spec := range script.Specs() {
		if spec.Name == "version" || spec.Name == "mutant" || spec.Name == "expect" || spec.Name == "system" {
			continue // systems never see them
		}
		example := cmp.Or(spec.Example, spec.Name)
		var at *script.Error
		x, err := c.read(string(s.Body()) + "  " + example + "\n")
		if err == nil {
			_, err = x.Play(systems.PlayOptions{})
			var early *systems.EarlyError
			if !errors.As(err, &early) {
				c.errorf("%q after its end: %v", example, err)
			}
		}
		if !errors.As(err, &at) || !strings.HasPrefix(err.Error(), place) || at.Line != last {
			c.errorf("%q after its end: error %v, want one at %s", example, err, place)
		}
	}
}
