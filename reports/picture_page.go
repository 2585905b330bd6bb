package reports

import "fmt"

// page draws a frame of memory.
func (p *picture) page(i int) {
	g := &p.now.Pages[i]
	y, h := p.l.pages[g.Frame], p.l.pageH
	class := "page"
	if g.Table {
		class += " istable"
	}
	if g.Free {
		class += " free"
	}
	if p.accused(g.Frame) {
		class += " accused"
	}
	sign := ""
	if p.old != nil && i < len(p.old.Pages) && p.old.Pages[i].Text() != g.Text() {
		sign, class = "~", class+" changed"
	}
	role := g.Role
	switch {
	case g.Free:
		role = "not handed out"
	case role == "" && g.Table && g.Type == "":
		role = "table"
	}
	w := &p.boxes
	fmt.Fprintf(w, `<g class="%s"><rect class="box" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2"/>`, class, p.l.pageX, y-h/2, p.l.pageW, h)
	if g.Table {
		fmt.Fprintf(w, `<rect class="bar" x="%.1f" y="%.1f" width="4" height="%.1f"/>`, p.l.pageX+p.l.pageW-5, y-h/2+1, h-2)
	}
	line := y + 4
	if g.Type != "" {
		line = y - 3
		fmt.Fprintf(w, `<text class="role" x="%.1f" y="%.1f">%s</text>`, p.l.pageX+16, y+11, esc(g.Type))
	}
	fmt.Fprintf(w, `<text class="sign" x="%.1f" y="%.1f">%s</text><text class="name" x="%.1f" y="%.1f">%s<tspan class="role" dx="6">%s</tspan></text></g>`,
		p.l.pageX+4, line, sign, p.l.pageX+16, line, esc(g.Frame), esc(role))
}
