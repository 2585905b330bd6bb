package bootlog

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/ptcheck/ptcheck/traces/golden"
	"github.com/ptcheck/ptcheck/traces/pagemap"
)

// Difference is a range of low memory that the log's kernel and the boot map in different
// ways.
type Difference struct {
	Range
	Log, Boot Mapped
	// Memory says that the firmware calls some of it memory; true where it says nothing.
	Memory bool
}

// Mapped is how a range is mapped, if it is.
type Mapped struct {
	Is    bool
	Shift uint // log2 of the size of its pages, 0 where it is not told
}

func (m Mapped) String() string {
	switch {
	case !m.Is:
		return "not mapped"
	case m.Shift == 0:
		return "mapped"
	case m.Shift < 20:
		return fmt.Sprintf("%dk", 1<<(m.Shift-10))
	}
	return fmt.Sprintf("%dM", 1<<(m.Shift-20))
}

// Mapped reports whether one of them does not map it; else the sizes of pages differ.
func (d *Difference) Mapped() bool { return d.Log.Is != d.Boot.Is }

// Compare compares what a log says of the direct mapping with what a boot's tables map of
// low memory, up to frame lowPFN, from pageOffset on. Ranges ascend.
func (l *Log) Compare(boot *pagemap.Map, pageOffset, lowPFN uint64) []Difference {
	logged := tidy(l.Mappings)
	booted := tidy(direct(boot, pageOffset))
	end := lowPFN * golden.PageSize
	var out []Difference
	for at := uint64(0); at < end; {
		a, next := lookUp(&logged, at, end)
		b, until := lookUp(&booted, at, end)
		next = min(next, until)
		if a.Is != b.Is || a.Is && a.Shift != 0 && a.Shift != b.Shift {
			out = join(out, Difference{Range: Range{at, next}, Log: a, Boot: b})
		}
		at = next
	}
	for i := range out {
		out[i].Memory = l.isMemory(out[i].Range)
	}
	return out
}

// join appends a difference, or makes the last one longer.
func join(out []Difference, d Difference) []Difference {
	if n := len(out) - 1; n >= 0 && out[n].End == d.Start && out[n].Log == d.Log && out[n].Boot == d.Boot {
		out[n].End = d.End
		return out
	}
	return append(out, d)
}

// isMemory reports whether the firmware calls some of a range memory.
func (l *Log) isMemory(at Range) bool {
	return len(l.RAM) == 0 || slices.ContainsFunc(l.RAM, func(r Range) bool { return r.Start < at.End && at.Start < r.End })
}

// direct are the addresses that a boot maps where the direct mapping has them.
func direct(boot *pagemap.Map, pageOffset uint64) []Mapping {
	var out []Mapping
	for i := range boot.Ranges {
		r := &boot.Ranges[i]
		if r.Kind != pagemap.Page || r.Start < pageOffset || r.Leaf.Alien || r.Leaf.Scattered || r.Leaf.Frame*golden.PageSize != r.Start-pageOffset {
			continue
		}
		start := r.Start - pageOffset
		out = append(out, Mapping{Range{start, start + r.Size}, r.Leaf.Shift})
	}
	return out
}

// tidy sorts mappings and cuts off what a later one maps again.
func tidy(in []Mapping) []Mapping {
	list := slices.Clone(in)
	slices.SortStableFunc(list, func(a, b Mapping) int { return cmp.Compare(a.Start, b.Start) })
	var out []Mapping
	end := uint64(0)
	for _, m := range list {
		m.Start = max(m.Start, end)
		if m.Start < m.End {
			out = append(out, m)
			end = m.End
		}
	}
	return out
}

// lookUp tells how an address is mapped, and up to where that holds. What lies below it is
// forgotten.
func lookUp(list *[]Mapping, at, end uint64) (Mapped, uint64) {
	for len(*list) > 0 && (*list)[0].End <= at {
		*list = (*list)[1:]
	}
	if len(*list) == 0 {
		return Mapped{}, end
	}
	m := (*list)[0]
	if at < m.Start {
		return Mapped{}, min(m.Start, end)
	}
	return Mapped{true, m.Shift}, min(m.End, end)
}

// WriteDifferences writes what Compare has found, a line each. Same reports whether both
// map the same.
func (l *Log) WriteDifferences(w io.Writer, list []Difference, lowPFN uint64) (same bool, err error) {
	same = true
	text := ""
	for i := range list {
		d := &list[i]
		same = same && !d.Mapped()
		text += fmt.Sprintf("  0x%08x-0x%08x  log: %v, boot: %v", d.Start, d.End-1, d.Log, d.Boot)
		if !d.Memory {
			text += " (no memory, says the firmware)"
		}
		text += "\n"
	}
	verdict := "the same is mapped"
	if !same {
		verdict = "not the same is mapped"
	}
	_, err = fmt.Fprintf(w, "init_memory_mapping of %s, up to %#x: %s\n%s", l.Name, lowPFN*golden.PageSize-1, verdict, text)
	return same, err
}
