package property_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/fuzz/property"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/drawn"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/pvdp"
)

// finding is the last thing that a property came upon. Both libraries shrink first
// and end with the smallest one.
type finding struct {
	mutant   string // that is planted
	scenario func(mutant string) (*systems.File, error)
	problem  error
}

// note keeps a finding.
func (f *finding) note(scenario func(string) (*systems.File, error), problem error) {
	f.scenario, f.problem = scenario, problem
}

// file shrinks the finding and saves it.
func (f *finding) file(dir string) (*property.Filed, error) {
	if f.scenario == nil {
		return nil, errors.New("nothing is found that a scenario could tell")
	}
	tr, err := f.scenario(f.mutant)
	if err != nil {
		return nil, err
	}
	return property.File(dir, tr, f.problem, judge)
}

// reports makes a test that fails say where its finding is and how to replay it.
func (f *finding) reports(t *testing.T) {
	t.Cleanup(func() {
		if !t.Failed() || f.scenario == nil {
			return
		}
		if filed, err := f.file(property.Folder()); err != nil {
			t.Logf("the finding is not saved: %v", err)
		} else {
			t.Log(filed)
		}
	})
}

// checks runs a property of rapid that notes what it finds.
func checks(prop func(*finding) func(*rapid.T)) func(*testing.T) {
	return func(t *testing.T) {
		f := &finding{}
		f.reports(t)
		rapid.Check(t, prop(f))
	}
}

// judge looks for what is wrong with a scenario that no rule sees: stores to
// nobody's memory, or a machine that differs from the abstract one.
func judge(tr *systems.File) error {
	if _, start, calls, ok := kernel.CallsOf(tr.Scenario); ok {
		return judgeBoot(tr, start, calls)
	}
	b, ops, ok := pvdp.OpsOf(tr.Scenario)
	if !ok {
		return fmt.Errorf("system %s is not judged by properties", tr.System())
	}
	for _, p := range append(model.Profiles(), model.Plain()) {
		if p.Name == b.Profile {
			return judgeGuest(tr, p, firstOwners(b.Frames, b.Levels, b.Slots), ops)
		}
	}
	return fmt.Errorf("no rules are named %q", b.Profile)
}

// judgeBoot makes calls on a machine and in the abstract kernel. Lives make calls
// that the abstract kernel does not know; from there on only the machine counts.
func judgeBoot(tr *systems.File, start string, calls []kernel.Call) error {
	kind, _, err := drawn.Parse(start)
	if err != nil {
		return err
	}
	x, c, err := plantedIn(tr)
	if err != nil {
		return err
	}
	sys, err := x.(*kernel.Backend).New(kernel.Options{Drawn: []string{start}, Change: c})
	if err != nil {
		return err
	}
	life, err := property.Start(sys)
	if err != nil {
		return err
	}
	abstract := firstSpace(kind, 0, life.Model.State())
	k := newKernel(life, abstract, &finding{})
	for _, c := range calls {
		step := &step{c}
		if abstract != nil && step.PreCondition(abstract) {
			abstract = step.NextState(abstract).(*space)
		} else {
			abstract = nil
		}
		if !slices.Contains(life.Calls(), c.Code()) {
			continue
		}
		if err := life.Do(c.Code()); err != nil {
			return err
		}
		if k.keep(); abstract == nil {
			continue
		}
		if err := k.refines(abstract); err != nil {
			return fmt.Errorf("%v: %w", c, err)
		}
	}
	return nil
}

// plantedIn is the system of a scenario, and what its mutant changes there.
func plantedIn(f *systems.File) (x systems.System, c systems.Change, err error) {
	set, err := mutants.Set()
	if err != nil {
		return nil, c, err
	}
	if x, err = set.Find(f.System()); err == nil && f.Mutant != "" {
		c, err = set.Bug(f.Mutant, x)
	}
	return x, c, err
}

// judgeGuest carries operations out on a machine and in the abstract hypervisor.
func judgeGuest(tr *systems.File, p *model.Profile, o *owners, ops []pvdp.Op) error {
	p.NoLinear = true
	_, c, err := plantedIn(tr)
	if err != nil {
		return err
	}
	p.Mutant = c.Hypervisor
	g := newGuest(o, p, &finding{})
	for _, op := range ops {
		c := operationOf(op)
		if !c.PreCondition(o) {
			continue
		}
		o = c.NextState(o).(*owners)
		if r := c.PostCondition(o, c.Run(g)); !r.Success() {
			return fmt.Errorf("%s", r.Labels)
		}
	}
	return nil
}

// TestReplay replays the finding that the environment variable PTCHECK_REPLAY names,
// one that no rule sees.
func TestReplay(t *testing.T) {
	path := os.Getenv("PTCHECK_REPLAY")
	if path == "" {
		t.Skip("PTCHECK_REPLAY is not set")
	}
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := setOf(t).Parse(path, src)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := tr.Verdict(); err != nil || v.Fails() {
		t.Fatal(v, err)
	}
	if err := judge(tr); err != nil {
		t.Fatal(err)
	}
}
