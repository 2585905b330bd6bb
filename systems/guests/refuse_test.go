package guests

import (
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/hypercall"
	"github.com/ptcheck/ptcheck/traces/emulator"
)

// ended is a run that ended somehow, with one page mapped at 0 by a chain of tables.
func ended(stop string, exceptions ...Exception) *Run {
	table := func(level int, entry uint64, pinned bool) Table {
		words := make([]uint64, 512)
		words[0] = entry
		return Table{level, pinned, words}
	}
	return &Run{Stop: stop, Detail: "as it may be", Result: &emulator.Result{}, Root: 4, Exceptions: exceptions, Tables: map[uint64]Table{
		4: table(4, 3<<12|7, true), 3: table(3, 2<<12|7, false), 2: table(2, 1<<12|7, false), 1: table(1, 9<<12|7, false)}}
}

// TestJudge: what a run that met a refusal came to is told by its end and its tables.
func TestJudge(t *testing.T) {
	k := tinyKernel(t)
	plain := ended("mem_init")
	used := ended("mem_init")
	used.Tables[1].Words[0] |= uint64(model.Accessed | model.Dirty)
	elsewhere := ended("mem_init")
	elsewhere.Tables[1].Words[0] = 8<<12 | 7
	missing := ended("mem_init")
	missing.Tables[2].Words[0] = 0
	unpinned := ended("mem_init")
	unpinned.Tables[4] = Table{4, false, unpinned.Tables[4].Words}
	for name, c := range map[string]struct {
		run    *Run
		want   Verdict
		detail string
	}{
		"the same":           {ended("mem_init"), Copes, ""},
		"used":               {used, Copes, ""},
		"elsewhere":          {elsewhere, GoesOn, "1 addresses lead elsewhere; the first: 0 maps frame 8, flags 7 instead of frame 9, flags 7"},
		"missing":            {missing, GoesOn, "0 maps nothing instead of frame 9"},
		"unpinned":           {unpinned, GoesOn, "1 tables are not held as such; the first: frame 4 is of level 4 (pinned: false) instead of 4 (true)"},
		"BUG":                {ended("shutdown", Exception{invalidOpcode, virtBase + 0x1000005, 0}), Stops, "BUG at f+0x1"},
		"warned, then fault": {ended("shutdown", Exception{Vector: invalidOpcode}, Exception{pageFault, virtBase + 0x1000004, 0x77}), Dies, "exception 14 at f+0x0, address 77"},
		"panic":              {ended("panic"), Stops, "panic("},
		"killed":             {ended("killed", Exception{Vector: invalidOpcode}), Dies, "killed: as it may be"},
		"waits":              {ended("halt"), Dies, "halt: as it may be"},
	} {
		if v, detail := c.run.Judge(k, plain); v != c.want || !strings.Contains(detail, c.detail) {
			t.Errorf("%s: it %v, %q; want: it %v, %q", name, v, detail, c.want, c.detail)
		}
	}
}

// TestSites: requests of a kind from the same callers are one place, and each place gets each
// answer once.
func TestSites(t *testing.T) {
	at := func(number, operation uint64, callers ...uint64) Request {
		return Request{Number: number, Operation: operation, Callers: callers}
	}
	r := &Run{Requests: []Request{at(hypercall.UpdateVA, 0, 1), at(hypercall.MMUExt, 3, 1), at(hypercall.UpdateVA, 0, 1), at(hypercall.MMUExt, 4, 1), at(hypercall.UpdateVA, 0, 2)}}
	list := r.Sites()
	if len(list) != 4 || list[0].Count != 2 || list[3].First != 4 || list[1].Name() != "mmuext_op 3" {
		t.Errorf("%+v", list)
	}
	refusals := r.Refusals()
	if len(refusals) != 3+4+4+3 { // an update_va_mapping by itself is never broken off
		t.Errorf("%d refusals", len(refusals))
	}
	for i, x := range refusals {
		if x.Order != i || x.Answer.At != x.Site.First || x.Answer.Preempted != (x.Answer.Errno == model.OK) {
			t.Errorf("%d: %+v", i, x)
		}
	}
}

// TestJoined: refusals that came to the same are told once, and only those of code that is known
// not to look are known.
func TestJoined(t *testing.T) {
	k := tinyKernel(t)
	var list []*Refused
	for _, a := range Answers(Request{}) {
		list = append(list, &Refused{Site: Site{Request: Request{Number: hypercall.SetGDT, Callers: []uint64{virtBase + 0x1000005, virtBase + 0x1000006}}}, Answer: a, Verdict: GoesOn, Detail: "so it is"})
	}
	list = append(list, &Refused{Site: list[0].Site, Answer: Refusal{Errno: model.EINVAL}, Verdict: GoesOn}, &Refused{Site: list[0].Site, Answer: Refusal{Preempted: true}})
	groups := Joined(k, list)
	if len(groups) != 2 || groups[0].String() != "goes on: -EINVAL, -ENOMEM, -EBUSY of set_gdt, from f, 4 boots: so it is" || groups[1].String() != "copes: broken off of set_gdt, from f" {
		t.Errorf("%v", groups)
	}
	if !groups[0].Finding() || groups[0].Known() || groups[1].Finding() {
		t.Errorf("%+v", groups[0])
	}
	known := &Group{From: "__xen_set_pte < set_pte", Verdict: Dies}
	if !known.Known() || !strings.HasPrefix(known.String(), "known: dies later") {
		t.Errorf("%v", known)
	}
	if got := Tally(list); got != "1 copes, 0 stops, 4 goes on, 0 dies later" {
		t.Errorf("the tally is %q", got)
	}
}

// TestAside: what a kernel asks for besides its tables.
func TestAside(t *testing.T) {
	const pages = LeastPages
	for _, kind := range kinds {
		p := newFake(t, kind, nil)
		ask := func(want int64, number uint64, args ...uint64) {
			t.Helper()
			if rc := p.call(number, args...); rc != want {
				t.Errorf("%v: %d %x is answered %d, want %d", kind, number, args, rc, want)
			}
		}
		limit := int64(pages)
		if kind == model.Dom0 {
			limit = 1<<32 - 1
		}
		ask(4<<16|17, hypercall.XenVersion, 0, 0)
		ask(limit, hypercall.MemoryOp, memMaximum, p.args(0))
		ask(pages, hypercall.MemoryOp, memCurrent, p.args(0))
		ask(-int64(model.ENOMEM), hypercall.MemoryOp, memExchange, 0)
		ask(0, hypercall.MemoryOp, memMap, p.args(8, p.va(5)))
		if end := p.entry(p.mfn(5), 1); end != pages<<12 {
			t.Errorf("%v: memory ends at %x", kind, end)
		}
		if kind != model.Dom0 {
			ask(-int64(model.EPERM), hypercall.MemoryOp, memMachineMap, p.args(8, p.va(5)))
		} else {
			ask(0, hypercall.MemoryOp, memMachineMap, p.args(20, p.va(5)))
		}
		ask(0, hypercall.MemoryOp, memDecrease, p.args(p.va(6), 1, 0)) // frame 0 there: nobody's
	}
}

// TestGivenBack: memory that a guest gives back is nobody's afterwards, and what is not its own it
// cannot give.
func TestGivenBack(t *testing.T) {
	p := newFake(t, model.DomU, nil)
	gone := p.mfn(7)
	list := p.args(0, 0, 0, gone, 0x5)
	p.args(list+24, 2, 0)
	if rc := p.call(hypercall.UpdateVA, p.va(7), 0, 0); rc != 0 {
		t.Fatalf("it is not unmapped: %d", rc)
	}
	p.args(list+24, 2, 0, gone, 0x5)
	if rc := p.call(hypercall.MemoryOp, memDecrease, list); rc != 1 {
		t.Errorf("%d frames were given back, want 1", rc)
	}
	if rc := p.call(hypercall.UpdateVA, p.va(7), gone<<12|0x67, 0); rc == 0 {
		t.Error("a frame that was given back is mapped")
	}
}

// TestVCPU: who registers a vcpu_info is told page faults there, and there is one processor.
func TestVCPU(t *testing.T) {
	p := newFake(t, model.DomU, nil)
	if rc := p.call(hypercall.VCPU, 10, 0, p.args(p.mfn(8), 0x40)); rc != 0 {
		t.Fatalf("registering is answered %d", rc)
	}
	p.h.traps[pageFault] = trapGate{address: 1}
	trap := &emulator.Trap{Vector: pageFault, CR2: 0x1234}
	trap.Registers[emulator.RSP] = virtBase + p.h.d.stack<<12 + 0x800
	p.h.trap(trap)
	if got := p.entry(p.mfn(8), (0x40+16)/8); got != 0x1234 {
		t.Errorf("the fault is told as %x", got)
	}
	for want, args := range map[int64][]uint64{-2: {3, 1, 0}, 1: {3, 0, 0}, -int64(model.EINVAL): {10, 0, p.args(p.mfn(8), 0xff0)}, notThere: {99, 0, 0}} {
		if rc := p.call(hypercall.VCPU, args...); rc != want {
			t.Errorf("vcpu_op %v is answered %d, want %d", args, rc, want)
		}
	}
	p.call(hypercall.SchedOp, 1, 0)
	if p.ended != "halt" {
		t.Errorf("a guest that waits ends by %q", p.ended)
	}
}

// TestSpread takes refusals at even distances, each once.
func TestSpread(t *testing.T) {
	list := make([]*Refused, 10)
	for i := range list {
		list[i] = &Refused{Order: i}
	}
	for _, x := range []struct{ n, want, last int }{{0, 10, 9}, {3, 3, 6}, {10, 10, 9}, {99, 10, 9}, {1, 1, 0}} {
		got := Spread(list, x.n)
		if len(got) != x.want || got[len(got)-1].Order != x.last {
			t.Errorf("%d: %d refusals, the last is %d", x.n, len(got), got[len(got)-1].Order)
		}
	}
}
