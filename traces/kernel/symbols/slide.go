package symbols

import (
	"bytes"
	"slices"

	"github.com/ptcheck/ptcheck/traces/kernel"
)

// Instruction is a kind of instruction that a recording knows places of.
type Instruction int

// The kinds, by the bytes that they begin with.
const (
	LoadCR Instruction = iota // 0f 22: mov to a control register
	Invlpg                    // 0f 01: invlpg, among others
	instructions
)

// opcodes are the first bytes of each kind.
func opcodes() [instructions][]byte {
	return [instructions][]byte{LoadCR: {0x0f, 0x22}, Invlpg: {0x0f, 0x01}}
}

// Digest is what a recording needs of a kernel: little, compared with the kernel, and slow
// to come by, so worth keeping.
type Digest struct {
	Bits    int
	Banner  string
	Symbols []kernel.Symbol // as linked, by ascending address; nil if the kernel has none
	// Low is the lowest address that moves with the kernel.
	Low uint64
	// Places are the addresses of instructions, as linked.
	Places [instructions][]uint64
}

// Digest takes what a recording needs out of an image.
func (img *Image) Digest() *Digest {
	d := &Digest{Bits: img.Bits, Banner: img.Banner, Low: ^uint64(0)}
	d.Symbols, _ = img.Symbols() // a kernel without is judged all the same
	for i, op := range opcodes() {
		d.Places[i] = img.find(op)
	}
	for _, s := range img.segments {
		if s.addr >= 1<<28 { // 64-bit kernels have a segment of per-processor data at 0
			d.Low = min(d.Low, s.addr)
		}
	}
	return d
}

// Slide is by how much the kernel was moved when it was loaded (KASLR): added to an address
// as linked it gives that in memory. places are addresses in memory with the instruction
// there. Each votes for the distances to all such instructions of the kernel; only the right
// distance gets many votes. ok is false if none gets two: then nothing is known.
func (d *Digest) Slide(places map[uint64]Instruction) (slide uint64, ok bool) {
	const page = 0x1000 // kernels are moved by whole pages at least
	votes := map[uint64]int{}
	for at, kind := range places {
		for _, a := range d.Places[kind] {
			if by := d.wrap(at - a); by%page == 0 {
				votes[by]++
			}
		}
	}
	most := 0
	for by, n := range votes {
		if n > most || n == most && by < slide {
			slide, most = by, n
		}
	}
	return slide, most >= 2
}

// wrap is a difference of addresses in the kernel's width.
func (d *Digest) wrap(v uint64) uint64 {
	if d.Bits == 32 {
		return v & (1<<32 - 1)
	}
	return v
}

// find are the addresses of bytes in code.
func (img *Image) find(pattern []byte) []uint64 {
	var list []uint64
	for _, s := range img.segments {
		if !s.exec {
			continue
		}
		for off := 0; ; off++ {
			i := bytes.Index(s.data[off:], pattern)
			if i < 0 {
				break
			}
			off += i
			list = append(list, s.addr+uint64(off))
		}
	}
	return list
}

// Moved are the symbols as they are in memory. Those of a processor's own memory, which lie
// below the kernel, do not move.
func (d *Digest) Moved(slide uint64) []kernel.Symbol {
	moved := slices.Clone(d.Symbols)
	for i := range moved {
		if moved[i].Addr >= d.Low {
			moved[i].Addr = d.wrap(moved[i].Addr + slide)
		}
	}
	return moved
}
