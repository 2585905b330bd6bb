package pagemap

import (
	"fmt"
	"slices"
	"sort"

	"github.com/ptcheck/ptcheck/model"
)

// mostExpanded is how many ranges are compared at most: tables that hang in many places
// have theirs in each.
const mostExpanded = 1 << 22

// Comparable says why two maps cannot be compared; nil if they can.
func Comparable(a, b *Map) error {
	if a.end() != b.end() {
		return fmt.Errorf("pagemap: %s (%s) and %s (%s) have address spaces of different sizes", a.Name, a.Mode, b.Name, b.Mode)
	}
	if x, y := sides(a, b); max(len(x), len(y)) > mostExpanded {
		return fmt.Errorf("pagemap: %s and %s: more than %d ranges", a.Name, b.Name, mostExpanded)
	}
	return nil
}

// sides are the ranges of two maps as they are compared. Maps of memory at rest tell
// where tables hang a second time, those of boots what is mapped there.
func sides(a, b *Map) (x, y []Range) {
	if (a.Outcome == "") == (b.Outcome == "") {
		return a.Ranges, b.Ranges
	}
	return a.expanded(), b.expanded()
}

// end is the last address.
func (m *Map) end() uint64 {
	if len(m.Ranges) == 0 {
		return 0
	}
	return m.Ranges[len(m.Ranges)-1].End()
}

// repeats reports whether tables hang in several places.
func (m *Map) repeats() bool {
	return slices.ContainsFunc(m.Ranges, func(r Range) bool { return r.Kind == Again })
}

// expanded are the ranges with what is shown once in each place where it is. It ends
// when there are too many.
func (m *Map) expanded() []Range {
	if !m.repeats() {
		return m.Ranges
	}
	var out []Range
	for i := range m.Ranges {
		r := &m.Ranges[i]
		if r.Kind != Again {
			out = append(out, *r)
			continue
		}
		for off := uint64(0); off < r.Size && len(out) <= mostExpanded; off += r.Span {
			out = appendCopies(out, r.As, r.Span, r.Start+off)
		}
	}
	return out
}

// appendCopies appends what ranges have from an address on, moved to another one.
func appendCopies(ranges []Range, from, size, to uint64) []Range {
	first := sort.Search(len(ranges), func(i int) bool { return ranges[i].End() >= from })
	end := len(ranges)
	for i := first; i < end && ranges[i].Start <= from+(size-1) && len(ranges) <= mostExpanded; i++ {
		start := max(ranges[i].Start, from)
		part := ranges[i].at(start, &Ignore{})
		part.Size = min(part.Size, from+size-start)
		part.Start = to + (start - from)
		ranges = append(ranges, part)
	}
	return ranges
}

// Coarse is the map with ranges put together that differ only in whether they were used
// (accessed, dirty), and in the order of their frames: as the kernel's own
// kernel_page_tables tells.
func (m *Map) Coarse() *Map {
	out := *m
	out.Ranges = nil
	for _, r := range m.Ranges {
		r.Leaf.Flags &^= model.Accessed | model.Dirty
		if n := len(out.Ranges); n > 0 && out.Ranges[n-1].alike(&r) {
			last := &out.Ranges[n-1]
			last.Leaf.Scattered = last.Leaf.Scattered || r.Leaf.Scattered || last.Kind == Page && r.Leaf.Frame != last.Leaf.Frame+last.Size>>12
			last.Size += r.Size
			continue
		}
		out.Ranges = append(out.Ranges, r)
	}
	return &out
}

// alike reports whether b, which follows a, looks alike but for its frames.
func (a *Range) alike(b *Range) bool {
	x, y := a.Leaf, b.Leaf
	x.Frame, y.Frame, x.Scattered, y.Scattered = 0, 0, false, false
	return a.Kind == b.Kind && a.Kind != Again && a.Area == b.Area && x == y
}
