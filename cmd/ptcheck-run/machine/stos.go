package machine

import (
	"bytes"

	"golang.org/x/arch/x86/x86asm"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-run/unicorn"
)

const directionFlag = 1 << 10

// stos carries out a rep stos at once, as far as memory is mapped and may be written to. The
// engine would go through it store by store: the kernel clears its bss so, 18 MiB by bytes.
// What is left, such as a page that faults, is the engine's.
func (p *pass) stos(addr uint64, in x86asm.Inst) {
	size := map[x86asm.Op]uint64{x86asm.STOSB: 1, x86asm.STOSD: 4, x86asm.STOSQ: 8}[in.Op]
	if in.Prefix[0]&0xff != 0xf3 || p.e.Read(unicorn.EFLAGS)&directionFlag != 0 {
		return
	}
	g := p.e.General()
	value, count, to := g[0], g[1], g[7]
	if p.e.Bits == 32 {
		count, to = count&0xffffffff, to&0xffffffff
	}
	for count > 0 {
		pa, rw, ok := p.mem.walk(&p.ctl, to)
		n := min(count, (pageSize-to%pageSize)/size)
		if !ok || !rw || n == 0 || p.mem.at(pa, int(n*size)) == nil {
			break
		}
		if !p.fill(pa, to, value, size, n) {
			return
		}
		count, to = count-n, to+n*size
		p.e.Write(p.e.GeneralReg(7), to)
		p.e.Write(p.e.GeneralReg(1), count)
	}
	if count == 0 {
		p.e.SetPC(addr + uint64(in.Len))
	}
}

// fill stores a value n times within a page. To tables it stores entry by entry, as fast string
// operations do: nobody sees the single bytes.
func (p *pass) fill(pa, va, value, size, n uint64) bool {
	run := bytes.Repeat(littleEndian(value, size), int(n))
	if p.rec == nil || !p.frames[pa/pageSize] {
		return p.e.Fill(pa, run) == nil
	}
	es := uint64(p.rec.entrySize())
	defer func() { p.rec.filling = 0 }()
	for len(run) > 0 {
		p.rec.filling = va
		k := min(es-pa%es, uint64(len(run)))
		p.Write(pa, int(k), fromLittleEndian(run[:k]))
		if p.e.Fill(pa, run[:k]) != nil {
			return false
		}
		pa, va, run = pa+k, va+k, run[k:]
	}
	return true
}

func fromLittleEndian(b []byte) (v uint64) {
	for i, c := range b {
		v |= uint64(c) << (8 * i)
	}
	return v
}

func littleEndian(v, size uint64) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(v >> (8 * i))
	}
	return b
}
