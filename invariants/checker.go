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
	// plans are the checks of each kind of step, by the traits of the machine; plan is
	// that of the machine that is looked at.
	plans [numTraits]*plan
	plan  *plan
	some  [32]some // what has been chosen of plans
	s     *model.State
	broke model.Step // the step that broke the rule
	// stores are the words that the step changed, oldest first; one may occur several times.
	stores []model.Write
	view   view
	trees  trees
	start  *Snapshot
	calls  [2]callMemory // by processor
	call   *callMemory   // that of the processor that took the step
	// recount is a recount of the state; recounted says that of this step.
	recount   Recount
	recounted bool
	large     bool  // the machine is one of many frames, see [Recount]
	enlarged  bool  // it is to be taken for one
	reach     reach // scratch
	memo      reachMemo
	kept      kept
	// everybody is what hangs on all roots, and mapped how often processes map each
	// page, of this step if they have been looked for.
	everybody, mapped looked
	changes           changes
	sweeps            sweeps
	// translated says that the translations of the start have all been looked at, the last
	// time under a root.
	translated      bool
	translatedUnder model.Frame
	whole           [1]span // scratch
	// read are the tables that a rule has looked up addresses in, since it last said so.
	read uint64
	// pages counts the pages that rules about all of memory have looked at.
	pages uint64
	cr4   [2]model.CR4 // of each processor, before the step
	root  model.Frame  // CR3 at the last step
	// asksAll has every rule asked at each step, whatever it heeds.
	asksAll bool
}

// plan lists, for each kind of step, the checks that look at it.
type plan [model.NumOps][]duty

// duty is the check of a rule, with what decides whether it is called.
type duty struct {
	check       func(c *Checker, s *model.Step) result
	heeds       news        // as in Rule, at steps that store
	from, until model.Phase // as in Rule
	rule        int
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
	if c.plans[t] == nil {
		c.plans[t] = new(plan)
		for i := range c.rules {
			r := &c.rules[i]
			for op := range model.NumOps {
				if r.suits(t) && (len(r.ops) == 0 || slices.Contains(r.ops, op)) {
					c.plans[t][op] = append(c.plans[t][op], duty{r.check, r.heedsAt(op), r.From, r.Until, i})
				}
			}
		}
	}
	c.plan = c.plans[t]
}

// Rules returns the rules that the checker applies.
func (c *Checker) Rules() []Rule { return c.rules }

// BeginAt makes the checker look at a state afresh. start are the translations
// that must be kept; nil takes those of the state itself.
func (c *Checker) BeginAt(s *model.State, start *Snapshot) {
	c.begin(s, start)
	c.kept.ready = false
	c.view.reset(s, c.large)
	c.trees.reset(s, c.large)
	c.memo.begin(s, !c.large, false)
	if c.large && s.L.Hyper != nil {
		c.recount.begin(s)
	}
}

// begin forgets what was remembered of the last call.
func (c *Checker) begin(s *model.State, start *Snapshot) {
	c.s, c.Violated, c.Detail = s, -1, Detail{}
	c.choose(s.L)
	if start == nil {
		start = TakeSnapshot(s)
	}
	c.start, c.translated = start, false
	for _, j := range c.judges {
		j.Begin(s)
	}
	c.large, c.recounted = large(s) || c.enlarged, false
	c.sweeps.future.forget()
	c.sweeps.write.looked = false
	for i := range c.calls {
		c.calls[i].reset()
		c.cr4[i] = s.CPUOf(i % s.Processors()).CR4
	}
}

// Begin makes the checker look at a start-of-day state.
func (c *Checker) Begin(s *model.State) { c.BeginAt(s, nil) }

// Step implements model.Observer.
func (c *Checker) Step(m *model.Machine, s *model.Step) {
	c.stores = c.s.AppendWrites(c.stores[:0])
	c.view.apply(c.s, s, c.stores)
	c.trees.follow(c.s, s, c.stores)
	c.memo.follow(c.s, s, c.stores)
	c.call = &c.calls[s.CPU]
	if c.large && c.s.L.Early != nil {
		c.sweeps.future.follow(c)
	}
	c.followRecount()
	c.everybody.ready, c.mapped.ready = false, false
	c.changes.ready = [2]bool{}
	c.call.follow(c.s, s, c.stores)
	if c.call.settled {
		c.noteEffects()
	}
	now := always
	if s.Op.Stores() {
		now = c.news(s)
	}
	if c.asksAll {
		now = ^news(0)
	}
	for _, d := range c.duties(s.Op, now) {
		if phase := c.s.Kernel.Phase; phase < d.from || d.until != 0 && phase >= d.until {
			continue
		}
		r := d.check(c, s)
		if r == silent {
			continue
		}
		c.Exercised[d.rule]++
		if r == broken && c.Violated < 0 {
			c.Violated, c.broke = d.rule, *s
			if !c.KeepGoing {
				m.Die(model.Crash{Kind: model.CrashStopped, Where: c.rules[d.rule].ID})
			}
		}
	}
	c.cr4[s.CPU], c.root = c.s.CPU.CR4, c.s.CPU.CR3
}

// some are the duties of a plan at steps of one kind with some news: a machine that fills tables
// takes few kinds of steps.
type some struct {
	of   *plan
	op   model.Op
	now  news
	list []*duty
}

// duties are those to ask after a step.
func (c *Checker) duties(op model.Op, now news) []*duty {
	at := &c.some[(uint32(now)*0x9e3779b1+uint32(op)*0x85ebca6b)>>27]
	if at.of == c.plan && at.op == op && at.now == now {
		return at.list
	}
	at.of, at.op, at.now, at.list = c.plan, op, now, at.list[:0]
	for i := range c.plan[op] {
		if d := &c.plan[op][i]; d.heeds&now != 0 {
			at.list = append(at.list, d)
		}
	}
	return at.list
}

// followRecount takes in a step. What has been looked at at the last one is done with.
func (c *Checker) followRecount() {
	if c.large && c.s.L.Hyper != nil {
		if c.recounted {
			c.recount.ledger.Forget()
		}
		c.recount.follow(c.s)
	}
	c.recounted = false
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
