package pagemap

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// Ignore says what does not count as a difference.
type Ignore struct {
	frames, pageSize, tables, holes bool
	flags                           model.Entry
}

// ignorable maps words to flags of entries; the other words are in ParseIgnore.
func ignorable() map[string]model.Entry {
	return map[string]model.Entry{
		"accessed": model.Accessed, "dirty": model.Dirty, "global": model.Global, "user": model.User, "nx": model.NX,
		"rw": model.RW, "cache": model.PWT | model.PCD, "avail": model.Avail | model.AvailHigh,
	}
}

// IgnoreWords lists what ParseIgnore understands, sorted.
func IgnoreWords() []string {
	words := []string{"frames", "pagesize", "tables", "holes"}
	for w := range ignorable() {
		words = append(words, w)
	}
	slices.Sort(words)
	return words
}

// ParseIgnore reads a list of words: frames (frame numbers), pagesize, tables
// (numbers of table pages and what is shared), holes (whether nothing is mapped
// by no table, an empty one or the hypervisor's), and flags by name.
func ParseIgnore(words []string) (Ignore, error) {
	var ig Ignore
	for _, w := range words {
		flag, ok := ignorable()[w]
		ig.flags |= flag
		switch {
		case w == "frames":
			ig.frames = true
		case w == "pagesize":
			ig.pageSize = true
			ig.flags |= model.PSE
		case w == "tables":
			ig.tables = true
		case w == "holes":
			ig.holes = true
		case !ok:
			return ig, fmt.Errorf("pagemap: cannot ignore %q; there are %s", w, strings.Join(IgnoreWords(), ", "))
		}
	}
	return ig, nil
}

// Difference is a run of addresses that two maps show differently, or, where Size
// is 0, another line of text.
type Difference struct {
	Start, Size uint64
	A, B        string
}

// Diff compares two maps; none means that they agree. What the kernel uses
// addresses for is not compared: it follows from the configurations.
func Diff(a, b *Map, ig Ignore) []Difference {
	var out []Difference
	line := func(x, y string) {
		if x != y {
			out = append(out, Difference{A: x, B: y})
		}
	}
	if a.Outcome != "" && b.Outcome != "" {
		line("outcome "+a.Outcome, "outcome "+b.Outcome)
	}
	x, y := sides(a, b)
	out = append(out, diffRanges(ig.normal(x), ig.normal(y), ig)...)
	if ig.tables {
		return out
	}
	line(a.tablesText(), b.tablesText())
	for _, s := range sharesOnlyIn(a, b) {
		out = append(out, Difference{A: "shared " + s})
	}
	for _, s := range sharesOnlyIn(b, a) {
		out = append(out, Difference{B: "shared " + s})
	}
	return out
}

// normal returns ranges without what is ignored; they touch, and may look alike.
func (ig *Ignore) normal(ranges []Range) []Range {
	out := slices.Clone(ranges)
	for i := range out {
		r := &out[i]
		r.Area = ""
		if ig.holes && (r.Kind == EmptyTable || r.Kind == Hypervisor) {
			r.Kind = Hole
		}
		l := &r.Leaf
		l.Flags &^= ig.flags
		if ig.pageSize {
			l.Shift = 0
		}
		l.RW = l.RW && ig.flags&model.RW == 0
		l.User = l.User && ig.flags&model.User == 0
		l.NX = l.NX && ig.flags&model.NX == 0
		if ig.frames {
			l.Frame, l.Alien = 0, false
		}
	}
	return out
}

// at returns what a range maps from an address in it on.
func (r *Range) at(va uint64, ig *Ignore) Range {
	rest := *r
	rest.Start, rest.Size = va, r.Size-(va-r.Start)
	if r.Kind == Page && !ig.frames {
		rest.Leaf.Frame += (va - r.Start) >> 12
	}
	if r.Kind == Again {
		rest.As += (va - r.Start) % r.Span
	}
	return rest
}

// pair is what two maps have at the same addresses.
type pair struct{ a, b Range }

// diffRanges walks both lists, which cover the same addresses, side by side.
func diffRanges(a, b []Range, ig Ignore) []Difference {
	var out []Difference
	var last pair
	for i, j := 0, 0; i < len(a) && j < len(b); {
		va := max(a[i].Start, b[j].Start)
		x, y := a[i].at(va, &ig), b[j].at(va, &ig)
		size := min(x.Size, y.Size)
		if x.Size == size {
			i++
		}
		if y.Size == size {
			j++
		}
		x.Size, y.Size = size, size
		if x.Kind == y.Kind && x.Leaf == y.Leaf && x.As == y.As && x.Span == y.Span {
			continue
		}
		p := pair{x, y}
		if n := len(out); n > 0 && last.goesOn(&p, &ig) {
			last.a.Size, last.b.Size = last.a.Size+size, last.b.Size+size
			out[n-1] = last.difference(&ig)
			continue
		}
		last = p
		out = append(out, p.difference(&ig))
	}
	return out
}

// goesOn reports whether q follows p and is more of the same.
func (p *pair) goesOn(q *pair, ig *Ignore) bool {
	follows := p.a.Start+p.a.Size == q.a.Start
	same := func(x, y *Range) bool {
		if x.Kind == Again || y.Kind == Again {
			return x.Kind == y.Kind && x.As == y.As && x.Span == y.Span && x.Size%x.Span == 0
		}
		if ig.frames {
			return x.Kind == y.Kind && x.Leaf == y.Leaf
		}
		return x.goesOn(y)
	}
	return follows && same(&p.a, &q.a) && same(&p.b, &q.b)
}

func (p *pair) difference(ig *Ignore) Difference {
	return Difference{Start: p.a.Start, Size: p.a.Size, A: p.a.diffText(ig), B: p.b.diffText(ig)}
}

// diffText says what a range is, without what is ignored.
func (r *Range) diffText(ig *Ignore) string {
	switch r.Kind {
	case Page:
	case Again:
		return r.againText()
	default:
		return r.Kind.String()
	}
	parts := []string{r.Leaf.rightsText()}
	if !ig.pageSize {
		parts = append(parts, sizeText(1<<r.Leaf.Shift))
	}
	parts = append(parts, r.Leaf.flagText())
	if !ig.frames {
		parts = append(parts, r.Leaf.frameText(r.Size))
	}
	return strings.Join(parts, " ")
}

// tablesText counts tables by level in one line.
func (m *Map) tablesText() string {
	parts := []string{"tables"}
	for _, l := range m.Levels {
		parts = append(parts, fmt.Sprintf("L%d %d", l.Level, l.Tables))
	}
	return strings.Join(parts, " ")
}

// sharesOnlyIn lists what a shares and b does not, by addresses.
func sharesOnlyIn(a, b *Map) []string {
	var have, out []string
	for i := range b.Shared {
		have = append(have, b.Shared[i].where())
	}
	for i := range a.Shared {
		if w := a.Shared[i].where(); !slices.Contains(have, w) {
			out = append(out, w)
		}
	}
	return out
}

// WriteDiff writes differences in the manner of diff -u.
func WriteDiff(w io.Writer, a, b string, list []Difference) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "--- %s\n+++ %s\n", a, b)
	for _, d := range list {
		if d.Size > 0 {
			fmt.Fprintf(out, "%08x-%08x %s\n", d.Start, d.Start+(d.Size-1), sizeText(d.Size))
		}
		if d.A != "" {
			fmt.Fprintf(out, "- %s\n", d.A)
		}
		if d.B != "" {
			fmt.Fprintf(out, "+ %s\n", d.B)
		}
	}
	return out.Flush()
}
