package symbols

import (
	"bytes"
	"slices"

	"github.com/ptcheck/ptcheck/traces/kernel"
)

// Patterns of instructions that a recording knows the places of.
const (
	LoadCR = "\x0f\x22" // mov to a control register
	Invlpg = "\x0f\x01" // invlpg, among others
)

// Slide is by how much the kernel was moved when it was loaded (KASLR): added to an address
// as linked it gives that in memory. places maps addresses in memory to the first bytes of
// the instruction there (see LoadCR). Each place votes for the distances to all such
// instructions of the kernel; only the right one gets most of the votes. ok is false if no
// distance gets two: then nothing is known.
func (img *Image) Slide(places map[uint64]string) (slide uint64, ok bool) {
	const page = 0x1000 // kernels are moved by whole pages at least
	votes := map[uint64]int{}
	found := map[string][]uint64{}
	for at, pattern := range places {
		if _, done := found[pattern]; !done {
			found[pattern] = img.find([]byte(pattern))
		}
		for _, a := range found[pattern] {
			if d := img.wrap(at - a); d%page == 0 {
				votes[d]++
			}
		}
	}
	most := 0
	for d, n := range votes {
		if n > most || n == most && d < slide {
			slide, most = d, n
		}
	}
	return slide, most >= 2
}

// wrap is a difference of addresses in the kernel's width.
func (img *Image) wrap(v uint64) uint64 {
	if img.Bits == 32 {
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

// Moved are symbols as they are in memory. Those of a processor's own memory, which lie
// below the kernel, do not move.
func (img *Image) Moved(list []kernel.Symbol, slide uint64) []kernel.Symbol {
	low := ^uint64(0)
	for _, s := range img.segments {
		if s.addr >= 1<<28 { // 64-bit kernels have a segment of per-processor data at 0
			low = min(low, s.addr)
		}
	}
	moved := slices.Clone(list)
	for i := range moved {
		if moved[i].Addr >= low {
			moved[i].Addr = img.wrap(moved[i].Addr + slide)
		}
	}
	return moved
}
