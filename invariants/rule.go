package invariants

import "github.com/ptcheck/ptcheck/model"

// Rule is one invariant: all that there is to say about it, and how to check it.
type Rule struct {
	ID      string // such as "tables-read-only"
	Says    string // one sentence
	Applies string // when it applies
	Source  string // commit, kernel or Xen function, manual section
	Limits  string // what it cannot tell
	Goal    string // what shows that it was exercised

	// Where and when it means something; the zero values stand for everywhere and
	// always.
	Machine Machine
	Kernel  Kernel
	Span    Span
	// From is the first phase of the boot protocol that it is about, Until the first
	// one that it is not about any more; 0: there is none.
	From, Until model.Phase
	// Kmap says that it is about kernels that use kmap_atomic.
	Kmap bool

	// Tell says in words what is wrong, in the state in which the rule was found
	// broken. Nil: the parts of the detail, one after the other.
	Tell func(v *Violation) string

	// Counts says that what it finds wrong are counts of the hypervisor: a report tells who
	// took references to the frame and gave them back.
	Counts bool

	// ops are the kinds of steps that check wants to see, nil for all.
	ops []model.Op
	// heeds is what check wants to see of a step that stores, 0 for each one; see [news].
	heeds news
	// check looks at one step of a kernel, after it has happened; nil: the rule is for
	// hostile guests alone.
	check func(c *Checker, s *model.Step) result
	// judge makes a judge for each checker; see [NewRule].
	judge func() Judge
	// guest is how the rule judges hostile guests.
	guest guest
	// trace is how it judges traces; nil: it does not.
	trace *traceRule
}

// Machine says which machines a rule is about.
type Machine uint8

const (
	AnyMachine Machine = iota
	BareMetal
	UnderHypervisor
)

// Kernel says which kernels a rule is about.
type Kernel uint8

const (
	AnyKernel   Kernel = iota
	FirstKernel        // the protocol of 2007
	LaterKernel        // 2.6.39 and later, see model.EarlyMap
	GrownKernel        // later ones, and any that has booted
)

// Span says which part of a machine's life a rule is about.
type Span uint8

const (
	AnyTime Span = iota
	Booting
	Living // after the boot, see model.LifeMap
)

// For reports whether the rule means something on machines of a layout.
func (r *Rule) For(l *model.Layout) bool { return r.suits(traitsOf(l)) }

// traits are what rules ask of a layout, by bit.
type traits uint8

const (
	isGuest traits = 1 << iota // of a hypervisor
	isLater                    // a later kernel
	usesKmap
	hasBooted
	numTraits = 1 << iota // the number of sets of traits
)

func traitsOf(l *model.Layout) (t traits) {
	if l.Hyper != nil {
		t |= isGuest
	}
	if l.Early != nil {
		t |= isLater
	}
	if l.Early != nil && l.Early.Kmaps > 0 {
		t |= usesKmap
	}
	if l.Life != nil {
		t |= hasBooted
	}
	return t
}

// suits reports whether the rule means something on machines with some traits.
func (r *Rule) suits(t traits) bool {
	has := func(b traits) bool { return t&b != 0 }
	return (r.Machine == AnyMachine || (r.Machine == UnderHypervisor) == has(isGuest)) &&
		r.Kernel.suits(has(isLater), has(hasBooted)) &&
		(r.Span == AnyTime || (r.Span == Living) == has(hasBooted)) &&
		(!r.Kmap || has(usesKmap))
}

// suits reports whether a kernel is one of those meant.
func (k Kernel) suits(later, booted bool) bool {
	switch k {
	case FirstKernel:
		return !later
	case LaterKernel:
		return later
	case GrownKernel:
		return later || booted
	}
	return true
}

// result is the answer of a check.
type result uint8

const (
	silent result = iota // the rule does not apply to this step
	held                 // it applies and holds
	broken               // it applies and does not hold
)

// Rules returns the rules for kernels, in the order in which they are checked.
func Rules() []Rule { return rulesThat((*Rule).forKernels) }

// GuestRules returns the rules for hostile guests, in the order in which they are
// checked.
func GuestRules() []Rule { return rulesThat((*Rule).forGuests) }

// All returns every rule once: those for kernels, then those for hostile guests alone.
func All() []Rule {
	return append(Rules(), rulesThat(func(r *Rule) bool { return !r.forKernels() })...)
}

// Find returns the rule with an ID.
func Find(id string) (Rule, bool) {
	for _, r := range every() {
		if r.ID == id {
			return r, true
		}
	}
	return Rule{}, false
}

func (r *Rule) forKernels() bool { return r.check != nil }

func (r *Rule) forGuests() bool { return r.guest.state != nil || r.guest.event != nil }

func rulesThat(fit func(*Rule) bool) []Rule {
	var out []Rule
	for _, r := range every() {
		if fit(&r) {
			out = append(out, r)
		}
	}
	return out
}
