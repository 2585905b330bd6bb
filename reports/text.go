package reports

import (
	"fmt"
	"io"
	"strings"
)

// WriteText writes a report for terminals and mails: ASCII, at most 72 columns;
// what is longer is folded. color adds ANSI colours.
func WriteText(w io.Writer, r *Report, color bool) error {
	p := &textPage{color: color}
	p.fold(plain, "", fmt.Sprintf("%s %s", r.Tool.Name, r.Tool.Version))
	for i := range r.Runs {
		p.blank()
		p.run(&r.Runs[i])
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// WriteFinding writes one finding as WriteText does.
func WriteFinding(w io.Writer, f *Finding, color bool) error {
	p := &textPage{color: color}
	newSources().quote(f)
	p.finding(f)
	_, err := io.WriteString(w, p.b.String())
	return err
}

// run prints findings first, then what the search covered.
func (p *textPage) run(r *Run) {
	if len(r.Findings) == 0 {
		st := bad
		if r.Verdict == Holds || r.Verdict == NothingFound {
			st = good
		}
		p.fold(st, "", r.Name()+": "+r.Summary)
		p.covered(r)
		return
	}
	p.fold(strong, "", r.Name()+":")
	for i, f := range r.Findings {
		if i > 0 {
			p.blank()
		}
		p.finding(f)
	}
	if r.Scope != "" || r.Stats != nil {
		p.title("searched:")
		p.covered(r)
	}
}

// covered prints what a search ranged over and what it put to the test.
func (p *textPage) covered(r *Run) {
	if r.Scope != "" {
		p.fold(plain, "  scope: ", r.Scope)
	}
	if s := r.Stats; s != nil {
		p.fold(plain, "  search: ", s.Text())
		if len(s.PerDepth) > 0 {
			p.fold(plain, "  states by depth: ", strings.Trim(fmt.Sprint(s.PerDepth), "[]"))
		}
	}
	for i := range r.Coverage {
		p.fold(plain, "  "+r.Coverage[i].Name+": ", r.Coverage[i].Text())
	}
	if v := r.Vacuous(); len(v) > 0 {
		p.fold(bad, "  vacuous, never exercised: ", strings.Join(v, ", "))
	}
	if t := r.Timings; t != nil {
		p.fold(plain, "  cost: ", fmt.Sprintf("%.2f s, %.0f bytes/state, peak %.1f MiB", t.Seconds, t.BytesPerState, float64(t.PeakMemory)/(1<<20)))
	}
}

// Text lists what a group counted.
func (g *Group) Text() string {
	var done []string
	for _, c := range g.Done() {
		done = append(done, fmt.Sprintf("%s %d", c.Name, c.N))
	}
	if done == nil {
		return "none"
	}
	return strings.Join(done, ", ")
}

// Text is the numbers of a search in a line.
func (s *Stats) Text() string {
	bound := "no bound on depth"
	if s.Depth > 0 {
		bound = fmt.Sprintf("to depth %d", s.Depth)
	}
	end := "not complete"
	if s.Complete {
		end = "complete"
	}
	return fmt.Sprintf("%s, %s, %s; %d states, %d transitions, diameter %d", s.Strategy, bound, end, s.States, s.Transitions, s.Diameter)
}

func (p *textPage) finding(f *Finding) {
	p.fold(bad, "", f.Headline())
	if f.Rule != "" {
		p.fold(plain, "  ", f.Says)
		if f.Source != "" {
			p.fold(plain, "  source: ", f.Source)
		}
	}
	if f.Detail != "" {
		p.fold(strong, "  here: ", f.Detail)
	}
	if s := f.Site(); s != nil {
		p.fold(strong, "  code: ", s.String())
		p.excerpt(f.Around(s))
	}
	for i := range f.Walks {
		p.walk(&f.Walks[i])
	}
	if len(f.Causes) > 0 {
		p.title("what led to it:")
	}
	for i := range f.Causes {
		p.fold(plain, "  ", f.Causes[i].Line())
	}
	if !f.AtRest() {
		p.title("start of day: " + f.Start)
		if len(f.Frames) > 0 {
			p.fold(plain, "  ", strings.Join(f.Frames, ", "))
		}
		p.calls(f)
		p.lastCall(f)
	}
	if others := f.Others(); len(others) > 0 {
		p.title("the code at the other places:")
		for _, e := range others {
			p.row(plain, "  "+e.Title())
			p.excerpt(e)
		}
	}
	if f.Replay != "" {
		p.blank()
		p.command("replay: " + f.Replay)
	}
	if f.Scenario != "" {
		p.title("its scenario file:")
		p.row(plain, indented(f.Scenario))
	}
}

// excerpt prints lines of the source, cut at the width of the page; nil: none.
func (p *textPage) excerpt(e *Excerpt) {
	if e == nil {
		return
	}
	for line := range strings.Lines(e.Text()) {
		line = "  " + ascii(strings.TrimRight(line, "\n"))
		if len(line) > width {
			line = line[:width-3] + "..."
		}
		p.put(plain, line)
	}
}

// walk prints a walk, one entry a line.
func (p *textPage) walk(w *Walk) {
	p.title(w.Title + ":")
	for _, h := range w.Hops {
		mark, st := "", plain
		if h.Wrong {
			mark, st = "   <-- here", bad
		}
		p.fold(st, "  ", fmt.Sprintf("L%d %s[%d] = %s%s", h.Level, h.Frame, h.Slot, h.Entry, mark))
	}
	if w.End != "" {
		p.fold(plain, "  ", "-> "+w.End)
	}
}

// calls lists the calls and what each but the last one changed.
func (p *textPage) calls(f *Finding) {
	p.title(fmt.Sprintf("calls (%d):", len(f.Calls)))
	for i := range f.Calls {
		c := &f.Calls[i]
		line := fmt.Sprintf("  %2d  %s", i+1, c.Text)
		if c.Site != nil {
			line = join(line, c.Site.Place())
		}
		p.row(plain, line)
	}
	for i := range max(0, len(f.Calls)-1) {
		d := Compare(f.Before(i), &f.Calls[i].After)
		p.title(fmt.Sprintf("call %d, %s, changes:", i+1, f.Calls[i].Text))
		p.diff(&d, f.severalGeometries())
	}
}

// lastCall prints the steps of the call that went wrong and what it changed.
func (p *textPage) lastCall(f *Finding) {
	c := f.Last()
	if c == nil {
		return
	}
	p.title(fmt.Sprintf("steps of call %d, %s:", len(f.Calls), c.Text))
	for i := range c.Steps {
		p.step(i, &c.Steps[i])
	}
	if len(c.Steps) == 0 {
		p.row(plain, "      none")
	}
	p.fold(bad, "   !  ", f.Headline())
	for i, s := range f.Stack {
		how := "in"
		if i > 0 {
			how = "from"
		}
		p.fold(plain, "      ", how+" "+s.String())
	}
	d := Compare(f.Before(len(f.Calls)-1), &c.After)
	p.title(fmt.Sprintf("tables, before (-) and after (+) call %d:", len(f.Calls)))
	p.diff(&d, f.severalGeometries())
}

func (p *textPage) step(i int, s *Step) {
	line := fmt.Sprintf("  %2d  %s", i+1, s.What)
	if s.Answer != "" {
		line += " = " + s.Answer
	}
	if at := Telling(s.Stack); at != nil {
		line = join(line, at.String())
	}
	p.row(plain, line)
	for _, c := range s.Changes {
		p.fold(plain, "        ", c.String())
	}
}

// diff prints the tables that differ. geometries says that tables are read in
// more than one geometry.
func (p *textPage) diff(d *Diff, geometries bool) {
	if d.Empty() {
		p.row(plain, "  nothing")
	}
	for i := range d.Tables {
		t := &d.Tables[i]
		head := t.Header()
		if geometries {
			head += ", as " + t.Geometry
		}
		p.fold(plain, "  ", head)
		p.lines("  ", t.Lines)
	}
	if len(d.Registers) > 0 {
		p.row(plain, "  registers")
		p.lines("  ", d.Registers)
	}
	if len(d.Pages) > 0 {
		p.row(plain, "  frames")
		p.lines("  ", d.Pages)
	}
}

func (p *textPage) lines(indent string, lines []Line) {
	for _, l := range lines {
		p.fold(map[byte]style{'-': removed, '+': added}[l.Mark], indent+" "+string(l.Mark)+" ", l.Text)
	}
}

// indented sets the lines of a text off.
func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ")
}
