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
			g.do(e, r, want, known)
		}
	} else {
		g.do(e, &c.request, c.result, true)
	}
	for _, at := range c.stores {
		g.compare(e, at)
	}
}

// do carries out a request and compares the answer, if the real one is known.
func (g *xenGuest) do(e *kernel.Event, r *request, want int64, known bool) {
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
		about = g.setGDT(e, r)
	case callVCPU:
		about = g.vcpu(e, r)
	default:
		about = false
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
	extFlushLocal  = 6
	extInvlpgLocal = 7
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

// vcpuRegisterInfo is the operation of vcpu_op that has the hypervisor hold a page of the
// guest's for writing: the vcpu_info (Xen: VCPUOP_register_vcpu_info, map_vcpu_info).
const vcpuRegisterInfo = 10

// vcpu carries out a vcpu_op: it reports whether that is about frames.
func (g *xenGuest) vcpu(e *kernel.Event, r *request) bool {
	if r.args[0] != vcpuRegisterInfo || len(r.words) == 0 {
		return false
	}
	f := g.s.L.Map.Frame(model.MFN(r.words[0]))
	if f == model.NoFrame {
		return false
	}
	g.operate(e, func() { g.m.Lend(f) })
	g.counts.Held++
	return true
}

// setGDT carries out a set_gdt, if the frames are known: from the argument, or from what
// the hypervisor mapped for itself while it carried it out.
func (g *xenGuest) setGDT(e *kernel.Event, r *request) bool {
	const perFrame = model.PageSize / 8
	n := (int(r.args[1]) + perFrame - 1) / perFrame
	if n == 0 || n > len(r.words) {
		return false
	}
	var frames []model.MFN
	for _, w := range r.words[:n] {
		frames = append(frames, model.MFN(w))
	}
	var rc model.Errno
	g.operate(e, func() { rc = g.m.SetGDT(frames...) })
	return rc == model.OK
}
