package invariants

import (
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// Answer is what a rule says of a step.
type Answer = result

// The answers.
const (
	Silent = silent // the rule does not apply to this step
	Held   = held   // it applies and holds
	Broken = broken // it applies and does not hold
)

// Judge is a rule that a platform brings with it, besides those of [Rules]. Each
// checker has its own, so it may remember what happened since Begin; what must be
// remembered longer belongs in model.State. A search calls it at each step, so it
// should not allocate.
type Judge interface {
	// Begin is called when a call starts in a state.
	Begin(s *model.State)
	// Step looks at a step after it has happened: the words that it changed are in
	// s.Writes. The detail matters only if the rule is broken.
	Step(s *model.State, st *model.Step) (Answer, Detail)
}

// NewRule makes a rule of its description and of a function that makes judges.
func NewRule(r Rule, judge func() Judge) Rule {
	r.judge = judge
	return r
}

// withJudges gives rules that need one a judge of their own.
func withJudges(rules []Rule) ([]Rule, []Judge) {
	var judges []Judge
	rules = slices.Clone(rules)
	for i := range rules {
		if rules[i].judge == nil {
			continue
		}
		j := rules[i].judge()
		judges = append(judges, j)
		rules[i].check = func(c *Checker, st *model.Step) result {
			answer, d := j.Step(c.s, st)
			if answer == broken {
				c.fail(d)
			}
			return answer
		}
	}
	return rules, judges
}
