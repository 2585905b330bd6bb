package machine

import (
	"encoding/binary"
	"fmt"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/unicorn"
)

// maxExceptions bounds how many exceptions a run takes: a kernel that faults in its handler
// would go on for ever.
const maxExceptions = 5000

// invalidInstruction is the exception of an instruction that there is not.
const invalidInstruction = 6

// deliver has the guest take an exception through its IDT, as the processor does: the library
// leaves that to its user. It returns false when the run is over.
func (p *pass) deliver(n int) bool {
	p.res.Totals.Exceptions++
	if p.res.Totals.Exceptions > maxExceptions {
		return p.fatal(n, "it is one of more than %d", maxExceptions)
	}
	p.look()
	code := p.e.Delivered()
	size := uint64(8)
	if p.e.Bits == 64 {
		size = 16
	}
	base, limit := p.e.Table(unicorn.IDTR)
	if uint64(n+1)*size > uint64(limit)+1 {
		return p.fatal(n, "there is no gate for it")
	}
	pa, _, ok := p.mem.walk(&p.ctl, base+uint64(n)*size)
	gate, there := p.mem.word(pa, 8)
	if !ok || !there || gate>>47&1 == 0 {
		return p.fatal(n, "its gate is not present")
	}
	if p.e.Bits == 64 {
		high, _ := p.mem.word(pa+8, 8)
		return p.enter64(n, gate, high, code)
	}
	return p.enter32(n, gate, code)
}

// pushes reports whether the processor pushes an error code for an exception.
func pushes(n int) bool { return n == 8 || n >= 10 && n <= 14 || n == 17 }

func (p *pass) enter64(n int, gate, high uint64, code uint32) bool {
	old := p.e.Read(unicorn.RSP)
	sp := old
	if ist := gate >> 32 & 7; ist != 0 {
		base, _ := p.e.Table(unicorn.TR)
		pa, _, ok := p.mem.walk(&p.ctl, base+36+8*(ist-1))
		if sp, _ = p.mem.word(pa, 8); !ok {
			return p.fatal(n, "its stack is nowhere")
		}
	}
	flags := p.e.Read(unicorn.EFLAGS)
	frame := []uint64{p.e.Read(unicorn.SS), old, flags, p.e.Read(unicorn.CS), p.e.PC()}
	if pushes(n) {
		frame = append(frame, uint64(code))
	}
	sp, ok := p.push(sp&^15, 8, frame)
	if !ok {
		return p.fatal(n, "the stack cannot be written to")
	}
	p.e.Write(unicorn.RSP, sp)
	p.e.Write(unicorn.EFLAGS, flags&^0x300) // TF, IF
	p.e.Write(unicorn.RIP, gate&0xffff|gate>>48<<16|high<<32)
	return true
}

func (p *pass) enter32(n int, gate uint64, code uint32) bool {
	flags := p.e.Read(unicorn.EFLAGS)
	frame := []uint64{flags, p.e.Read(unicorn.CS), p.e.PC()}
	if pushes(n) {
		frame = append(frame, uint64(code))
	}
	sp, ok := p.push(p.e.Read(unicorn.ESP), 4, frame)
	if !ok {
		return p.fatal(n, "the stack cannot be written to")
	}
	p.e.Write(unicorn.ESP, sp)
	p.e.Write(unicorn.EFLAGS, flags&^0x300)
	p.e.Write(unicorn.EIP, gate&0xffff|gate>>48<<16)
	return true
}

// push pushes words and returns the stack pointer then.
func (p *pass) push(sp uint64, size int, words []uint64) (uint64, bool) {
	for _, w := range words {
		sp -= uint64(size)
		pa, rw, ok := p.mem.walk(&p.ctl, sp)
		b := p.mem.at(pa, size)
		if !ok || !rw || b == nil {
			return sp, false
		}
		if size == 4 {
			binary.LittleEndian.PutUint32(b, uint32(w))
		} else {
			binary.LittleEndian.PutUint64(b, w)
		}
	}
	return sp, true
}

// fatal ends the run with an exception that cannot be delivered: the processor would shut down.
func (p *pass) fatal(n int, why string, args ...any) bool {
	p.end("exception", fmt.Sprintf("exception %d at %x, address %x, cannot be delivered: %s",
		n, p.e.PC(), p.e.Read(unicorn.CR2), fmt.Sprintf(why, args...)))
	return false
}
