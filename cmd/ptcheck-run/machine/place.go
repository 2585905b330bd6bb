package machine

import (
	"bytes"

	"golang.org/x/arch/x86/x86asm"
)

// decoded is an instruction with the bytes that it was decoded from.
type decoded struct {
	bytes []byte
	in    x86asm.Inst
	ok    bool
}

// instruction decodes the instruction at an address, or remembers it.
func (r *recorder) instruction(addr uint64) (x86asm.Inst, bool) {
	b := r.p.code(addr)
	d, known := r.decoded[addr]
	if !known || !bytes.Equal(d.bytes, b) {
		d = decoded{bytes: bytes.Clone(b)}
		d.in, d.ok = r.p.decode(addr)
		r.decoded[addr] = d
	}
	return d.in, d.ok
}

// place finds the instruction of a store to a physical address, and the virtual address that it
// stores to. The engine's instruction pointer is that of the last plain store: one with a lock
// prefix, such as cmpxchg8b, comes some instructions later in its block. Without ok neither is
// known better than the engine knows it.
func (r *recorder) place(pc, pa uint64, g *[16]uint64) (rip, va uint64, ok bool) {
	if r.filling != 0 {
		return pc, r.filling, true
	}
	rip = pc
	for range 32 {
		in, sound := r.instruction(rip)
		if !sound || rip != pc && leaves(in.Op) {
			break
		}
		if va, ok := r.target(in, rip, pa, g); ok {
			return rip, va, true
		}
		rip += uint64(in.Len)
	}
	return pc, 0, false
}

// leaves reports whether an instruction ends a block.
func leaves(op x86asm.Op) bool {
	switch op {
	case x86asm.JMP, x86asm.CALL, x86asm.RET, x86asm.IRETQ, x86asm.IRETD, x86asm.JE, x86asm.JNE:
		return true
	}
	return false
}

// target is the address that an instruction stores to, if that leads to a physical address.
func (r *recorder) target(in x86asm.Inst, rip, pa uint64, g *[16]uint64) (va uint64, ok bool) {
	word := uint64(r.p.e.Bits / 8)
	var list [4]uint64
	n := 0
	try := func(va uint64) { list[n] = va; n++ }
	if va, ok := r.p.effective(in, rip, g); ok {
		try(va)
		try(va + word) // the upper half of a large store
	}
	switch in.Op {
	case x86asm.PUSH, x86asm.CALL:
		try(g[4] - word)
	case x86asm.STOSB, x86asm.STOSD, x86asm.STOSQ, x86asm.MOVSB, x86asm.MOVSD, x86asm.MOVSQ:
		try(g[7])
	}
	for _, va := range list[:n] {
		if to, _, ok := r.p.mem.walk(&r.p.ctl, va); ok && to == pa {
			return va, true
		}
	}
	return 0, false
}
