package machines

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/traces/emulator"
)

// Finding is a machine on which something is wrong.
type Finding struct {
	Machine *emulator.Machine
	Problem Problem
	Outcome *Outcome
	Case    int  // of the search, counted from 0
	Tries   int  // machines that were tried to make it small
	Minimal bool // none that shrinking knows of is smaller
	Bounds  Bounds
}

// shrink looks for smaller machines with the same problem: fewer ranges, words and features, then
// rounder numbers, then less memory. try boots a machine; nil says that nothing came of it.
func (f *Finding) shrink(tries int, try func(m *emulator.Machine) *Outcome) {
	for again := true; again; {
		again = false
		for _, m := range f.smaller() {
			if rank(m, f.Bounds) >= rank(f.Machine, f.Bounds) || m.Check() != nil {
				continue
			}
			if f.Tries == tries {
				return
			}
			f.Tries++
			o := try(m)
			if o == nil {
				continue
			}
			if i := slices.IndexFunc(o.Problems, func(p Problem) bool { return p.key() == f.Problem.key() }); i >= 0 {
				f.Machine, f.Problem, f.Outcome = m, o.Problems[i], o
				again = true
				break
			}
		}
	}
	f.Minimal = true
}

// rank orders machines: strings compare as the lists of numbers that they stand for.
func rank(m *emulator.Machine, b Bounds) string {
	round, ram := 0, m.RAM()
	for _, r := range m.Map {
		round += bits.OnesCount64(r.Start) + bits.OnesCount64(r.End)
	}
	litter := uint64(0)
	if m.Litter != 0 {
		litter = 1
	}
	var out []byte
	for _, n := range []uint64{uint64(len(m.Map)), uint64(len(strings.Fields(m.Cmdline))), litter,
		uint64(bits.OnesCount(uint(m.Features ^ plain(b)))), uint64(round), ram} {
		for shift := 56; shift >= 0; shift -= 8 {
			out = append(out, byte(n>>shift))
		}
	}
	return string(out)
}

// plain are the features of a machine that nobody wonders about.
func plain(b Bounds) emulator.Features {
	return b.Features & (emulator.PSE | emulator.PGE | emulator.NX)
}

// smaller are machines like a finding's, each simpler in one way.
func (f *Finding) smaller() (out []*emulator.Machine) {
	now := f.Machine
	change := func(g func(m *emulator.Machine)) {
		m := *now
		m.Map = slices.Clone(now.Map)
		g(&m)
		out = append(out, &m)
	}
	for i := range now.Map {
		change(func(m *emulator.Machine) { m.Map = slices.Delete(m.Map, i, i+1) })
	}
	words := strings.Fields(now.Cmdline)
	for i := range words {
		change(func(m *emulator.Machine) { m.Cmdline = strings.Join(slices.Delete(slices.Clone(words), i, i+1), " ") })
	}
	change(func(m *emulator.Machine) { m.Litter = 0 })
	change(func(m *emulator.Machine) { m.Features = plain(f.Bounds) })
	for bit := emulator.Features(1); bit <= f.Bounds.Features; bit <<= 1 {
		if (now.Features^plain(f.Bounds))&bit != 0 {
			change(func(m *emulator.Machine) { m.Features ^= bit })
		}
	}
	for i := range now.Map {
		f.rounder(i, change)
	}
	return out
}

// rounder are machines with one range that begins or ends at a rounder address, or is smaller.
func (f *Finding) rounder(i int, change func(func(m *emulator.Machine))) {
	for unit := 4 * gib; unit >= page; unit >>= 1 {
		change(func(m *emulator.Machine) { m.Map[i].End &^= unit - 1 })
		change(func(m *emulator.Machine) { m.Map[i].End = (m.Map[i].End + unit - 1) &^ (unit - 1) })
		change(func(m *emulator.Machine) { m.Map[i].Start &^= unit - 1 })
		change(func(m *emulator.Machine) { m.Map[i].Start = (m.Map[i].Start + unit - 1) &^ (unit - 1) })
	}
	if i > 0 {
		change(func(m *emulator.Machine) { // close the gap in front of it
			gap := m.Map[i].Start - m.Map[i-1].End
			m.Map[i].Start, m.Map[i].End = m.Map[i].Start-gap, m.Map[i].End-gap
		})
	}
}
