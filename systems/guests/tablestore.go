package guests

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/emulator"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// tableStore carries out a store to a leaf table that is in use, as Xen does for guests that may
// (Xen: ptwr_emulated_update): of a whole entry, by a plain mov or xchg. It reports whether the
// page fault was such a one.
func (h *host) tableStore(t *emulator.Trap, code []byte) bool {
	const present, write = 1, 2
	if t.Code&(present|write) != present|write || h.s.StoresOff() {
		return false
	}
	ma, err := h.translate(t.CR2)
	if err != nil {
		return false
	}
	f := h.l.Map.Frame(model.MFN(ma >> 12))
	if f == model.NoFrame || !h.s.InfoAt(f).InUseAs(model.TypeL1) {
		return false
	}
	in, ok := decodeStore(code)
	if !ok || ma&7 != 0 {
		h.end("unknown", fmt.Sprintf("a store to a table at %x, of address %x, by an instruction that the hypervisor here does not know: % x", t.PC, t.CR2, code))
		return true
	}
	v := in.value
	if in.register >= 0 {
		v = t.Registers[in.register]
	}
	slot := int(ma&0xfff) / 8
	h.learnEntry(f, slot)
	old := h.s.Word(f, slot)
	at := &call{rip: t.PC, va: t.CR2, callers: h.callers(t.Registers[emulator.RSP])}
	rc := h.operate(at, func() model.Errno { return h.m.EmulateAt(f, slot, model.Entry(v)) })
	if rc != model.OK {
		return false // the guest gets its page fault
	}
	if in.exchange {
		h.p.SetRegister(in.register, old)
	}
	h.p.SetPC(t.PC + uint64(in.length))
	return true
}

// storeInstruction is an instruction that stores 8 bytes.
type storeInstruction struct {
	length   int
	register int // that holds the value; -1: none does
	value    uint64
	exchange bool // the register gets what was there
}

// decodeStore decodes a mov or xchg of 8 bytes to memory.
func decodeStore(b []byte) (in storeInstruction, ok bool) {
	const rexW, rexR = 8, 4
	if len(b) < 16 || b[0]&0xf0 != 0x40 || b[0]&rexW == 0 {
		return in, false
	}
	rex, op, modrm := b[0], b[1], b[2]
	in.length, ok = operandLength(b[2:])
	if !ok {
		return in, false
	}
	in.length += 2
	in.register = int(modrm >> 3 & 7)
	if rex&rexR != 0 {
		in.register += 8
	}
	switch op {
	case 0x89:
	case 0x87:
		in.exchange = true
	case 0xc7:
		imm := b[in.length:]
		if len(imm) < 4 || modrm>>3&7 != 0 {
			return in, false
		}
		in.register = -1
		in.value = uint64(int64(int32(uint32(imm[0]) | uint32(imm[1])<<8 | uint32(imm[2])<<16 | uint32(imm[3])<<24)))
		in.length += 4
	default:
		return in, false
	}
	return in, true
}

// operandLength is the length of a ModRM byte that names memory, with what belongs to it.
func operandLength(b []byte) (n int, ok bool) {
	mod, rm := b[0]>>6, b[0]&7
	n = 1
	if rm == 4 && mod != 3 {
		n++
		if mod == 0 && b[1]&7 == 5 {
			n += 4
		}
	}
	switch {
	case mod == 0 && rm == 5:
		n += 4
	case mod == 1:
		n++
	case mod == 2:
		n += 4
	}
	return n, mod != 3
}

// describe says in an event who stores: the hypervisor, for a request or for a store of the guest's.
func (at *call) describe(e *kernel.Event) {
	e.RIP, e.VA = at.rip, at.va
	if at.va == 0 {
		e.VA = m2pVA // the hypervisor stores by a mapping of its own
	} else {
		e.SetCallers(at.callers...)
	}
}
