package invariants

import (
	"testing"

	"github.com/ptcheck/ptcheck/model"
)

// stepCase is a step, whole, with the verdict that it deserves.
type stepCase struct {
	name  string
	guest bool
	prep  func(x *scene) // before the checker begins
	edit  func(x *scene) // part of the step
	step  model.Step
	want  string
}

// take shows a rule one step and says what it makes of it.
func (x *scene) take(st model.Step) string {
	before := x.c.Exercised[0]
	x.c.Violated = -1
	x.c.Step(x.m, &st)
	x.Commit()
	switch {
	case x.c.Violated == 0:
		return "broken"
	case x.c.Exercised[0] > before:
		return "held"
	}
	return "silent"
}

func trySteps(t *testing.T, rule string, cases []stepCase) {
	t.Helper()
	verdicts := map[string]bool{}
	for _, c := range cases {
		x := newScene(t, rule, c.guest)
		if c.prep != nil {
			c.prep(x)
			x.Commit()
			x.c.Begin(x.State)
		}
		if c.edit != nil {
			c.edit(x)
		}
		if got := x.take(c.step); got != c.want {
			t.Errorf("%s: %s: %s, want %s; %+v", rule, c.name, got, c.want, x.c.Detail)
		}
		verdicts[c.want] = true
	}
	for _, v := range []string{"broken", "held"} {
		if !verdicts[v] {
			t.Errorf("%s: no case is %s", rule, v)
		}
	}
}

// sequence is several steps of one call, with the verdict on each.
type sequence struct {
	name  string
	guest bool
	prep  func(x *scene)
	steps []stepped
}

type stepped struct {
	edit func(x *scene)
	step model.Step
	want string
}

func trySequences(t *testing.T, rule string, sequences []sequence) {
	t.Helper()
	for _, s := range sequences {
		x := newScene(t, rule, s.guest)
		if s.prep != nil {
			s.prep(x)
			x.Commit()
			x.c.Begin(x.State)
		}
		for i, st := range s.steps {
			if st.edit != nil {
				st.edit(x)
			}
			if got := x.take(st.step); got != st.want {
				t.Errorf("%s: %s, step %d: %s, want %s; %+v", rule, s.name, i, got, st.want, x.c.Detail)
			}
		}
	}
}

// set returns the writing of an entry as part of a step.
func set(f model.Frame, slot int, e model.Entry) func(*scene) {
	return func(x *scene) { x.set(f, slot, e) }
}

// phase puts the kernel into a phase, with frames 6 to 8 handed out.
func phase(p model.Phase) func(*scene) {
	return func(x *scene) {
		x.Kernel.Phase = p
		x.L.Kernel.BootmemFirst, x.State.Kernel.BootmemNext = empty, data
	}
}

func (x *scene) wide(t *testing.T, rule string, nxe bool) {
	t.Helper()
	g, err := model.NewGeometry("wide", 8, 2, 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	g.PAERoot = true
	l := &model.Layout{Geo: g, Map: model.IdentityMap(16)}
	l.Kernel = model.KernelMap{PageOffset: 0x10000, MaxLowPFN: 12, Root: 0, ZeroPage: 9, TextEnd: 0x11000}
	s := model.NewState(l)
	s.SetEntry(g, 0, 1, entry(1, model.Present))
	for i := range 3 {
		s.SetEntry(g, 1, i, entry(model.Frame(2+i), upper))
	}
	for f := range 12 {
		s.SetEntry(g, model.Frame(2+f/4), f%4, entry(model.Frame(f), final))
	}
	s.CPU.CR3, s.CPU.NXE = 0, nxe
	s.Kernel.Phase = model.PhaseLoaded
	s.Commit()
	r, ok := Find(rule)
	if !ok {
		t.Fatalf("no rule %s", rule)
	}
	*x = scene{State: s, c: New([]Rule{r}), m: model.NewMachine(s)}
	x.c.KeepGoing = true
	x.c.Begin(s)
}
