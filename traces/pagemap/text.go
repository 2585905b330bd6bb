package pagemap

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// WriteText writes the map for terminals and mails.
func (m *Map) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, m.title())
	fmt.Fprintf(b, "\naddresses under the kernel's root (frame %#x):\n", m.Root)
	for i := range m.Ranges {
		fmt.Fprintln(b, m.rangeText(i))
	}
	fmt.Fprintf(b, "\ntables:\n")
	for _, l := range m.Levels {
		fmt.Fprintf(b, "  %s\n", l.text())
	}
	if m.Left > 0 {
		fmt.Fprintf(b, "  not under this root: %d\n", m.Left)
	}
	if len(m.Shared) > 0 {
		fmt.Fprintf(b, "\nshared tables:\n")
		for i := range m.Shared {
			fmt.Fprintf(b, "  %s\n", m.Shared[i].text())
		}
	}
	return b.Flush()
}

// title names what is drawn.
func (m *Map) title() string {
	text := fmt.Sprintf("%s: %s %s", m.Name, m.Flavour, m.Mode)
	if m.Outcome != "" {
		text += ", outcome " + m.Outcome
	}
	return text
}

// rangeText is a range in one line.
func (m *Map) rangeText(i int) string {
	r, digits := &m.Ranges[i], 8
	if !m.small() {
		digits = 16
	}
	line := fmt.Sprintf("  %0*x-%0*x %9s  ", digits, r.Start, digits, r.End(), sizeText(r.Size))
	if r.Kind == Again {
		return line + fmt.Sprintf("%-34s %s", r.againText(), r.Area)
	}
	if r.Kind != Page {
		return line + fmt.Sprintf("%-34s %s", r.Kind, r.Area)
	}
	return line + fmt.Sprintf("%-34s %s", r.Leaf.text(r.Size), r.Area)
}

// againText says where the tables were met before.
func (r *Range) againText() string {
	if r.Size == r.Span {
		return fmt.Sprintf("as at %08x", r.As)
	}
	return fmt.Sprintf("each %s as at %08x", sizeText(r.Span), r.As)
}

// text says how a leaf maps so many bytes: rights, page size, flags, frames.
func (l *Leaf) text(size uint64) string {
	return fmt.Sprintf("%s %-3s %-9s %s", l.rightsText(), sizeText(1<<l.Shift), l.flagText(), l.frameText(size))
}

// rightsText is what all levels together grant, such as "rwx k".
func (l *Leaf) rightsText() string {
	text := []byte("rwx k")
	if !l.RW {
		text[1] = '-'
	}
	if l.NX {
		text[2] = '-'
	}
	if l.User {
		text[4] = 'u'
	}
	return string(text)
}

func (l *Leaf) flagText() string { return string(model.AppendFlags(nil, l.Flags)) }

func (l *Leaf) frameText(size uint64) string {
	name := ""
	if l.Alien {
		name = "machine "
	}
	if l.Scattered {
		return fmt.Sprintf("%s%#x and others", name, l.Frame)
	}
	if size == 1<<12 {
		return fmt.Sprintf("%s%#x", name, l.Frame)
	}
	return fmt.Sprintf("%s%#x-%#x", name, l.Frame, l.Frame+size>>12-1)
}

// sizeText is a number of bytes as kernel engineers write it.
func sizeText(n uint64) string {
	if n >= 1<<60 {
		return fmt.Sprintf("~%.1fE", float64(n)/(1<<60))
	}
	for _, u := range [...]struct {
		shift uint
		name  string
	}{{40, "T"}, {30, "G"}, {20, "M"}} {
		if n >= 1<<u.shift && n%(1<<u.shift) == 0 && n>>u.shift < 1<<20 {
			return fmt.Sprintf("%d%s", n>>u.shift, u.name)
		}
	}
	if n >= 1<<40 {
		return fmt.Sprintf("~%.1fT", float64(n)/(1<<40))
	}
	return fmt.Sprintf("%dK", n>>10)
}

func (l *Level) text() string {
	own := l.Tables - l.StartDay - l.Allocated
	var parts []string
	for _, p := range [...]struct {
		n    int
		what string
	}{{own, "of the kernel image"}, {l.StartDay, "of the start of day"}, {l.Allocated, "from the boot allocator"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	tables := "tables"
	if l.Tables == 1 {
		tables = "table"
	}
	text := fmt.Sprintf("L%d %4d %s with %d entries that are not zero", l.Level, l.Tables, tables, l.Entries)
	if l.Untold {
		return text
	}
	return fmt.Sprintf("%s (%s)", text, strings.Join(parts, ", "))
}

func (s *Share) text() string {
	frames := fmt.Sprintf("table %#x", s.Frame)
	if s.Tables > 1 {
		frames = fmt.Sprintf("tables %#x-%#x", s.Frame, s.Frame+uint64(s.Tables)-1)
	}
	if s.Empty {
		frames += " (empty)"
	}
	return fmt.Sprintf("L%d %s: %s", s.Level, frames, s.places())
}

// places are the addresses at which a shared run hangs.
func (s *Share) places() string {
	var at []string
	for _, p := range s.At {
		end := p.VA + (uint64(s.Tables)*s.Span - 1)
		text := fmt.Sprintf("%08x-%08x", p.VA, end)
		if p.Root != rootNames[0] {
			text += " of the builder's root"
		}
		at = append(at, text)
	}
	return strings.Join(at, ", ")
}

// where names a shared run without its frames.
func (s *Share) where() string { return fmt.Sprintf("L%d: %s", s.Level, s.places()) }
