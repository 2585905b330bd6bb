package reports

import (
	"fmt"
	"html/template"
	"strings"
)

// picture draws one state.
type picture struct {
	l        *layout
	now, old *State // old: the state before; nil for the first
	walks    []Walk // what is to be highlighted
	arrows   strings.Builder
	boxes    strings.Builder
}

// draw returns the state at a point as SVG. id makes the names in it unique, and
// walks are highlighted.
func draw(l *layout, id, title, desc string, now, old *State, walks []Walk) template.HTML {
	p := &picture{l: l, now: now, old: old, walks: walks}
	for i := range now.Tables {
		p.table(&now.Tables[i])
	}
	for i := range now.Pages {
		p.page(i)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="pt" role="img" aria-labelledby="%s-t %s-d" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f">`, id, id, l.width, l.height, l.width, l.height)
	fmt.Fprintf(&b, `<title id="%s-t">%s</title><desc id="%s-d">%s</desc>`, id, esc(title), id, esc(desc))
	for _, lane := range l.lanes {
		if p.shows(lane.geometry) {
			fmt.Fprintf(&b, `<text class="lane" x="%.1f" y="%.1f">tables, read as %s</text>`, margin, lane.y+12, esc(lane.geometry))
		}
	}
	fmt.Fprintf(&b, `<text class="lane" x="%.1f" y="%.1f">memory</text>`, l.pageX, margin+12)
	b.WriteString(p.arrows.String())
	b.WriteString(p.boxes.String())
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

func esc(text string) string { return template.HTMLEscapeString(printable(text)) }

func (p *picture) shows(geometry string) bool {
	for i := range p.now.Tables {
		if p.now.Tables[i].Geometry == geometry {
			return true
		}
	}
	return false
}

// table draws a table, its slots, and the arrows that leave it.
func (p *picture) table(t *Table) {
	b := p.l.find(t.Geometry, p.l.level(t), t.Frame)
	if b == nil {
		return
	}
	class := "table"
	if t.Level == 0 {
		class += " idle"
	}
	if t.Root != "" {
		class += " root"
	}
	if p.accused(t.Frame) {
		class += " accused"
	}
	before := p.before(t)
	name := t.Frame
	if before == nil && p.old != nil {
		name += " (new)"
	}
	w := &p.boxes
	fmt.Fprintf(w, `<g class="%s"><rect class="box" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="3"/>`, class, b.x, b.y, p.l.boxW, b.h)
	if t.Root != "" {
		fmt.Fprintf(w, `<rect class="inner" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2"/>`, b.x+2.5, b.y+2.5, p.l.boxW-5, b.h-5)
	}
	fmt.Fprintf(w, `<text class="name" x="%.1f" y="%.1f">%s</text><text class="role" x="%.1f" y="%.1f">%s</text>`,
		b.x+8, b.y+14, esc(name), b.x+8, b.y+27, esc(t.Role))
	fmt.Fprintf(w, `<path class="rule" d="M%.1f %.1fh%.1f"/>`, b.x, b.y+headH, p.l.boxW)
	for _, r := range b.rows {
		p.row(b, t, before, r)
	}
	w.WriteString("</g>")
}

// before is the table in the state before, nil if it was none.
func (p *picture) before(t *Table) *Table {
	if p.old == nil {
		return nil
	}
	return p.old.Find(t.Frame, t.Geometry)
}

// row draws a slot, or a run of empty ones.
func (p *picture) row(b *box, t, before *Table, r boxRow) {
	y := b.rowY(r.first)
	w := &p.boxes
	if r.first != r.last {
		fmt.Fprintf(w, `<text class="empty" x="%.1f" y="%.1f">[%d..%d] empty</text>`, b.x+22, y+4, r.first, r.last)
		return
	}
	var e *Entry
	for i := range t.Entries {
		if t.Entries[i].Slot == r.first {
			e = &t.Entries[i]
		}
	}
	text, sign := "-", p.sign(t, before, r.first)
	class := "slot"
	if e == nil {
		class = "empty"
	} else {
		text = e.Text
	}
	onPath, wrong := p.path(t, r.first)
	if sign != "" {
		fmt.Fprintf(w, `<rect class="changed" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, b.x+1, y-rowH/2+1, p.l.boxW-2, rowH-2)
	}
	if onPath {
		over := "onpath"
		if wrong {
			over = "wrong"
		}
		fmt.Fprintf(w, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2"/>`, over, b.x+1.5, y-rowH/2+1, p.l.boxW-3, rowH-2)
	}
	if wrong {
		sign += "!"
	}
	fmt.Fprintf(w, `<text class="sign" x="%.1f" y="%.1f">%s</text><text class="%s" x="%.1f" y="%.1f">[%d] %s</text>`,
		b.x+4, y+4, sign, class, b.x+22, y+4, r.first, esc(text))
	if e != nil {
		p.entry(b, t, e, y, onPath)
	}
}

// sign says how a slot changed: "+", "-", "~" or nothing.
func (p *picture) sign(t, before *Table, slot int) string {
	if p.old == nil {
		return ""
	}
	was := "0"
	if before != nil {
		was = before.Entry(slot)
	}
	switch now := t.Entry(slot); {
	case now == was:
		return ""
	case was == "0":
		return "+"
	case now == "0":
		return "-"
	}
	return "~"
}

// entry draws what an entry grants and where it leads.
func (p *picture) entry(b *box, t *Table, e *Entry, y float64, onPath bool) {
	if e.Kind == NotPresent || e.Frame == "" {
		return
	}
	right := b.x + p.l.boxW
	class := "ro"
	if e.Writable {
		class = "rw"
	}
	fmt.Fprintf(&p.boxes, `<rect class="dot %s" x="%.1f" y="%.1f" width="6" height="6"/>`, class, right-10, y-3)
	x2, y2, ok := p.target(t, e)
	if !ok {
		return
	}
	if t.Level == 0 {
		class += " idle"
	}
	marker := class[:2]
	if onPath {
		class += " path"
		marker += "p"
	}
	pull := max(28, (x2-right)/2)
	fmt.Fprintf(&p.arrows, `<path class="arrow %s" marker-end="url(#%s)" d="M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f"><title>%s</title></path>`,
		class, marker, right, y, right+pull, y, x2-8-pull, y2, x2-2, y2, esc(arrowText(t, e)))
}

func arrowText(t *Table, e *Entry) string {
	way := "read-only"
	if e.Writable {
		way = "writable"
	}
	return fmt.Sprintf("%s[%d] leads to %s, %s (%s)", t.Frame, e.Slot, e.Frame, way, e.Kind)
}

// target is where an arrow ends: at a table of the level below that is drawn, or
// at the frame in memory.
func (p *picture) target(t *Table, e *Entry) (x, y float64, ok bool) {
	level := p.l.level(t)
	if e.Kind == TableEntry || e.Kind == UnusedEntry && level > 1 {
		if b := p.l.find(t.Geometry, level-1, e.Frame); b != nil {
			if next := p.now.Find(e.Frame, t.Geometry); next != nil && p.l.level(next) == level-1 {
				return b.x, b.y + headH/2, true
			}
		}
	}
	y, ok = p.l.pages[e.Frame]
	return p.l.pageX, y, ok
}

// accused reports whether a walk is about a frame as a whole.
func (p *picture) accused(frame string) bool {
	for i := range p.walks {
		if p.walks[i].Frame == frame {
			return true
		}
	}
	return false
}

// path reports whether a slot is on a walk, and whether it is what is wrong.
func (p *picture) path(t *Table, slot int) (on, wrong bool) {
	for i := range p.walks {
		for _, h := range p.walks[i].Hops {
			if h.Frame == t.Frame && h.Geometry == t.Geometry && h.Slot == slot && h.Level == p.l.level(t) {
				on, wrong = true, wrong || h.Wrong
			}
		}
	}
	return on, wrong
}
