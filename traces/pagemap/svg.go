package pagemap

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strings"
)

// The drawing, in pixels: a strip with the whole address space to scale, the
// ranges as rows of a readable size, and arcs between rows that share tables.
const (
	svgWidth  = 960
	top       = 96  // of strip and rows
	stripLeft = 24  // the strip to scale
	stripWide = 26  //
	rowLeft   = 120 // the rows
	rowWide   = 710
	arcLeft   = rowLeft + rowWide // shared tables
	maxArcs   = 6                 // side by side
)

// rowHeight grows with the logarithm of a range's size.
func rowHeight(r *Range) int { return 18 + 2*max(0, bits.Len64(r.Size)-20) }

// colour says what a range is by its fill.
func (m *Map) colour(r *Range) string {
	switch {
	case m.NoExecute && r.writableCode():
		return "#ee9a9a"
	case r.Kind == Hypervisor:
		return "#d9d9d9"
	case r.Kind == EmptyTable:
		return "#f3efe0"
	case r.Kind == Again:
		return "#e6dcf2"
	case r.Kind == Astray:
		return "#f4b6b6"
	case r.Kind == Hole:
		return "#ffffff"
	case r.Leaf.User:
		return "#f7d9a8"
	case !r.Leaf.RW:
		return "#bfe3c0"
	}
	return "#bcd7f2"
}

// writableCode reports whether a range can be written and executed.
func (r *Range) writableCode() bool { return r.Kind == Page && r.Leaf.RW && !r.Leaf.NX }

// legend names the colours, in the order in which they are drawn.
func legend() []struct {
	r    Range
	name string
} {
	return []struct {
		r    Range
		name string
	}{
		{Range{Kind: Page, Leaf: Leaf{RW: true, NX: true}}, "writable"},
		{Range{Kind: Page, Leaf: Leaf{RW: true}}, "and executable"},
		{Range{Kind: Page}, "read-only"},
		{Range{Kind: Page, Leaf: Leaf{User: true}}, "user may access"},
		{Range{Kind: EmptyTable}, "empty table"},
		{Range{Kind: Hole}, "hole"},
		{Range{Kind: Again}, "met before"},
		{Range{Kind: Hypervisor}, "the hypervisor's"},
		{Range{Kind: Astray}, "astray"},
	}
}

// svg is a drawing under way.
type svg struct {
	b *bufio.Writer
	m *Map
	y []int // tops of the rows, and last their end
}

// WriteSVG writes the map as a picture: self-contained, on a light background,
// with title and description for readers that do not see it.
func (m *Map) WriteSVG(w io.Writer) error {
	s := &svg{b: bufio.NewWriter(w), m: m, y: []int{top}}
	for i := range m.Ranges {
		s.y = append(s.y, s.y[i]+rowHeight(&m.Ranges[i]))
	}
	end := s.y[len(m.Ranges)]
	tables := end + 40
	shares := tables + 24 + 20*len(m.Levels)
	height := shares + 24
	if len(m.Shared) > 0 {
		height = shares + 48 + 20*len(m.Shared)
	}
	s.head(height)
	s.strip(end)
	s.rows()
	s.arcs()
	s.notes(tables, shares)
	fmt.Fprintf(s.b, "</svg>\n")
	return s.b.Flush()
}

// text writes a line of text at a place; class is its style.
func (s *svg) text(x, y int, class, text string) {
	fmt.Fprintf(s.b, "<text x=\"%d\" y=\"%d\" class=\"%s\" xml:space=\"preserve\">%s</text>\n", x, y, class, escape(text))
}

func (s *svg) rect(x, y, w, h int, fill string) {
	fmt.Fprintf(s.b, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\" stroke=\"#777\" stroke-width=\"0.5\"/>\n", x, y, w, h, fill)
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}

// head writes the frame, the description and the legend.
func (s *svg) head(height int) {
	fmt.Fprintf(s.b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc">
<title id="title">%s</title>
<desc id="desc">%s</desc>
<style>text{font-family:"DejaVu Sans Mono",Menlo,Consolas,monospace;font-size:12px;fill:#222}.h{font-size:16px;font-weight:bold}.s{font-size:11px;fill:#555}</style>
<rect width="%d" height="%d" fill="#fcfcfa"/>
`, svgWidth, height, svgWidth, height, escape("Page tables of "+s.m.Name), escape(s.m.describe()), svgWidth, height)
	s.text(stripLeft, 30, "h", s.m.title())
	x := stripLeft
	for _, l := range legend() {
		if !s.m.tells(&l.r) {
			continue
		}
		s.rect(x, 44, 14, 14, s.m.colour(&l.r))
		s.text(x+20, 55, "", l.name)
		x += 36 + 8*len(l.name)
	}
	if s.m.small() {
		s.text(stripLeft-8, 86, "s", "to scale")
	}
	s.text(rowLeft, 86, "s", fmt.Sprintf("addresses under the kernel's root, frame %#x; rights, page size, flags, frames", s.m.Root))
	if len(s.m.Shared) > 0 {
		s.text(arcLeft+4, 86, "s", "shared tables")
	}
}

// describe tells the whole picture in words.
func (m *Map) describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d address ranges under the kernel's root.", len(m.Ranges))
	for i := range m.Ranges {
		fmt.Fprintf(&b, " %s.", strings.Join(strings.Fields(m.rangeText(i)), " "))
	}
	for i := range m.Levels {
		fmt.Fprintf(&b, " %s.", strings.Join(strings.Fields(m.Levels[i].text()), " "))
	}
	for i := range m.Shared {
		fmt.Fprintf(&b, " Shared: %s.", m.Shared[i].text())
	}
	return b.String()
}

// tells reports whether the legend explains a kind of range: what only some maps have is
// left out of the others.
func (m *Map) tells(l *Range) bool {
	switch {
	case l.writableCode():
		return m.NoExecute
	case l.Kind == Again:
		return m.repeats()
	case l.Kind == Hypervisor || l.Kind == Astray:
		return m.Outcome != "" || slices.ContainsFunc(m.Ranges, func(r Range) bool { return r.Kind == l.Kind })
	}
	return true
}

// small reports whether the map is one of 32-bit addresses. To scale, nothing could be
// seen of larger spaces.
func (m *Map) small() bool {
	n := len(m.Ranges)
	return n == 0 || m.Ranges[n-1].End() < space
}

// space is the size of the address space that is drawn to scale.
const space = 1 << 32

// strip draws the address space to scale, with lines to the rows.
func (s *svg) strip(end int) {
	if !s.m.small() {
		return
	}
	at := func(va uint64) float64 { return top + float64(va)/space*float64(end-top) }
	for i := range s.m.Ranges {
		r := &s.m.Ranges[i]
		y0, y1 := at(r.Start), at(r.Start+r.Size)
		fmt.Fprintf(s.b, "<rect x=\"%d\" y=\"%.2f\" width=\"%d\" height=\"%.2f\" fill=\"%s\"/>\n", stripLeft, y0, stripWide, y1-y0, s.m.colour(r))
		fmt.Fprintf(s.b, "<path d=\"M%d %.2fL%d %d\" stroke=\"#bbb\" stroke-width=\"0.7\" fill=\"none\"/>\n", stripLeft+stripWide, y0, rowLeft, s.y[i])
	}
	fmt.Fprintf(s.b, "<path d=\"M%d %dL%d %d\" stroke=\"#bbb\" stroke-width=\"0.7\" fill=\"none\"/>\n", stripLeft+stripWide, end, rowLeft, end)
	fmt.Fprintf(s.b, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#777\"/>\n", stripLeft, top, stripWide, end-top)
}

// rows draws the ranges.
func (s *svg) rows() {
	for i := range s.m.Ranges {
		r := &s.m.Ranges[i]
		s.rect(rowLeft, s.y[i], rowWide, s.y[i+1]-s.y[i], s.m.colour(r))
		s.text(rowLeft+4, (s.y[i]+s.y[i+1])/2+4, "", strings.TrimPrefix(s.m.rangeText(i), "  "))
	}
}

// rowAt is the middle of the rows that show a run of addresses.
func (s *svg) rowAt(start, size uint64) int {
	first, last := -1, 0
	for i := range s.m.Ranges {
		r := &s.m.Ranges[i]
		if r.Start < start+size && start < r.Start+r.Size {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return top
	}
	return (s.y[first] + s.y[last+1]) / 2
}

// arcs joins the places under the kernel's root that share tables.
func (s *svg) arcs() {
	n := 0
	for i := range s.m.Shared {
		sh := &s.m.Shared[i]
		var ys []int
		for _, p := range sh.At {
			if p.Root == rootNames[0] {
				ys = append(ys, s.rowAt(p.VA, uint64(sh.Tables)*sh.Span))
			}
		}
		x := arcLeft + 14 + 14*(n%maxArcs)
		for j, y := range ys {
			fmt.Fprintf(s.b, "<path d=\"M%d %dH%d\" stroke=\"#a33\" fill=\"none\"/>\n", arcLeft, y+2*n, x)
			if j > 0 {
				fmt.Fprintf(s.b, "<path d=\"M%d %dV%d\" stroke=\"#a33\" fill=\"none\"/>\n", x, ys[j-1]+2*n, y+2*n)
			}
		}
		if len(ys) > 0 {
			s.text(x+3, ys[0]+2*n+4, "s", fmt.Sprint(i+1))
			n++
		}
	}
}

// notes lists table pages and shared tables below the picture.
func (s *svg) notes(tables, shares int) {
	s.text(stripLeft, tables, "h", "Tables")
	for i := range s.m.Levels {
		line := s.m.Levels[i].text()
		if i == 0 && s.m.Left > 0 {
			line += fmt.Sprintf("; %d tables are not under this root", s.m.Left)
		}
		s.text(stripLeft, tables+22+20*i, "", line)
	}
	if len(s.m.Shared) == 0 {
		return
	}
	s.text(stripLeft, shares+16, "h", "Shared tables")
	for i := range s.m.Shared {
		s.text(stripLeft, shares+38+20*i, "", fmt.Sprintf("%d: %s", i+1, s.m.Shared[i].text()))
	}
}
