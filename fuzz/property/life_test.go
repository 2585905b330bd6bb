package property_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/ptcheck/ptcheck/fuzz/property"
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/drawn"
)

// drawer draws from rapid. All numbers are equally likely: rapid's own ranges
// prefer small ones, which as indexes of calls leads to the same few calls.
func drawer(t *rapid.T) drawn.Draw {
	var numbers []int
	return func(name string, lo, hi int) int {
		for len(numbers) <= hi-lo {
			numbers = append(numbers, len(numbers))
		}
		return lo + rapid.SampledFrom(numbers[:hi-lo+1]).Draw(t, name)
	}
}

// begin draws a machine of a family and starts it.
func begin(t *rapid.T, kind drawn.Kind, d drawn.Draw) *property.Life {
	return start(t, kind, d, nil, &finding{})
}

func start(t *rapid.T, kind drawn.Kind, d drawn.Draw, patch func(*hooks.Ops, *hooks.Funcs), f *finding) *property.Life {
	sys, err := property.Draw(kind, d, patch)
	if err != nil {
		t.Fatal(err)
	}
	life, err := property.Start(sys)
	if err != nil {
		f.note(life.Scenario, err)
		t.Fatal(err)
	}
	return life
}

// lives is the property that no protocol call of a machine breaks a rule or kills
// the kernel, whichever machine it is and in whatever order the calls come.
func lives(kind drawn.Kind, patch func(*hooks.Ops, *hooks.Funcs), f *finding) func(*rapid.T) {
	return func(t *rapid.T) {
		d := drawer(t)
		life := start(t, kind, d, patch, f)
		for range d("calls", 8, 40) {
			if err := life.Do(life.Choose(d)); err != nil {
				f.note(life.Scenario, err)
				t.Fatal(err)
			}
		}
	}
}

// TestLives makes long boots and lives after boot on machines of all families.
func TestLives(t *testing.T) {
	for _, kind := range drawn.Kinds() {
		t.Run(kind.String(), checks(func(f *finding) func(*rapid.T) { return lives(kind, nil, f) }))
	}
}

// TestLivesReachEverything holds that lives are long enough: all calls of the
// protocol are made in them and all rules applied.
func TestLivesReachEverything(t *testing.T) {
	calls := map[model.CallKind]uint64{}
	rules := map[string]uint64{}
	for _, kind := range drawn.Kinds() {
		rapid.Check(t, func(t *rapid.T) {
			d := drawer(t)
			life := begin(t, kind, d)
			for range 30 {
				if err := life.Do(life.Choose(d)); err != nil {
					t.Fatal(err)
				}
			}
			counts := life.Model.Counters()
			for k := range model.NumCalls {
				calls[k] += counts[k]
			}
			for i, r := range life.Sys.Rules() {
				rules[r.ID] += counts[int(model.NumCalls)+i]
			}
		})
	}
	for k := model.CallSetupStart; k <= model.CallExit; k++ {
		if calls[k] == 0 {
			t.Errorf("%v was never called", k)
		}
	}
	for _, r := range invariants.Rules() {
		if n, mine := rules[r.ID]; mine && n == 0 { // some rules are for hostile guests alone
			t.Errorf("rule %s was never applied", r.ID)
		}
	}
}
