package guests

import (
	"bytes"
	"fmt"

	"github.com/ptcheck/ptcheck/traces/emulator"
)

// Vectors of exceptions.
const (
	invalidOpcode = 6
	protection    = 13
	pageFault     = 14
)

// forced is what a paravirtual kernel puts in front of CPUID to have the hypervisor answer (Xen:
// XEN_EMULATE_PREFIX).
const forced = "\x0f\x0bxen\x0f\xa2"

// exception answers an exception: what an unprivileged kernel must not do itself is done for it,
// everything else goes to the kernel.
func (h *host) exception(t *emulator.Trap) {
	code := make([]byte, 16)
	if h.read(t.PC, code) != nil {
		code = code[:min(16, int(4096-t.PC&0xfff))]
		h.read(t.PC, code)
	}
	switch t.Vector {
	case invalidOpcode:
		if bytes.HasPrefix(code, []byte(forced)) {
			h.cpuid(t)
			h.p.SetPC(t.PC + uint64(len(forced)))
			return
		}
	case protection:
		if n := h.privileged(t, code); n > 0 {
			h.p.SetPC(t.PC + uint64(n))
			return
		}
	case pageFault:
		if h.tableStore(t, code) {
			return
		}
	}
	h.bounce(t)
}

// cpuid answers CPUID by the machine's features, and says that there is a hypervisor (Xen:
// public/arch-x86/cpuid.h).
func (h *host) cpuid(t *emulator.Trap) {
	const features, first, version, last, hypervisorBit = 1, 0x40000000, 0x40000001, 0x40000005, 1 << 31
	leaf := uint32(t.Registers[emulator.RAX])
	v := h.d.m.Features.CPUID(leaf, uint32(t.Registers[emulator.RCX]))
	switch leaf {
	case features:
		v[2] |= hypervisorBit
	case first:
		v = [4]uint32{last, 0x566e6558, 0x65584d4d, 0x4d4d566e} // XenVMMXenVMM
	case version:
		v = [4]uint32{4<<16 | 17}
	}
	for i, n := range [4]int{emulator.RAX, emulator.RBX, emulator.RCX, emulator.RDX} {
		h.p.SetRegister(n, uint64(v[i]))
	}
}

// privileged carries out an instruction that only the hypervisor may, and returns its length; 0
// if it is none that guests may have carried out (Xen: pv_emulate_privileged_op).
func (h *host) privileged(t *emulator.Trap, code []byte) int {
	g := &t.Registers
	n := 0
	wide := false
	if len(code) > 0 && code[0] == 0x66 {
		wide, n = true, 1
	}
	if len(code) < n+3 {
		return 0
	}
	switch op := code[n]; op {
	case 0xe4, 0xe5, 0xec, 0xed:
		mask := uint64(0xff)
		switch {
		case op&1 == 1 && wide:
			mask = 0xffff
		case op&1 == 1:
			mask = 0xffffffff
		}
		h.p.SetRegister(emulator.RAX, g[emulator.RAX]&^mask|mask)
		return n + portLength(op)
	case 0xe6, 0xe7, 0xee, 0xef:
		return n + portLength(op)
	case 0xfa, 0xfb: // cli, sti: they mean nothing to a guest
		return n + 1
	case 0x0f:
		return h.twoBytes(t, code[n+1], code[n+2])
	}
	return 0
}

// portLength is the length of a port instruction: the port is a byte behind it, or in DX.
func portLength(op byte) int {
	if op < 0xec {
		return 2
	}
	return 1
}

// twoBytes carries out a privileged instruction of two bytes and more.
func (h *host) twoBytes(t *emulator.Trap, op, modrm byte) int {
	g := &t.Registers
	msr := uint32(g[emulator.RCX])
	switch op {
	case 0x06, 0x09, 0x08: // clts, wbinvd, invd
		return 2
	case 0x20: // mov from a control register
		v, ok := map[byte]uint64{0: emulator.GuestCR0, 2: t.CR2, 3: h.guestCR3(), 4: emulator.GuestCR4 &^ 4}[modrm>>3&7]
		if !ok {
			return 0
		}
		h.p.SetRegister(int(modrm&7), v)
		return 3
	case 0x30: // wrmsr
		switch msr {
		case msrFSBase, msrGSBase, msrShadowGS:
			h.setMSR(msr, g[emulator.RDX]<<32|g[emulator.RAX]&0xffffffff)
			return 2
		case msrEFER, msrPAT, msrMiscEnable, msrMicrocode:
			return 2 // what a guest writes there is ignored
		}
	case 0x31: // rdtsc
		const step = 1000
		h.tsc += step
		h.pair(h.tsc)
		return 2
	case 0x32: // rdmsr
		v, ok := h.bases[msr]
		switch msr {
		case msrFSBase, msrGSBase, msrShadowGS, msrMicrocode:
			ok = true
		case msrEFER:
			v, ok = emulator.GuestEFER, true
		case msrPAT:
			v, ok = xenPAT, true
		case msrMiscEnable:
			v, ok = 1, true
		case msrAPICBase:
			v, ok = 0xfee00900, true
		}
		if ok {
			h.pair(v)
			return 2
		}
	}
	return 0
}

// pair puts a number into EDX and EAX.
func (h *host) pair(v uint64) {
	h.p.SetRegister(emulator.RAX, v&0xffffffff)
	h.p.SetRegister(emulator.RDX, v>>32)
}

func (h *host) guestCR3() uint64 { return uint64(h.l.Map.MFN(h.s.CPU.CR3)) << 12 }

// bounce has the guest take an exception (Xen: create_bounce_frame).
func (h *host) bounce(t *emulator.Trap) {
	const kept = 16
	if len(h.exceptions) == kept {
		h.exceptions = append(h.exceptions[:0], h.exceptions[1:]...)
	}
	h.exceptions = append(h.exceptions, Exception{t.Vector, t.PC, t.CR2})
	gate := h.traps[t.Vector&0xff]
	if gate.address == 0 {
		h.end("exception", fmt.Sprintf("exception %d at %x, address %x: the guest has no handler for it", t.Vector, t.PC, t.CR2))
		return
	}
	frame := []uint64{t.Registers[emulator.RCX], t.Registers[emulator.R11]}
	if t.Vector == 8 || t.Vector >= 10 && t.Vector <= 14 || t.Vector == 17 {
		const fromUser = 4 // the processor's mark: a guest's kernel must not see it
		frame = append(frame, uint64(t.Code)&^fromUser)
	}
	const kernelMode, enabled = 3, 0x200
	frame = append(frame, t.PC, kernelCS&^kernelMode, t.Flags|enabled, t.Registers[emulator.RSP], kernelSS)
	sp := t.Registers[emulator.RSP]&^15 - uint64(8*len(frame))
	if t.Vector == pageFault {
		h.poke(h.vcpuInfo+16, t.CR2)
	}
	if h.store(sp, frame...) != nil {
		h.end("exception", fmt.Sprintf("exception %d at %x, address %x: the guest's stack cannot be written to", t.Vector, t.PC, t.CR2))
		return
	}
	h.p.SetRegister(emulator.RSP, sp)
	h.p.SetFlags(t.Flags &^ 0x14100) // TF, NT, RF: as create_bounce_frame clears them
	h.p.SetPC(gate.address)
}

// iret returns from an exception (Xen: do_iret, struct iret_context).
func (h *host) iret(sp uint64) {
	w, err := h.words(sp, 9)
	if err != nil {
		h.end("exception", "an iret from a stack that is nowhere")
		return
	}
	const inSyscall = 1 << 8
	rax, r11, rcx, flags, rip, eflags, rsp := w[0], w[1], w[2], w[3], w[4], w[6], w[7]
	h.p.SetRegister(emulator.RAX, rax)
	if flags&inSyscall == 0 {
		h.p.SetRegister(emulator.R11, r11)
		h.p.SetRegister(emulator.RCX, rcx)
	}
	h.p.SetRegister(emulator.RSP, rsp)
	h.p.SetFlags(eflags&^0x3000 | 0x202)
	h.p.SetPC(rip)
}
