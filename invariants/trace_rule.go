package invariants

// traceRule is how a rule judges traces.
type traceRule struct {
	applies string // when it applies to traces
	limits  string // what it cannot tell of them
	// ops are the kinds of events that check wants to see.
	ops   []TraceOp
	check func(t *Trace, e *TraceEvent) (Detail, result)
	on    Platform
	// since is the first version of the kernel that keeps it; zero: all do.
	since Version
}

// Platform says where a kernel runs.
type Platform uint8

// Platforms.
const (
	Anywhere Platform = iota
	OnMetal
	OnXen
)

// suits reports whether the rule means something of a record.
func (r *traceRule) suits(about *Recorded) bool {
	return (r.on == Anywhere || (r.on == OnXen) == about.Xen) && !about.Version.Before(r.since)
}

// OnlyTraces reports whether the rule judges records of real machines and nothing else.
func (r *Rule) OnlyTraces() bool { return r.trace != nil && !r.forKernels() && !r.forGuests() }

// ForTrace reports whether the rule means something of a record.
func (r *Rule) ForTrace(about *Recorded) bool { return r.trace != nil && r.trace.suits(about) }

// TraceApplies says when the rule applies to recordings, "" if never.
func (r *Rule) TraceApplies() string {
	if r.trace == nil {
		return ""
	}
	return r.trace.applies
}

// TraceLimits says what the rule cannot tell of recordings.
func (r *Rule) TraceLimits() string {
	if r.trace == nil || r.trace.limits == "" {
		return r.Limits
	}
	return r.trace.limits
}

// TraceRules returns the rules for traces, in the order in which they are checked.
func TraceRules() []Rule { return rulesThat(func(r *Rule) bool { return r.trace != nil }) }
