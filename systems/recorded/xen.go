package recorded

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/hypercall"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// xenGuest has the model's hypervisor carry out what the guest of a recording asked the
// real one for, and compares the answers and what became of the tables.
type xenGuest struct {
	native *machine // memory as it was recorded
	found  func(*xenFinding)
	known  *survey
	m      *model.Machine // nil until the guest has begun
	s      *model.State
	judge  *invariants.GuestJudge
	waits  []*guestCall // hypercalls without an answer, the innermost last
	ended  *guestCall   // one with an answer, whose entries' answers follow
	table  *kernel.Event
	point  kernel.Point // of the records that follow
	counts GuestCounts
}

// GuestCounts are what the model's hypervisor did for a recorded guest.
type GuestCounts struct {
	// Requests are operations about tables that the model carried out, Restarts
	// hypercalls that were taken up again, Others hypercalls that tables do not depend
	// on, Emulated stores that the hypervisor carried out for the guest, Compared
	// entries that agree with memory.
	Requests, Restarts, Others, Emulated, Compared, Held uint64
	// Assumed are tables of which the recording shows what they held only later.
	Assumed uint64
	// Owned says that the recording has the hypervisor's records from the start: whose
	// frames are. Records are frames whose records were compared at the end, Types those of
	// which type and pin agree, Uses those of which the counts do, too: the hypervisor
	// holds references of its own that nobody asked for.
	Owned                bool
	Records, Types, Uses uint64
}

// xenFinding is what the model makes of a hypercall that is not what happened, or a rule of
// the hypervisor's that is broken.
type xenFinding struct {
	rule  string
	text  string
	event kernel.Event
	frame model.Frame // of the guest's
	slot  int
}

// guestCall is a hypercall.
type guestCall struct {
	event   kernel.Event
	request            // it itself, unless it is a multicall
	entries []*request // of a multicall
	done    int        // entries that were done before it was taken up again
	half    *request   // one that was done in part
	result  int64
	results []int64
	stores  []placeOf // entries that changed meanwhile
}

// request is one operation of the hypercall interface.
type request struct {
	number uint64
	args   [4]uint64
	items  []model.MMUItem
	ops    []extended
	words  []uint64
	lost   bool
}

// extended is an operation of mmuext_op.
type extended struct{ cmd, arg1, arg2 uint64 }

// placeOf is an entry of a frame, by its machine frame number.
type placeOf struct {
	frame uint64
	slot  int
}

// before ends what an event shows to be over, before memory takes the event in: a table is
// filled, and all answers to a hypercall are there.
func (g *xenGuest) before(e *kernel.Event) {
	if e.Kind != kernel.Run {
		g.seedTable()
	}
	if g.ended != nil && !follows(e) {
		call := g.ended
		g.ended = nil
		g.carryOut(call)
	}
}

// follows reports whether an event may follow the answer to a hypercall and belong to it:
// the answers of its entries, and tables that come and go by what was pinned.
func follows(e *kernel.Event) bool {
	switch e.Kind {
	case kernel.EntryAnswer, kernel.Table, kernel.Run, kernel.Release, kernel.Drop:
		return true
	}
	return false
}

// event takes in an event after memory has.
func (g *xenGuest) event(e *kernel.Event) {
	switch e.Kind {
	case kernel.Table:
		t := *e
		g.table = &t
	case kernel.Hypercall:
		g.begin(e)
	case kernel.Entry:
		if c := g.top(); c != nil {
			c.entries = append(c.entries, c.entry(e))
		}
	case kernel.Update, kernel.Extended, kernel.Lost, kernel.Block:
		g.argument(e)
	case kernel.Answer:
		g.answer(e)
	case kernel.EntryAnswer:
		if g.ended != nil {
			g.ended.results = append(g.ended.results, e.Result)
		}
	case kernel.Store:
		g.store(e)
	case kernel.Records:
		g.point = e.Point
	case kernel.FrameRecord:
		if g.point == kernel.AtEnd && g.m != nil {
			g.records(e)
		}
	}
}

// top is the hypercall under way, nil if none is.
func (g *xenGuest) top() *guestCall {
	if len(g.waits) == 0 {
		return nil
	}
	return g.waits[len(g.waits)-1]
}

// begin begins a hypercall, or takes one up again.
func (g *xenGuest) begin(e *kernel.Event) {
	if g.m == nil && !g.start(e) {
		return
	}
	if e.Number == hypercall.Iret {
		g.counts.Others++
		return // it never returns
	}
	c := &guestCall{event: *e, request: request{number: e.Number, args: e.Args}}
	if old := g.top(); old != nil && old.continues(e) {
		g.counts.Restarts++
		g.waits = g.waits[:len(g.waits)-1]
		c.resume(old)
	}
	g.waits = append(g.waits, c)
}

// continues reports whether an event takes a hypercall up again.
func (c *guestCall) continues(e *kernel.Event) bool {
	if c.number != e.Number || c.event.CPU != e.CPU || c.event.RIP != e.RIP {
		return false
	}
	switch e.Number {
	case hypercall.MMUUpdate, hypercall.MMUExt:
		return e.Args[1]&hypercall.Preempted != 0
	}
	return e.Args[1] <= c.args[1]
}

// resume takes over what was done of a hypercall before it was interrupted: as many
// operations as it does not ask for again.
func (c *guestCall) resume(old *guestCall) {
	left := int(c.args[1] &^ hypercall.Preempted)
	c.stores = old.stores
	switch c.number {
	case hypercall.MMUUpdate, hypercall.MMUExt:
		c.resumeRequest(&old.request)
	case hypercall.Multicall:
		c.done = max(0, len(old.entries)-left)
		c.entries = slices.Clip(old.entries[:c.done])
		if c.done < len(old.entries) {
			c.half = old.entries[c.done]
		}
	}
}

// resumeRequest takes over what was done of a request.
func (r *request) resumeRequest(old *request) {
	left := int(r.args[1] &^ hypercall.Preempted)
	r.items = slices.Clip(old.items[:max(0, len(old.items)-left)])
	r.ops = slices.Clip(old.ops[:max(0, len(old.ops)-left)])
}

// entry is the next entry of a multicall. The first one of a multicall that is taken up
// again may have been done in part.
func (c *guestCall) entry(e *kernel.Event) *request {
	r := &request{number: e.Number, args: e.Args}
	if old := c.half; old != nil && old.number == r.number && r.args[1]&hypercall.Preempted != 0 {
		r.resumeRequest(old)
	}
	c.half = nil
	return r
}

// argument adds what an argument of the request before it points to.
func (g *xenGuest) argument(e *kernel.Event) {
	c := g.top()
	if c == nil {
		return
	}
	r := &c.request
	if e.Inner && len(c.entries) > 0 {
		r = c.entries[len(c.entries)-1]
	}
	switch e.Kind {
	case kernel.Update:
		r.items = append(r.items, model.MMUItem{Ptr: e.Ptr, Val: model.Entry(e.New)})
	case kernel.Extended:
		r.ops = append(r.ops, extended{e.Cmd, e.Args[0], e.Args[1]})
	case kernel.Lost:
		r.lost = true
	case kernel.Block:
		r.words = append(r.words, e.Words()...)
	}
}

// answer ends a hypercall.
func (g *xenGuest) answer(e *kernel.Event) {
	c := g.top()
	if c == nil {
		return // made before the guest began
	}
	g.waits = g.waits[:len(g.waits)-1]
	c.result = e.Result
	g.ended = c
}

// store takes in a change of an entry: the hypervisor's work for a hypercall, or for a
// store of the guest's.
func (g *xenGuest) store(e *kernel.Event) {
	if g.m == nil || e.Old == e.New || e.Level == 0 {
		return
	}
	if c := g.top(); c != nil {
		c.stores = append(c.stores, placeOf{e.Frame, e.Slot})
		return
	}
	f := g.s.L.Map.Frame(model.MFN(e.Frame))
	if f == model.NoFrame || !g.s.InfoAt(f).InUseAs(model.TypeL1) {
		return // a table of the hypervisor's own, or one that it fills for itself
	}
	g.counts.Emulated++
	g.operate(e, func() {
		if rc := g.m.EmulateAt(f, e.Slot, model.Entry(e.New)); rc != model.OK {
			g.report("answers-agree", e, f, e.Slot, fmt.Sprintf("the hypervisor carried out a store of %s, the model answers %v", entryText(g.s.L, model.Entry(e.New)), rc))
		}
	})
	g.compare(e, placeOf{e.Frame, e.Slot})
}

// operate has the model carry something out, and judges it.
func (g *xenGuest) operate(e *kernel.Event, do func()) {
	g.judge.Begin(g.s, false)
	g.m.Run(do)
	if g.judge.Broken < 0 {
		g.judge.Broken = g.judge.State(g.s)
	}
	if i := g.judge.Broken; i >= 0 {
		v := g.judge.Violation(i, names{g.s.L})
		frame, slot, _ := v.Place()
		g.report(v.Rule.ID, e, frame, slot, v.Text())
	}
	g.judge.Settled(g.s)
}

func (g *xenGuest) report(rule string, e *kernel.Event, f model.Frame, slot int, text string) {
	g.found(&xenFinding{rule: rule, text: text, event: *e, frame: f, slot: slot})
}

// compare holds an entry of the model's against memory. What differs becomes as memory has
// it, so that one difference is one.
func (g *xenGuest) compare(e *kernel.Event, at placeOf) {
	f := g.s.L.Map.Frame(model.MFN(at.frame))
	real := g.native.frame(at.frame)
	if f == model.NoFrame || g.native.trace.Level(real) == 0 {
		return
	}
	level := g.s.InfoAt(f).Typ.Level()
	if level == 0 || g.s.InfoAt(f).T == 0 || g.s.L.XenSlot(level, at.slot, false) {
		return
	}
	is, want := g.s.Entry(g.s.L.Geo, f, at.slot), g.native.s.Entry(g.native.s.L.Geo, real, at.slot)
	if (is^want)&^used == 0 {
		g.counts.Compared++
		return
	}
	g.report("tables-agree", e, f, at.slot, fmt.Sprintf("entry %s[%d] is %s, in the model it is %s", frameName(g.s.L, f), at.slot, entryText(g.s.L, want), entryText(g.s.L, is)))
	g.s.SetEntry(g.s.L.Geo, f, at.slot, want)
	g.judge.Settled(g.s)
}

// end says that the recording is over.
func (g *xenGuest) end() {
	if c := g.ended; c != nil {
		g.ended = nil
		g.carryOut(c)
	}
}
