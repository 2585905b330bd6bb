package guests

import (
	"encoding/binary"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/hypercall"
	"github.com/ptcheck/ptcheck/traces/emulator"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// call is a hypercall that is carried out.
type call struct {
	rip     uint64
	va      uint64 // of a store that is carried out for the guest; 0: it is a hypercall
	callers []uint64
}

// request is one operation of the hypercall interface: a hypercall, or an entry of a multicall.
type request struct {
	number uint64
	args   [5]uint64
	items  []model.MMUItem // of mmu_update
	ops    [][3]uint64     // of mmuext_op: command and arguments
	block  []uint64        // what an argument points to
	lost   bool            // its arguments cannot be read
	inner  bool            // an entry of a multicall
}

// mostItems bounds what a request may list.
const mostItems = 1 << 14

// hypercall answers a hypercall.
func (h *host) hypercall(t *emulator.Trap) {
	const length = 2 // of syscall
	g := &t.Registers
	at := &call{rip: t.PC - length, callers: h.callers(g[emulator.RSP])}
	r := &request{number: g[emulator.RAX] & 0xffffffff, args: [5]uint64{g[emulator.RDI], g[emulator.RSI], g[emulator.RDX], g[emulator.R10], g[emulator.R8]}}
	h.p.SetRegister(emulator.RCX, t.PC)
	h.p.SetRegister(emulator.R11, t.Flags)
	h.fetch(r)
	e := kernel.Event{Kind: kernel.Hypercall, RIP: at.rip, Number: r.number, Args: [4]uint64(r.args[:4])}
	e.SetCallers(at.callers...)
	h.rec.event(&e)
	switch r.number {
	case hypercall.Iret:
		h.iret(g[emulator.RSP])
		return
	case hypercall.Multicall:
		h.multicall(at, r, t)
		return
	}
	h.rec.arguments(r, false)
	result, again := h.decide(at, r)
	if again {
		h.restart(r, t)
		return
	}
	h.answer(at, result)
}

// answer ends a hypercall.
func (h *host) answer(at *call, result int64) {
	h.rec.event(&kernel.Event{Kind: kernel.Answer, RIP: at.rip, Result: result})
	h.p.SetRegister(emulator.RAX, uint64(result))
}

// restart has the guest make a hypercall again, as one that was interrupted is.
func (h *host) restart(r *request, t *emulator.Trap) {
	const length = 2
	h.p.SetPC(t.PC - length)
	if r.number == hypercall.MMUUpdate || r.number == hypercall.MMUExt {
		h.p.SetRegister(emulator.RSI, r.args[1]|hypercall.Preempted)
	}
}

// multicall carries out the entries of a multicall.
func (h *host) multicall(at *call, r *request, t *emulator.Trap) {
	const size = 8 // words of an entry: number, result, six arguments
	list, err := h.words(r.args[0], int(min(r.args[1], mostItems))*size)
	if err != nil {
		h.rec.event(&kernel.Event{Kind: kernel.Lost})
		h.answer(at, -int64(model.EFAULT))
		return
	}
	var entries []*request
	for i := 0; i < len(list); i += size {
		x := &request{number: list[i], inner: true, args: [5]uint64(list[i+2 : i+7])}
		h.fetch(x)
		e := kernel.Event{Kind: kernel.Entry, Number: x.number, Args: [4]uint64(x.args[:4])}
		h.rec.event(&e)
		h.rec.arguments(x, true)
		entries = append(entries, x)
	}
	var results []int64
	for i, x := range entries {
		result, again := h.decide(at, x)
		if again {
			h.p.SetPC(t.PC - 2)
			h.p.SetRegister(emulator.RDI, r.args[0]+uint64(i*size*8))
			h.p.SetRegister(emulator.RSI, r.args[1]-uint64(i))
			h.results(r.args[0], results)
			return
		}
		results = append(results, result)
	}
	h.results(r.args[0], results)
	h.answer(at, 0)
	for _, v := range results {
		h.rec.event(&kernel.Event{Kind: kernel.EntryAnswer, Result: v})
	}
}

// results stores what the entries of a multicall came to.
func (h *host) results(va uint64, list []int64) {
	for i, v := range list {
		h.store(va+uint64(64*i)+8, uint64(v))
	}
}

// fetch reads what the arguments of a request point to.
func (h *host) fetch(r *request) {
	var list []uint64
	var err error
	n := int(min(r.args[1]&^hypercall.Preempted, mostItems))
	switch r.number {
	case hypercall.MMUUpdate:
		list, err = h.words(r.args[0], 2*n)
		for i := 0; i+1 < len(list); i += 2 {
			r.items = append(r.items, model.MMUItem{Ptr: list[i], Val: model.Entry(list[i+1])})
		}
	case hypercall.MMUExt:
		list, err = h.words(r.args[0], 3*n)
		for i := 0; i+2 < len(list); i += 3 {
			r.ops = append(r.ops, [3]uint64{list[i] & 0xffffffff, list[i+1], list[i+2]})
		}
	case hypercall.SetGDT:
		r.block, err = h.words(r.args[0], int(min(r.args[1]+511, 1<<13-1))/512)
	case hypercall.VCPU:
		if hypercall.Holds(r.number, r.args[0]) {
			r.block, err = h.words(r.args[2], 2)
		}
	case hypercall.MemoryOp:
		r.block, err = h.reservation(r)
	}
	r.lost = err != nil
}

// arguments writes down what the arguments of a request point to.
func (rec *recorder) arguments(r *request, inner bool) {
	if r.lost {
		rec.event(&kernel.Event{Kind: kernel.Lost, Inner: inner})
	}
	for _, x := range r.items {
		rec.event(&kernel.Event{Kind: kernel.Update, Inner: inner, Ptr: x.Ptr, New: uint64(x.Val)})
	}
	for _, x := range r.ops {
		rec.event(&kernel.Event{Kind: kernel.Extended, Inner: inner, Cmd: x[0], Args: [4]uint64{x[1], x[2]}})
	}
	for b := r.block; len(b) > 0; {
		e := kernel.Event{Kind: kernel.Block, Inner: inner}
		n := min(len(b), kernel.MaxWords)
		e.SetWords(b[:n]...)
		rec.event(&e)
		b = b[n:]
	}
}

// decide refuses a request if it is the one that is to be refused, and carries it out otherwise.
// again says that the guest has to make it again.
func (h *host) decide(at *call, r *request) (result int64, again bool) {
	if mayFail(r) && !h.refused {
		n := len(h.requests)
		h.requests = append(h.requests, h.describe(at, r))
		if x := h.refusal; x != nil && x.At == n {
			h.refused = true
			if x.Preempted {
				return 0, true
			}
			return -int64(x.Errno), false
		}
	}
	if r.lost {
		return -int64(model.EFAULT), false
	}
	return h.perform(at, r), false
}

// perform carries out a request.
func (h *host) perform(at *call, r *request) int64 {
	switch r.number {
	case hypercall.MMUUpdate:
		return h.mmuUpdate(at, r)
	case hypercall.MMUExt:
		return h.mmuExt(at, r)
	case hypercall.UpdateVA:
		return h.updateVA(at, r)
	case hypercall.SetGDT:
		return h.setGDT(at, r)
	case hypercall.VMAssist:
		return answerOf(h.operate(at, func() model.Errno { return h.m.VMAssist(r.args[1], r.args[0] == 0) }))
	case hypercall.UpdateDescriptor:
		return h.updateDescriptor(r.args[0], r.args[1])
	case hypercall.MemoryOp:
		return h.memoryOp(at, r)
	case hypercall.VCPU:
		return h.vcpuOp(at, r)
	}
	return h.aside(r)
}

// answerOf is a hypercall's answer.
func answerOf(rc model.Errno) int64 { return -int64(rc) }

// mmuUpdate carries out the requests of an mmu_update, up to the first that is refused.
func (h *host) mmuUpdate(at *call, r *request) int64 {
	const flagBits = 3
	rc := model.OK
	done := 0
	for _, x := range r.items {
		f := h.l.Map.Frame(model.MFN(x.Ptr >> model.PageShift))
		if x.Ptr&flagBits == model.MMUMachPhys {
			if rc = h.operate(at, func() model.Errno { return h.m.MMUUpdate(x.Ptr, x.Val) }); rc != model.OK {
				break
			}
			h.setM2P(x.Ptr>>model.PageShift, uint64(x.Val))
			done++
			continue
		}
		h.learnEntry(f, int(x.Ptr&(model.PageSize-1))/8)
		if f != model.NoFrame && x.Val.Is(model.Present) {
			if level := tableLevel(h.s.InfoAt(f)); level > 1 {
				h.learn(h.l.Map.Frame(x.Val.MFN()), level-1)
			}
		}
		if rc = h.operate(at, func() model.Errno { return h.m.MMUUpdate(x.Ptr, x.Val) }); rc != model.OK {
			break
		}
		done++
	}
	if r.args[2] != 0 {
		h.write(r.args[2], binary.LittleEndian.AppendUint32(nil, uint32(done)))
	}
	return answerOf(rc)
}

// setM2P changes the list of frame numbers.
func (h *host) setM2P(mfn, pfn uint64) {
	if f, slot, ok := h.d.m2p(mfn); ok {
		h.poke(f<<12+uint64(8*slot), pfn)
	}
}

// mmuExt carries out the operations of an mmuext_op, up to the first that is refused.
func (h *host) mmuExt(at *call, r *request) int64 {
	for _, x := range r.ops {
		f := h.l.Map.Frame(model.MFN(x[1]))
		switch cmd := x[0]; {
		case cmd <= hypercall.PinL4:
			h.learn(f, int(cmd)+1)
		case cmd == hypercall.NewBaseptr || cmd == hypercall.UserBaseptr:
			h.learn(f, 4)
		case cmd == hypercall.ClearPage:
			h.learn(f, 1)
		case cmd == hypercall.CopyPage:
			h.learn(f, 1)
			h.learn(h.l.Map.Frame(model.MFN(x[2])), 1)
		}
		root := h.s.CPU.CR3
		rc := h.operate(at, func() model.Errno { return hypercall.Extended(h.m, x[0], x[1], x[2]) })
		if rc != model.OK {
			return answerOf(rc)
		}
		switch {
		case h.s.CPU.CR3 != root:
			h.loadRoot(at)
		case x[0] > hypercall.NewBaseptr && x[0] < hypercall.SetLDT:
			h.p.Flush()
		}
	}
	return 0
}

// updateVA carries out an update_va_mapping.
func (h *host) updateVA(at *call, r *request) int64 {
	va := r.args[0]
	if ma, err := h.leafOf(va); err == nil {
		h.learnEntry(h.l.Map.Frame(model.MFN(ma>>12)), int(ma&0xfff)/8)
	}
	rc := h.operate(at, func() model.Errno {
		return h.m.UpdateVAMapping(model.VA(va), model.Entry(r.args[1]), model.UVMF(r.args[2]&3))
	})
	if r.args[2]&3 != 0 {
		h.p.Flush()
	}
	return answerOf(rc)
}

// leafOf is the machine address of the leaf entry of an address.
func (h *host) leafOf(va uint64) (ma uint64, err error) {
	f := h.s.CPU.CR3
	for level := 4; level > 1; level-- {
		if f == model.NoFrame {
			return 0, errNowhere
		}
		e := h.s.Entry(h.l.Geo, f, slotOf(va, level))
		if !e.Is(model.Present) || level == 4 && h.l.XenSlot(4, slotOf(va, 4), false) {
			return 0, errNowhere
		}
		f = h.l.Map.Frame(e.MFN())
	}
	if f == model.NoFrame {
		return 0, errNowhere
	}
	return uint64(h.l.Map.MFN(f))<<12 + uint64(slotOf(va, 1))*8, nil
}

// setGDT loads the guest's descriptor table.
func (h *host) setGDT(at *call, r *request) int64 {
	var frames []model.MFN
	for _, w := range r.block {
		frames = append(frames, model.MFN(w))
		h.learn(h.l.Map.Frame(model.MFN(w)), 1)
	}
	rc := h.operate(at, func() model.Errno { return h.m.SetGDT(frames...) })
	if rc == model.OK {
		const private = model.Present | model.RW | model.Accessed | model.Dirty
		for i, mfn := range frames {
			h.poke(h.d.privateL1<<12+uint64(8*i), uint64(mfn)<<12|uint64(private))
		}
		h.p.Flush()
	}
	return answerOf(rc)
}

// updateDescriptor stores a descriptor in a frame that is no table.
func (h *host) updateDescriptor(ma, v uint64) int64 {
	f := h.l.Map.Frame(model.MFN(ma >> 12))
	if f == model.NoFrame || !h.l.Map.IsGuest(f) || ma&7 != 0 || tableLevel(h.s.InfoAt(f)) > 0 {
		return -int64(model.EINVAL)
	}
	h.s.SetWord(f, int(ma&0xfff)/8, v)
	h.s.Commit()
	h.poke(ma, v)
	return 0
}
