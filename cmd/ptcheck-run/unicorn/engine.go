package unicorn

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// Guest is what an engine calls while it runs. Addresses of code are virtual, those of
// memory are physical.
type Guest interface {
	// Instruction is called in front of a hooked instruction.
	Instruction(addr uint64)
	// Block is called when code in a range of AddEdge is translated.
	Block(addr uint64, size int)
	// Write is called in front of a store to a hooked range.
	Write(pa uint64, size int, value uint64)
	// Exception is called with the number of an exception, 6 for an invalid instruction.
	Exception(n int)
	In(port uint32, size int) uint32
	Out(port uint32, size int, value uint32)
	// CPUID is called instead of the instruction.
	CPUID()
	// Syscall is called instead of the instruction.
	Syscall()
	// Nowhere is called for an access to memory that is not there; fetch says that code
	// was to be read. Without memory there afterwards the engine ends with an error.
	Nowhere(pa uint64, fetch bool) bool
}

// Engine is an x86 processor with its memory.
type Engine struct {
	l       *Library
	uc      uintptr
	id      uintptr
	Bits    int // 32 or 64
	guest   Guest
	context uintptr // a saved context, allocated
	regs    gprs
}

// gprs is what uc_reg_read_batch wants, made once.
type gprs struct {
	ids    [16]Reg
	values [16]uint64
	ptrs   [16]*uint64
}

// Open makes an engine for a guest that begins in 32-bit protected mode or in 64-bit mode.
func (l *Library) Open(bits int, g Guest) (*Engine, error) {
	mode := uintptr(mode32)
	if bits == 64 {
		mode = mode64
	}
	e := &Engine{l: l, Bits: bits, guest: g, id: l.next}
	l.next++
	if err := l.errorOf("open", call(l.f.open, archX86, mode, uintptr(unsafe.Pointer(&e.uc)))); err != nil {
		return nil, err
	}
	e.regs.init(bits)
	l.live[e.id] = e
	for _, h := range []struct {
		kind int
		cb   uintptr
		insn uintptr
	}{
		{hookIntr, l.cb.intr, 0}, {hookInvalid, l.cb.invalid, 0}, {hookUnmapped, l.cb.unmapped, 0},
		{hookInsn, l.cb.in, insnIn}, {hookInsn, l.cb.out, insnOut}, {hookInsn, l.cb.cpuid, insnCPUID},
		{hookInsn, l.cb.syscall, insnSyscall},
	} {
		if err := e.hook(h.kind, h.cb, 1, 0, h.insn); err != nil {
			e.Close()
			return nil, err
		}
	}
	return e, nil
}

// Close frees the engine; the memory that was mapped is the caller's.
func (e *Engine) Close() {
	if e.context != 0 {
		call(e.l.f.contextFree, e.context)
	}
	call(e.l.f.close, e.uc)
	delete(e.l.live, e.id)
}

func (e *Engine) hook(kind int, cb uintptr, begin, end uint64, insn uintptr) error {
	var h uintptr
	return e.l.errorOf("hook", call(e.l.f.hookAdd, e.uc, uintptr(unsafe.Pointer(&h)), uintptr(kind), cb, e.id,
		uintptr(begin), uintptr(end), insn))
}

// AddInstruction has the guest called in front of the instruction at an address.
func (e *Engine) AddInstruction(addr uint64) error {
	return e.hook(hookCode, e.l.cb.code, addr, addr, 0)
}

// AddEdge has the guest called when code that begins in a range is translated.
func (e *Engine) AddEdge(first, last uint64) error {
	return e.hook(hookEdge, e.l.cb.edge, first, last, 0)
}

// AddWrites has the guest called for stores to a range of physical addresses.
func (e *Engine) AddWrites(first, last uint64) error {
	return e.hook(hookWrite, e.l.cb.write, first, last, 0)
}

// Map makes memory of the caller's the guest's from a physical address on.
func (e *Engine) Map(pa uint64, mem []byte) error {
	return e.l.errorOf(fmt.Sprintf("map %x", pa),
		call(e.l.f.mapPtr, e.uc, uintptr(pa), uintptr(len(mem)), protAll, uintptr(unsafe.Pointer(&mem[0]))))
}

// MapNothing answers reads of a page with ones and drops stores to it, as a bus without a
// device does.
func (e *Engine) MapNothing(pa uint64) error {
	return e.l.errorOf("map nothing", call(e.l.f.mmio, e.uc, uintptr(pa&^0xfff), 4096, e.l.cb.readNothing, 0, e.l.cb.writeNothing, 0))
}

// Fill writes bytes to physical memory and drops translations of code that lay there.
func (e *Engine) Fill(pa uint64, b []byte) error {
	return e.l.errorOf(fmt.Sprintf("write %x", pa),
		call(e.l.f.memWrite, e.uc, uintptr(pa), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b))))
}

// Forget drops translations of code at virtual addresses.
func (e *Engine) Forget(first, end uint64) {
	call(e.l.f.ctl, e.uc, ctlRemoveCache, uintptr(first), uintptr(end))
}

// FlushTLB drops all cached translations of addresses.
func (e *Engine) FlushTLB() { call(e.l.f.ctl, e.uc, ctlFlushTLB) }

// Run runs from an address until something stops the engine.
func (e *Engine) Run(pc uint64) error {
	return e.l.errorOf("run", call(e.l.f.start, e.uc, uintptr(pc), 0, 0, 0))
}

// Stop ends Run behind the instruction at hand.
func (e *Engine) Stop() { call(e.l.f.stop, e.uc) }

// Read reads a register of up to 64 bits.
func (e *Engine) Read(r Reg) uint64 {
	var v uint64
	call(e.l.f.regRead, e.uc, uintptr(r), uintptr(unsafe.Pointer(&v)))
	return v
}

// Write writes a register.
func (e *Engine) Write(r Reg, v uint64) {
	call(e.l.f.regWrite, e.uc, uintptr(r), uintptr(unsafe.Pointer(&v)))
}

// PC is the address of the instruction at hand.
func (e *Engine) PC() uint64 {
	if e.Bits == 64 {
		return e.Read(RIP)
	}
	return uint64(uint32(e.Read(EIP)))
}

// SetPC has the engine go on elsewhere.
func (e *Engine) SetPC(v uint64) {
	if e.Bits == 64 {
		e.Write(RIP, v)
	} else {
		e.Write(EIP, v)
	}
}

func (g *gprs) init(bits int) {
	names := [16]Reg{EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI}
	if bits == 64 {
		names = [16]Reg{RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI}
		for i := range 8 {
			names[8+i] = R8 + Reg(i)
		}
	}
	g.ids = names
	for i := range g.values {
		g.ptrs[i] = &g.values[i]
	}
}

// General reads the general registers, in the order of their encoding.
func (e *Engine) General() *[16]uint64 {
	n := 8
	if e.Bits == 64 {
		n = 16
	}
	call(e.l.f.regReadBatch, e.uc, uintptr(unsafe.Pointer(&e.regs.ids[0])), uintptr(unsafe.Pointer(&e.regs.ptrs[0])), uintptr(n))
	return &e.regs.values
}

// GeneralReg is the register with an encoding of 0 to 15.
func (e *Engine) GeneralReg(n int) Reg { return e.regs.ids[n] }

// MSR reads a model-specific register.
func (e *Engine) MSR(id uint32) uint64 {
	b := new([16]byte)
	binary.LittleEndian.PutUint32(b[:], id)
	call(e.l.f.regRead, e.uc, uintptr(msr), uintptr(unsafe.Pointer(b)))
	return binary.LittleEndian.Uint64(b[8:])
}

// SetMSR writes a model-specific register.
func (e *Engine) SetMSR(id uint32, v uint64) {
	b := new([16]byte)
	binary.LittleEndian.PutUint32(b[:], id)
	binary.LittleEndian.PutUint64(b[8:], v)
	call(e.l.f.regWrite, e.uc, uintptr(msr), uintptr(unsafe.Pointer(b)))
}

// Table reads a register that holds the place of a descriptor table: IDTR, GDTR or TR.
func (e *Engine) Table(r Reg) (base uint64, limit uint32) {
	b := new([24]byte) // uc_x86_mmr: selector, base, limit, flags
	call(e.l.f.regRead, e.uc, uintptr(r), uintptr(unsafe.Pointer(b)))
	return binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint32(b[16:])
}

// SetTable writes such a register.
func (e *Engine) SetTable(r Reg, base uint64, limit uint32) {
	b := new([24]byte)
	binary.LittleEndian.PutUint64(b[8:], base)
	binary.LittleEndian.PutUint32(b[16:], limit)
	call(e.l.f.regWrite, e.uc, uintptr(r), uintptr(unsafe.Pointer(b)))
}

// cString is a C string at an address.
func cString(p uintptr) string {
	if p == 0 {
		return "unknown error"
	}
	b := (*[256]byte)(*(*unsafe.Pointer)(unsafe.Pointer(&p)))
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b[:])
}
