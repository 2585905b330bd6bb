package machines

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/ptcheck/ptcheck/traces/emulator"
)

const (
	kib = uint64(1) << 10
	mib = uint64(1) << 20
	gib = uint64(1) << 30

	page      = 4 * kib
	isaEnd    = mib // what lies below has its own rules: firmware, video memory
	videoHole = 640 * kib
	biosROM   = 960 * kib
)

// Bounds say what a kernel can be booted on.
type Bounds struct {
	Bits     int
	Levels   int    // of a 32-bit kernel's tables: 2 or 3
	End      uint64 // of the memory that the kernel itself needs, from 1 MiB on
	Features emulator.Features
}

// BoundsOf are the bounds of a kernel: the features that mean something to it.
func BoundsOf(k *emulator.Kernel, levels int) Bounds {
	b := Bounds{Bits: k.Bits, Levels: levels, End: k.End, Features: emulator.PSE | emulator.PGE}
	if levels > 2 {
		b.Features |= emulator.NX | emulator.PCID | emulator.SMEP
	}
	if b.Bits == 64 {
		b.Features |= emulator.GBPages | emulator.LA57
	}
	return b
}

// slack is what a kernel needs behind its own memory to get through its boot.
const slack = 24 * mib

// Batch is how many machines have the same processor, one after the other: up to a point a kernel
// does the same on them, and the runner does that once.
const Batch = 25

// Draw draws machine number i of a search. The same seed draws the same machines.
func Draw(b Bounds, seed uint64, i int) *emulator.Machine {
	p := processors(b).Example(int(seed) + i/Batch)
	return machinesWith(b, p).Example(int(seed) + i)
}

// processor is what machines of a batch have in common.
type processor struct {
	features emulator.Features
	litter   uint64
}

// processors draws processors. Most of them have all features.
func processors(b Bounds) *rapid.Generator[processor] {
	return rapid.Custom(func(t *rapid.T) processor {
		p := processor{features: b.Features}
		for i := emulator.Features(1); i <= b.Features; i <<= 1 {
			if !b.Features.Has(i) {
				continue
			}
			have := rapid.IntRange(0, 3).Draw(t, i.String()) > 0
			if i == emulator.PSE && !have {
				have = rapid.IntRange(0, 2).Draw(t, "small pages") > 0 // they take long
			}
			if !have {
				p.features &^= i
			}
		}
		if rapid.Bool().Draw(t, "litter") {
			p.litter = 0xdb63db63db63db63 // its lower half looks like a present entry too
		}
		return p
	})
}

// machinesWith draws machines with a processor.
func machinesWith(b Bounds, p processor) *rapid.Generator[*emulator.Machine] {
	return rapid.Custom(func(t *rapid.T) *emulator.Machine {
		d := drawing{t: t, b: b, m: &emulator.Machine{Features: p.features, Litter: p.litter}}
		d.low()
		d.high()
		d.m.Cmdline = d.commandLine()
		return d.m
	})
}

// drawing is a machine that is being drawn.
type drawing struct {
	t  *rapid.T
	b  Bounds
	m  *emulator.Machine
	at uint64 // the end of the map so far
}

// low draws the first MiB.
func (d *drawing) low() {
	end := rapid.SampledFrom([]uint64{639 * kib, 640 * kib, 632 * kib, 600*kib + 1, 512 * kib}).Draw(d.t, "low memory")
	d.add(end, emulator.Usable)
	if end < videoHole && rapid.Bool().Draw(d.t, "extended BIOS data") {
		d.add(videoHole-end, emulator.Reserved)
	}
	if rapid.Bool().Draw(d.t, "BIOS") {
		d.at = biosROM
		d.add(isaEnd-biosROM, emulator.Reserved)
	}
	d.at = isaEnd
}

// add adds a range behind the others.
func (d *drawing) add(size uint64, kind emulator.Kind) {
	if n := len(d.m.Map); n > 0 && d.m.Map[n-1].Kind == kind && d.m.Map[n-1].End == d.at {
		d.m.Map[n-1].End += size
	} else {
		d.m.Map = append(d.m.Map, emulator.Range{Start: d.at, End: d.at + size, Kind: kind})
	}
	d.at += size
}

// size draws a size: mostly one that large pages care about.
func (d *drawing) size(label string, most uint64) uint64 {
	unit := rapid.SampledFrom([]uint64{1, page, page, 64 * kib, 2 * mib, 2 * mib, 4 * mib, gib}).Draw(d.t, label+" unit")
	unit = min(unit, most)
	n := rapid.Uint64Range(1, max(1, min(most/unit, 600))).Draw(d.t, label)
	return n * unit
}

// high draws the rest: memory that holds the kernel, and pieces and gaps behind it.
func (d *drawing) high() {
	budget := d.budget()
	need := d.b.End - isaEnd + slack
	if rapid.IntRange(0, 5).Draw(d.t, "hole at 15 MiB") == 0 && d.b.End > 16*mib {
		d.add(14*mib, emulator.Usable)
		d.at = 16 * mib
		need = d.b.End - d.at + slack
	}
	more := uint64(0)
	if rapid.IntRange(0, 4).Draw(d.t, "tiny") > 0 {
		more = d.size("main memory", budget)
	}
	d.add(need+more, emulator.Usable)
	pieces := rapid.IntRange(0, 8).Draw(d.t, "pieces")
	for range pieces {
		d.gap()
		if d.at >= d.top() || d.m.RAM() >= budget {
			return
		}
		d.add(min(d.size("piece", budget), d.top()-d.at), emulator.Usable)
	}
}

// budget is how much memory a machine may have: without large pages each page is a store.
func (d *drawing) budget() uint64 {
	switch {
	case !d.m.Features.Has(emulator.PSE):
		return d.b.End + 64*mib
	case d.b.Bits == 64:
		return 12 * gib
	}
	return 3 * gib
}

// top is the end of addresses that are drawn.
func (d *drawing) top() uint64 {
	switch {
	case d.b.Bits == 64:
		return 60 * gib
	case d.b.Levels == 3:
		return 8 * gib
	}
	return 4*gib - 16*mib
}

// gap draws what lies between two pieces of memory: a hole, memory of another kind, or both.
func (d *drawing) gap() {
	if rapid.IntRange(0, 5).Draw(d.t, "to 4 GiB") == 0 && d.at < 4*gib && d.top() > 4*gib {
		d.at = 4 * gib
		return
	}
	kind := rapid.SampledFrom([]emulator.Kind{0, 0, emulator.Reserved, emulator.Reserved, emulator.ACPI, emulator.NVS, emulator.Unusable}).Draw(d.t, "gap")
	size := min(d.size("gap size", 2*gib), d.top()-d.at)
	if kind == 0 {
		d.at += size
	} else if size > 0 {
		d.add(size, kind)
	}
}

// commandLine draws a command line: mostly none.
func (d *drawing) commandLine() string {
	words := []string{"", "", "", "nopti", "pti=on", "nogbpages", "mem=", "memmap="}
	if d.b.Bits == 64 {
		words = append(words, "no5lvl")
	}
	w := rapid.SampledFrom(words).Draw(d.t, "command line")
	need := d.b.End + slack
	switch w {
	case "mem=":
		return fmt.Sprintf("mem=%dK", (need+d.size("mem", 512*mib))/kib)
	case "memmap=":
		r := rapid.SampledFrom(d.behind(need)).Draw(d.t, "memmap range")
		if r.End-r.Start < 2*page {
			return ""
		}
		start := r.Start + rapid.Uint64Range(0, (r.End-r.Start-page)/page).Draw(d.t, "memmap start")*page
		size := min(d.size("memmap size", 64*mib), r.End-start)
		return fmt.Sprintf("memmap=%#x$%#x", size, start)
	}
	return w
}

// behind are the parts of usable memory from an address on.
func (d *drawing) behind(addr uint64) []emulator.Range {
	list := slices.Clone(d.m.Map)
	for i := range list {
		list[i].Start = max(list[i].Start, addr)
	}
	list = slices.DeleteFunc(list, func(r emulator.Range) bool { return r.Kind != emulator.Usable || r.Start >= r.End })
	return append(list, emulator.Range{})
}
