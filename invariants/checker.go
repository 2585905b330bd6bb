package invariants

import (
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// Checker applies the rules to each step of a machine. It stops the machine at
// the first step that breaks one.
type Checker struct {
	// Exercised counts, by rule, the steps at which the rule applied.
	Exercised []uint64
	// Violated is the index of the broken rule, or -1.
	Violated int
	// Detail says what is wrong: the frame, address or slot concerned.
	Detail Detail
	// KeepGoing leaves the machine running after a violation; the first one is
	// kept.
	KeepGoing bool

	rules  []Rule
	judges []Judge // of the rules that have one
	// byOp are the rules that look at each kind of step, by the traits of the machine;
	// ops are those of the machine that is looked at.
	byOp  [numTraits]*[model.NumOps][]int
	ops   *[model.NumOps][]int
	s     *model.State
	broke model.Step // the step that broke the rule
	view  view
	trees trees
	start *Snapshot
	calls [2]callMemory // by processor
	call  *callMemory   // that of the processor that took the step
	// recount is a recount of the state; recounted says that of this step.
	recount   Recount
	recounted bool
	reach     reach // scratch
}

// New returns a checker for the given rules, nil for all.
func New(rules []Rule) *Checker {
	if rules == nil {
		rules = Rules()
	}
	rules, judges := withJudges(rules)
	return &Checker{rules: rules, judges: judges, Exercised: make([]uint64, len(rules)), Violated: -1}
}

// choose finds the rules for machines of a layout.
func (c *Checker) choose(l *model.Layout) {
	t := traitsOf(l)
	if c.byOp[t] == nil {
		c.byOp[t] = new([model.NumOps][]int)
		for i := range c.rules {
			r := &c.rules[i]
			for op := range model.NumOps {
				if r.suits(t) && (len(r.ops) == 0 || slices.Contains(r.ops, op)) {
					c.byOp[t][op] = append(c.byOp[t][op], i)
				}
			}
		}
	}
	c.ops = c.byOp[t]
}

// Rules returns the rules that the checker applies.
func (c *Checker) Rules() []Rule { return c.rules }

// BeginAt makes the checker look at a state afresh. start are the translations
// that must be kept; nil takes those of the state itself.
func (c *Checker) BeginAt(s *model.State, start *Snapshot) {
	c.s, c.Violated, c.Detail = s, -1, Detail{}
	c.choose(s.L)
	if start == nil {
		start = TakeSnapshot(s)
	}
	c.start = start
	for _, j := range c.judges {
		j.Begin(s)
	}
	c.view.reset(s)
	c.trees.reset(s)
	for i := range c.calls {
		c.calls[i].reset()
	}
}

// Begin makes the checker look at a start-of-day state.
func (c *Checker) Begin(s *model.State) { c.BeginAt(s, nil) }

// Step implements model.Observer.
func (c *Checker) Step(m *model.Machine, s *model.Step) {
	c.view.apply(c.s, s)
	c.trees.follow(c.s, s)
	c.call = &c.calls[s.CPU]
	c.recounted = false
	c.call.follow(c.s, s)
	if c.call.settled {
		c.noteEffects()
	}
	for _, i := range c.ops[s.Op] {
		rule := &c.rules[i]
		if !rule.in(c.s.Kernel.Phase) {
			continue
		}
		r := rule.check(c, s)
		if r == silent {
			continue
		}
		c.Exercised[i]++
		if r == broken && c.Violated < 0 {
			c.Violated, c.broke = i, *s
			if !c.KeepGoing {
				m.Die(model.Crash{Kind: model.CrashStopped, Where: c.rules[i].ID})
			}
		}
	}
}

// fail records what is wrong.
func (c *Checker) fail(d Detail) result {
	if c.Violated < 0 {
		c.Detail = d
	}
	return broken
}

// Violation is the first violation, nil if there is none. A namer puts names into its
// words.
func (c *Checker) Violation(n Namer) *Violation {
	if c.Violated < 0 {
		return nil
	}
	return &Violation{Rule: &c.rules[c.Violated], Detail: c.Detail, State: c.s, Step: &c.broke, Namer: n}
}
