package machine

import (
	"golang.org/x/arch/x86/x86asm"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/unicorn"
)

const (
	msrEFER  = 0xc0000080
	firstTSC = 1_000_000
	tscStep  = 1_000 // from one rdtsc to the next
)

// at reads the bytes of an instruction.
func (p *pass) code(addr uint64) []byte {
	pa, _, ok := p.mem.walk(&p.ctl, addr)
	if !ok {
		return nil
	}
	b := p.mem.at(pa, 1)
	if len(b) > 15 {
		b = b[:15]
	}
	return b
}

// decode decodes the instruction at an address.
func (p *pass) decode(addr uint64) (x86asm.Inst, bool) {
	mode := 32
	if p.e.Bits == 64 {
		mode = 64
	}
	in, err := x86asm.Decode(p.code(addr), mode)
	return in, err == nil
}

// watched is called in front of an instruction that may be one to watch.
func (p *pass) watched(addr uint64) {
	in, ok := p.decode(addr)
	if !ok {
		return
	}
	switch in.Op {
	case x86asm.MOV:
		p.moveToControl(addr, in)
	case x86asm.WRMSR:
		p.writeMSR(addr)
	case x86asm.RDTSC:
		p.tsc += tscStep
		p.e.Write(p.e.GeneralReg(0), p.tsc&0xffffffff)
		p.e.Write(p.e.GeneralReg(2), p.tsc>>32)
		p.e.SetPC(addr + uint64(in.Len))
	case x86asm.INVLPG:
		if p.rec != nil {
			va, ok := p.effective(in, addr, p.e.General())
			p.rec.invlpg(addr, va, ok)
		}
		p.look()
	case x86asm.INVPCID:
		if p.rec != nil {
			p.rec.invpcid(addr)
		}
		p.look()
	case x86asm.STOSB, x86asm.STOSD, x86asm.STOSQ:
		p.stos(addr, in)
	}
}

// moveToControl notes a move to a control register, which is about to happen.
func (p *pass) moveToControl(addr uint64, in x86asm.Inst) {
	to, ok := in.Args[0].(x86asm.Reg)
	from, ok2 := in.Args[1].(x86asm.Reg)
	if !ok || !ok2 {
		return
	}
	v := p.register(from, p.e.General())
	before := p.ctl
	reg := 0
	switch to {
	case x86asm.CR0:
		p.ctl.cr0 = v
		if v&paging != 0 && p.ctl.efer&longEnable != 0 {
			p.ctl.efer |= longMode
		}
	case x86asm.CR3:
		p.ctl.cr3, reg = v&^(1<<63), 3
	case x86asm.CR4:
		p.ctl.cr4, reg = v, 4
	default:
		return
	}
	p.controlled(addr, reg, before)
}

// writeMSR notes a wrmsr, which is about to happen.
func (p *pass) writeMSR(addr uint64) {
	g := p.e.General()
	before := p.ctl
	if uint32(g[1]) == msrEFER {
		p.ctl.efer = g[2]<<32 | g[0]&0xffffffff | before.efer&longMode
	}
	p.controlled(addr, 0, before)
}

// controlled is called with control registers as they are from now on.
func (p *pass) controlled(addr uint64, reg int, before control) {
	if p.rec != nil {
		p.rec.control(addr, reg, before)
	}
	p.look()
}

// look looks at the tables as they are, in the first pass.
func (p *pass) look() {
	if !p.first {
		return
	}
	seen := map[uint64]bool{}
	p.mem.tables(&p.ctl, func(frame uint64, level int) bool {
		p.frames[frame] = true
		key := frame<<3 | uint64(level)
		if seen[key] {
			return false
		}
		seen[key] = true
		return true
	})
}

// register is the value of a general register.
func (p *pass) register(r x86asm.Reg, g *[16]uint64) uint64 {
	switch {
	case r >= x86asm.RAX && r <= x86asm.R15:
		return g[r-x86asm.RAX]
	case r >= x86asm.EAX && r <= x86asm.R15L:
		return g[r-x86asm.EAX] & 0xffffffff
	}
	return 0
}

// effective is the address that the operand in memory of an instruction at rip has.
func (p *pass) effective(in x86asm.Inst, rip uint64, g *[16]uint64) (va uint64, ok bool) {
	for _, a := range in.Args {
		m, is := a.(x86asm.Mem)
		if !is {
			continue
		}
		va = uint64(m.Disp) + p.register(m.Base, g) + uint64(m.Scale)*p.register(m.Index, g)
		if m.Base == x86asm.RIP {
			va += rip + uint64(in.Len)
		}
		switch m.Segment {
		case x86asm.FS:
			va += p.e.Read(unicorn.FSBase)
		case x86asm.GS:
			va += p.e.Read(unicorn.GSBase)
		}
		if p.e.Bits == 32 {
			va &= 0xffffffff
		}
		return va, true
	}
	return 0, false
}
