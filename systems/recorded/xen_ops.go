package recorded

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/hypercall"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// carryOut has the model carry out a hypercall that the real hypervisor has answered.
func (g *xenGuest) carryOut(c *guestCall) {
	e := &c.event
	if c.number == hypercall.Multicall {
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
	case hypercall.MMUUpdate:
		for _, u := range r.items {
			if rc == model.OK {
				run(func() model.Errno { return g.m.MMUUpdate(u.Ptr, u.Val) })
			}
		}
	case hypercall.UpdateVA:
		run(func() model.Errno {
			return g.m.UpdateVAMapping(model.VA(r.args[0]), model.Entry(r.args[1]), model.UVMF(r.args[2]&3))
		})
	case hypercall.MMUExt:
		for _, x := range r.ops {
			if rc == model.OK {
				g.readyToPin(e, x)
				run(func() model.Errno { return hypercall.Extended(g.m, x.cmd, x.arg1, x.arg2) })
			}
		}
	case hypercall.VMAssist:
		run(func() model.Errno { return g.m.VMAssist(r.args[1], r.args[0] == 0) })
	case hypercall.SetGDT:
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

// hold carries out a request that has the hypervisor hold a page. It reports whether it is
// one, and its argument was recorded.
func (g *xenGuest) hold(e *kernel.Event, r *request) bool {
	if !hypercall.Holds(r.number, r.args[0]) || len(r.words) == 0 {
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
