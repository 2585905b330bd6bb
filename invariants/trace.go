package invariants

import "github.com/ptcheck/ptcheck/model"

// Trace judges what a machine did to its page tables by a record of it: of each store to a
// table, load of a root and flush. Unlike a [Checker] it knows of no calls of the kernel,
// and it goes on after a finding. Whoever reads the record keeps the words of tables in a
// state and tells the trace of each event after it has happened; what an event costs does
// not depend on how much memory the machine has.
type Trace struct {
	// Exercised counts, by rule, the events at which the rule applied, and Broken those
	// at which it did not hold.
	Exercised, Broken []uint64

	s     *model.State
	about Recorded
	rules []Rule
	found func(f *TraceFinding)

	levels int // of tables; 0: paging is off
	width  int // bytes an entry
	cpus   []traceCPU
	tables map[model.Frame]*tracedTable
	fresh  []*tracedTable // known, their entries not yet followed
	stamp  uint32
	// blame is the event that a rule holds responsible, if it is not the one that is judged.
	blame  *TraceEvent
	stale  staleSet
	leaves leaves
	halves []traceHalf // by processor
	shared sharedParts
	plans  [NumTraceOps][]int
}

// Recorded says what kernel and what machine a record is of.
type Recorded struct {
	// Version is the kernel's version, such as {6, 1}; zero: not known.
	Version Version
	// Xen says that the kernel is a guest of Xen's.
	Xen bool
	// RAM are the machine's frames of ordinary memory, in ascending order.
	RAM []model.FrameRange
	// PhysBits is the number of bits of a physical address.
	PhysBits int
	// Direct is where the kernel has all memory mapped, see [DirectVotes]; 0: not known.
	Direct model.VA
	// Isolate says that the processor reads the kernel's memory from user mode unless
	// user mode runs on tables without it (Meltdown).
	Isolate bool
}

// Version is the version of a kernel.
type Version struct{ Major, Minor int }

// Before reports whether a version is older than another one. One that is not known is
// not.
func (v Version) Before(o Version) bool {
	if v == (Version{}) {
		return false
	}
	return v.Major < o.Major || v.Major == o.Major && v.Minor < o.Minor
}

// TraceOp is the kind of an event of a trace.
type TraceOp uint8

// Events.
const (
	TraceStore   TraceOp = iota // an entry has changed, or was stored again
	TraceAdopt                  // a table has come into use as it is
	TraceRelease                // a table is about to go out of use
	TraceLoad                   // control registers were written
	TraceFlush                  // an address, or everything, was flushed
	TraceEnd                    // the record is over
	NumTraceOps
)

// TraceEvent is something that happened.
type TraceEvent struct {
	Op   TraceOp
	CPU  int
	Line int    // of the record
	RIP  uint64 // of the instruction

	Frame    model.Frame // the table
	Slot     int
	Level    int
	Old, New model.Entry // TraceStore: the whole entry
	Size     int         // TraceStore: bytes stored
	VA       model.VA    // TraceStore: the address stored to; TraceFlush: the one flushed
	All      bool        // TraceFlush: every address
	Globals  bool        // TraceFlush: global translations as well
	// Reg is the register that was written (0, 3, 4; else EFER), the others what they
	// hold from now on.
	Reg                 int
	CR0, CR3, CR4, EFER uint64
}

// traceCPU are the registers of a processor.
type traceCPU struct {
	cr0, cr3, cr4, efer uint64
	root                model.Frame
}

// TraceFinding is a rule that an event broke.
type TraceFinding struct {
	Violation
	// Event is the one that is to blame, Noticed the line at which the rule noticed.
	Event   TraceEvent
	Noticed int
}

// NewTrace returns a trace of a machine whose tables' words are in s. found is told of
// each broken rule, while the state is the one in which it was found broken.
func NewTrace(s *model.State, about Recorded, found func(f *TraceFinding)) *Trace {
	t := &Trace{s: s, about: about, found: found, tables: map[model.Frame]*tracedTable{}}
	for _, r := range TraceRules() {
		if r.trace.suits(&about) {
			for _, op := range r.trace.ops {
				t.plans[op] = append(t.plans[op], len(t.rules))
			}
			t.rules = append(t.rules, r)
		}
	}
	t.stale.reset()
	t.leaves.reset()
	t.shared.reset()
	t.Exercised, t.Broken = make([]uint64, len(t.rules)), make([]uint64, len(t.rules))
	return t
}

// Mute has no rule look at what follows: the trace keeps account of tables alone.
func (t *Trace) Mute() { t.plans = [NumTraceOps][]int{} }

// Rules are the rules that mean something on the machine, in the order of the counts.
func (t *Trace) Rules() []Rule { return t.rules }

// judge has the rules look at an event.
func (t *Trace) judge(e *TraceEvent) {
	for _, i := range t.plans[e.Op] {
		t.blame = e
		d, r := t.rules[i].trace.check(t, e)
		if r == silent {
			continue
		}
		t.Exercised[i]++
		if r == broken {
			t.Broken[i]++
			t.found(&TraceFinding{Violation: Violation{Rule: &t.rules[i], Detail: d, State: t.s}, Event: *t.blame, Noticed: e.Line})
		}
	}
}

// cpu are the registers of a processor.
func (t *Trace) cpu(n int) *traceCPU {
	for len(t.cpus) <= n {
		t.cpus = append(t.cpus, traceCPU{root: model.NoFrame})
	}
	return &t.cpus[n]
}

// Mode sets the number of table levels: a change of the paging mode. No frame counts as a
// table any more; the words of those to come are in s.
func (t *Trace) Mode(s *model.State, levels int) {
	t.s, t.levels, t.width = s, levels, 8
	if levels == 2 {
		t.width = 4
	}
	clear(t.tables)
	t.fresh = t.fresh[:0]
	t.stale.reset()
	t.leaves.reset()
	t.shared.reset()
	for i := range t.cpus {
		t.cpus[i].root = model.NoFrame
	}
}

// Load says that control registers were written: CR3 with its root, which the trace was
// told of by [Trace.Adopt] if it is new.
func (t *Trace) Load(e *TraceEvent) {
	t.settle(e)
	t.revive(e.CR3)
	c := t.cpu(e.CPU)
	old := *c
	*c = traceCPU{cr0: e.CR0, cr3: e.CR3, cr4: e.CR4, efer: e.EFER, root: t.rootFrame(e.CR3)}
	t.judge(e)
	t.flushedBy(e, &old)
}

// rootFrame is the frame of the root that CR3 names.
func (t *Trace) rootFrame(cr3 uint64) model.Frame {
	if t.levels == 0 {
		return model.NoFrame
	}
	return t.s.L.Map.Frame(model.Entry(cr3).MFN())
}

// Store says that an entry of a table was stored to. Tables that it brought into use were
// told of before.
func (t *Trace) Store(e *TraceEvent) {
	came, tb := t.follow(), t.tables[e.Frame]
	if tb != nil && t.reused(tb, e) {
		t.bury(tb, e)
	}
	if tb == nil || !tb.counts(e.Slot) {
		t.adopted(came, e)
		return
	}
	e.Level = tb.level
	t.stale.clock++
	t.relink(tb, e)
	t.adopted(came, e)
	t.shared.stored(t, tb)
	if !t.alive(tb) {
		return
	}
	t.leafChanged(tb, e, e.Slot, e.Old, e.New)
	t.judge(e)
	t.noteStale(tb, e)
}

// Flush says that a processor flushed an address, or everything.
func (t *Trace) Flush(e *TraceEvent) {
	t.settle(e)
	t.judge(e)
	t.flushedBy(e, nil)
}

// End says that the record is over.
func (t *Trace) End(e *TraceEvent) {
	t.settle(e)
	t.judge(e)
}
