package initrd

import "encoding/binary"

// asm puts machine code together: the few instructions that Init is made of, for either
// kind of kernel. Memory is addressed absolutely: the program lies below 2 GiB.
type asm struct {
	bits Bits
	code []byte
}

// arg are the registers of a system call's arguments, by their numbers in instructions:
// ebx, ecx, edx, esi, edi, ebp; rdi, rsi, rdx, r10, r8, r9.
func (a *asm) arg(i int) byte {
	if a.bits == AMD64 {
		return [...]byte{7, 6, 2, 10, 8, 9}[i]
	}
	return [...]byte{3, 1, 2, 6, 7, 5}[i]
}

// ax is the register of a system call's number and answer.
const ax = 0

func (a *asm) emit(b ...byte) { a.code = append(a.code, b...) }

func (a *asm) word(v int32) { a.code = binary.LittleEndian.AppendUint32(a.code, uint32(v)) }

// set is mov reg, v. In 64-bit code the sign of v is extended.
func (a *asm) set(reg byte, v int32) {
	if a.bits == AMD64 {
		a.emit(0x48|reg>>3, 0xc7, 0xc0|reg&7)
	} else {
		a.emit(0xb8 | reg)
	}
	a.word(v)
}

// operand is an instruction with a register and the memory at an address.
func (a *asm) operand(opcode, reg byte, addr int32) {
	if a.bits == AMD64 {
		a.emit(0x48|reg>>3<<2, opcode, reg&7<<3|4, 0x25) // a SIB byte without base and index
	} else {
		a.emit(opcode, reg<<3|5)
	}
	a.word(addr)
}

func (a *asm) load(reg byte, addr int32)  { a.operand(0x8b, reg, addr) }
func (a *asm) store(addr int32, reg byte) { a.operand(0x89, reg, addr) }

// decrement takes 1 from the word at an address.
func (a *asm) decrement(addr int32) { a.operand(0xff, 1, addr) }

// call is a system call with constants as arguments.
func (a *asm) call(number int32, args ...int32) {
	for i, v := range args {
		a.set(a.arg(i), v)
	}
	a.trap(number)
}

// trap is a system call whose arguments are in place.
func (a *asm) trap(number int32) {
	a.set(ax, number)
	if a.bits == AMD64 {
		a.emit(0x0f, 0x05) // syscall
	} else {
		a.emit(0xcd, 0x80) // int 0x80
	}
}

// testAX sets the flags from the last answer.
func (a *asm) testAX() {
	if a.bits == AMD64 {
		a.emit(0x48)
	}
	a.emit(0x85, 0xc0)
}

// Conditions of jumps, as their second opcode byte.
const (
	ifZero    = 0x84
	ifNotZero = 0x85
)

// jump is a conditional jump to a place that is known already.
func (a *asm) jump(condition byte, to int) {
	a.emit(0x0f, condition)
	a.word(int32(to - len(a.code) - 4))
}

// forward is a conditional jump to a place that is still to come: the function that is
// returned says that this is it.
func (a *asm) forward(condition byte) (here func()) {
	a.emit(0x0f, condition)
	at := len(a.code)
	a.word(0)
	return func() { binary.LittleEndian.PutUint32(a.code[at:], uint32(len(a.code)-at-4)) }
}
