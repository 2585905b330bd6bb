package invariants

import "github.com/ptcheck/ptcheck/model"

// Rule is one invariant as data: what it says, where it comes from, and how to
// check it.
type Rule struct {
	ID      string // such as "tables-read-only"
	Says    string // one sentence
	Applies string // when it applies
	Source  string // commit, kernel or Xen function, manual section
	Limits  string // what it cannot tell
	Goal    string // what shows that it was exercised

	// Hyper says that the rule means something under a hypervisor only.
	Hyper bool
	// Native says that it means something on bare metal only.
	Native bool
	// Kmap says that it means something where kmap_atomic is used.
	Kmap bool
	// Kernel says which kernels' protocol the rule is about.
	Kernel Kernel
	// Boot says that it means something while booting only, Life that it does
	// after boot only.
	Boot, Life bool

	// ops are the kinds of steps that check wants to see, nil for all.
	ops []model.Op
	// check looks at one step, after it has happened.
	check func(c *Checker, s *model.Step) result
	// hire makes a judge of its own for each checker; see [NewRule].
	hire func() Judge
	// state judges a state of a hostile guest, event an operation.
	state func(r *Recount) (Detail, bool)
	event func(r *Recount, s *model.Step) (Detail, bool)
}

// Kernel says which kernels a rule is about.
type Kernel uint8

const (
	AnyKernel   Kernel = iota
	FirstKernel        // the protocol of 2007
	LaterKernel        // 2.6.39 and later, see model.EarlyMap
)

// For reports whether the rule means something on machines of a layout.
func (r *Rule) For(l *model.Layout) bool {
	switch {
	case r.Hyper && l.Hyper == nil, r.Native && l.Hyper != nil, r.Kmap && (l.Early == nil || l.Early.Kmaps == 0),
		r.Boot && l.Life != nil, r.Life && l.Life == nil:
		return false
	}
	return r.Kernel == AnyKernel || (r.Kernel == LaterKernel) == (l.Early != nil)
}

// result is the answer of a check.
type result uint8

const (
	silent result = iota // the rule does not apply to this step
	held                 // it applies and holds
	broken               // it applies and does not hold
)

// Rules returns the rules that hold for kernels, in the order in which they are
// checked.
func Rules() []Rule {
	return []Rule{
		presentNotReallocated(),
		leafRewritten(),
		tablesReadOnly(),
		translationsKept(),
		rootValid(),
		fixmapLands(),
		zapComplete(),
		zeroPageEmpty(),
		hypervisorSlots(),
		noTornEntry(),
		directMapTrue(),
		pointerFlags(),
		tablesReserved(),
		identityKept(),
		directMapComplete(),
		storesStay(),
		rootPinned(),
		setupIdempotent(),
		refusalsHeeded(),
		hookOrder(),
		futureTables(),
		ramOnly(),
		sparesReturned(),
		fixmapContiguous(),
		tablesMinimal(),
		sizeThenAttributes(),
		slotsKept(),
		oneType(),
		tablesValid(),
		countsAgree(),
		queueFlushed(),
		noDangling(),
		nothingLeftBehind(),
		kernelPartShared(),
		aliasesAgree(),
		knownAtSuspend(),
		changesFlushed(),
		exitRestores(),
		userPartEmpty(),
		sharedReadOnly(),
	}
}

// GuestRules returns the rules that hold for hostile guests, in the order in
// which they are checked.
func GuestRules() []Rule {
	return []Rule{
		hypervisorLives(),
		tablesReadOnly(),
		noStaleWrite(),
		rootValid(),
		linearOneDeep(),
		oneType(),
		partialConsistent(),
		tablesValid(),
		countsAgree(),
		nothingLeft(),
		pinsKept(),
		updatesLand(),
		storesDone(),
		hypervisorEntries(),
		absentSafe(),
		entryStored(),
		memoryKept(),
		dirtyKept(),
		legalGranted(),
	}
}

// All returns every rule once: those for kernels, then those for hostile guests
// alone.
func All() []Rule {
	all := Rules()
	for _, r := range GuestRules() {
		if r.check == nil {
			all = append(all, r)
		}
	}
	return all
}

// Find returns the rule with an ID.
func Find(id string) (Rule, bool) {
	for _, r := range All() {
		if r.ID == id {
			return r, true
		}
	}
	return Rule{}, false
}
