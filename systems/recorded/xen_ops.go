package recorded

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// carryOut has the model carry out a hypercall that the real hypervisor has answered.
func (g *xenGuest) carryOut(c *guestCall) {
	e := &c.event
	if c.number == callMulticall {
		for i, r := range c.entries {
			want, known := int64(0), i >= c.done && i-c.done < len(c.results)
			if known {
				want = c.results[i-c.done]
			}
			g.do(e, r, c.stores, want, known)
		}
	} else {
		g.do(e, &c.request, c.stores, c.result, true)
	}
	for _, at := range c.stores {
		g.compare(e, at)
	}
}

// do carries out a request and compares the answer, if the real one is known. stores are the
// entries that the hypervisor changed meanwhile.
func (g *xenGuest) do(e *kernel.Event, r *request, stores []placeOf, want int64, known bool) {
	if r.lost {
		g.counts.Others++
		return
	}
	var rc model.Errno
	about := true
	run := func(do func() model.Errno) { g.operate(e, func() { rc = do() }) }
	switch r.number {
	case callMMUUpdate:
		for _, u := range r.items {
			if rc == model.OK {
				run(func() model.Errno { return g.m.MMUUpdate(u.Ptr, u.Val) })
			}
		}
	case callUpdateVA:
		run(func() model.Errno {
			return g.m.UpdateVAMapping(model.VA(r.args[0]), model.Entry(r.args[1]), model.UVMF(r.args[2]&3))
		})
	case callMMUExt:
		for _, x := range r.ops {
			if rc == model.OK {
				g.readyToPin(e, x)
				run(func() model.Errno { return g.extended(x) })
			}
		}
	case callVMAssist:
		run(func() model.Errno { return g.m.VMAssist(r.args[1], r.args[0] == 0) })
	case callSetGDT:
		rc, about = g.setGDT(e, r, stores)
	default:
		about = g.hold(e, r)
	}
	if !about {
		g.counts.Others++
		return
	}
	g.counts.Requests += uint64(max(1, len(r.items)+len(r.ops)))
	if got := -int64(rc); known && got != want {
		g.report("answers-agree", e, model.NoFrame, 0, fmt.Sprintf("the hypervisor answered %d, the model answers %d", want, got))
	}
	if known && want < 0 {
		g.report("requests-granted", e, model.NoFrame, 0, fmt.Sprintf("the hypervisor answered %d", want))
	}
}

// Operations of mmuext_op (Xen: public/xen.h).
const (
	extPinL1       = 0
	extPinL4       = 3
	extUnpin       = 4
	extNewBaseptr  = 5
	extSetLDT      = 13
	extUserBaseptr = 15
	extClear       = 16
	extCopy        = 17
)

// extended carries out an operation of mmuext_op. Those that flush change no table.
func (g *xenGuest) extended(x extended) model.Errno {
	n := model.MFN(x.arg1)
	switch {
	case x.cmd <= extPinL4:
		return g.m.Pin(int(x.cmd)+1, n)
	case x.cmd == extUnpin:
		return g.m.Unpin(n)
	case x.cmd == extNewBaseptr:
		return g.m.NewBaseptr(n)
	case x.cmd == extUserBaseptr:
		return g.m.NewUserBaseptr(n)
	case x.cmd == extSetLDT:
		return g.m.SetLDT(model.VA(x.arg1), int(x.arg2))
	case x.cmd == extClear:
		return g.m.ClearFrame(n)
	case x.cmd == extCopy:
		return g.m.CopyFrame(n, model.MFN(x.arg2))
	}
	return model.OK
}

// held finds requests that have the hypervisor hold a page of the guest's for writing, by
// number and operation: the page is the first word of their argument (Xen: map_vcpu_info,
// map_control_block and add_page_to_event_array of event_fifo.c).
var held = map[[2]uint64]bool{
	{callVCPU, 10}:         true, // VCPUOP_register_vcpu_info
	{callEventChannel, 11}: true, // EVTCHNOP_init_control
	{callEventChannel, 12}: true, // EVTCHNOP_expand_array
}

// hold carries out a request that has the hypervisor hold a page. It reports whether it is
// one, and its argument was recorded.
func (g *xenGuest) hold(e *kernel.Event, r *request) bool {
	if !held[[2]uint64{r.number, r.args[0]}] || len(r.words) == 0 {
		return false
	}
	f := g.s.L.Map.Frame(model.MFN(r.words[0]))
	if f == model.NoFrame {
		return false
	}
	rc := model.OK
	g.operate(e, func() { rc = g.m.Lend(f) })
	g.counts.Held++
	return rc == model.OK
}

// setGDT carries out a set_gdt, if the frames are known: from the argument, or from what
// the hypervisor mapped for itself meanwhile.
func (g *xenGuest) setGDT(e *kernel.Event, r *request, stores []placeOf) (rc model.Errno, known bool) {
	const perFrame = model.PageSize / 8
	n := (int(r.args[1]) + perFrame - 1) / perFrame
	frames := make([]model.MFN, 0, len(r.words))
	for _, w := range r.words {
		frames = append(frames, model.MFN(w))
	}
	if len(frames) == 0 {
		frames = g.mapped(stores)
	}
	if n == 0 || n > len(frames) {
		return model.OK, false
	}
	g.operate(e, func() { rc = g.m.SetGDT(frames[:n]...) })
	return rc, true
}

// mapped are the frames of the guest's that the hypervisor has mapped in tables of its own.
func (g *xenGuest) mapped(stores []placeOf) (out []model.MFN) {
	for _, at := range stores {
		f := g.native.frame(at.frame)
		if f == model.NoFrame || g.s.L.Map.Frame(model.MFN(at.frame)) != model.NoFrame {
			continue
		}
		e := g.native.s.Entry(g.native.s.L.Geo, f, at.slot)
		if e.Is(model.Present) && g.s.L.Map.Frame(e.MFN()) != model.NoFrame {
			out = append(out, e.MFN())
		}
	}
	return out
}
