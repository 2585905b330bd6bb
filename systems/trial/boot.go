package trial

import (
	"fmt"
	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model/explore/shrink"
	"github.com/ptcheck/ptcheck/reports"
)

// boot is a scenario of boot calls.
type bootScenario struct {
	world *bootWorld
	scope bootScope
	calls []kernel.Call
}

func newBoot(name string, c mutants.Change, s bootScope, calls []kernel.Call) *bootScenario {
	w := &bootWorld{name: name, change: c, open: map[bootScope]*openSystem{}}
	for _, c := range calls {
		w.preemptions = max(w.preemptions, c.Preemptions())
	}
	return &bootScenario{w, s, calls}
}

func (b *bootScenario) system() string { return b.world.name }
func (b *bootScenario) size() int      { return len(b.calls) }

func (b *bootScenario) run() Verdict {
	_, v := b.world.run(b.scope, b.calls, true)
	return v
}

func (b *bootScenario) under(c mutants.Change) scenario {
	o := newBoot(b.world.name, c, b.scope, b.calls)
	o.world.budget = b.world.budget
	return o
}

func (b *bootScenario) text(headline string) ([]byte, error) {
	f := b.world.family(b.scope)
	return f.sys.Scenario(b.scope.init, b.calls, headline), nil
}

func (b *bootScenario) explain() (*reports.Finding, error) {
	return b.world.family(b.scope).sys.Explain(b.scope.init, b.calls)
}

func (b *bootScenario) shrink(want Verdict, tries int) (scenario, Shrunk, error) {
	if tries <= 0 {
		tries = 100_000
	}
	b.world.want = want
	r, err := shrink.Shrink(b.world, shrink.Input[bootScope, kernel.Call]{Scope: b.scope, Ops: b.calls}, tries)
	if err != nil {
		return nil, Shrunk{}, fmt.Errorf("trial: %s: %w", b.world.name, err)
	}
	return &bootScenario{b.world, r.Scope, r.Ops}, Shrunk{From: len(b.calls), To: len(r.Ops), Tries: r.Tries, Minimal: r.Minimal}, nil
}
