package reports

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes a report for review threads: what broke, where and why
// first, the rest folded away.
func WriteMarkdown(w io.Writer, r *Report) error {
	p := &markdown{}
	for i := range r.Runs {
		p.run(&r.Runs[i])
	}
	p.say("<sub>%s %s</sub>", code(r.Tool.Name), code(r.Tool.Version))
	_, err := io.WriteString(w, strings.TrimSuffix(p.b.String(), "\n"))
	return err
}

type markdown struct{ b strings.Builder }

// say writes a paragraph.
func (p *markdown) say(format string, args ...any) {
	fmt.Fprintf(&p.b, format, args...)
	p.b.WriteString("\n\n")
}

// details writes something that is folded away.
func (p *markdown) details(summary string, body func()) {
	p.say("<details><summary>%s</summary>", escapeMarkdown(summary))
	body()
	p.say("</details>")
}

// block writes a code block; the fence is longer than any in the text.
func (p *markdown) block(language, text string) {
	text = printable(text)
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	p.say("%s%s\n%s\n%s", fence, language, strings.TrimRight(text, "\n"), fence)
}

// code writes text that is to be read as it stands.
func code(text string) string {
	text = strings.ReplaceAll(printable(text), "\n", " ")
	if strings.Contains(text, "`") {
		return "`` " + text + " ``"
	}
	return "`" + text + "`"
}

// escapeMarkdown makes text safe where Markdown and HTML mean something.
func escapeMarkdown(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`, "`", "\\`",
		"[", `\[`, "]", `\]`, "|", `\|`, "#", `\#`, "\n", " ").Replace(printable(text))
}

func (p *markdown) run(r *Run) {
	if len(r.Findings) == 0 {
		p.say("### %s: %s", escapeMarkdown(r.Name()), escapeMarkdown(r.Verdict))
		p.say("%s", escapeMarkdown(r.Summary))
	}
	for _, f := range r.Findings {
		p.finding(r, f)
	}
	if r.Scope == "" && r.Stats == nil && len(r.Coverage) == 0 {
		return
	}
	p.details("scope and coverage of "+r.System, func() {
		if r.Scope != "" {
			p.say("- scope: %s", escapeMarkdown(r.Scope))
		}
		if r.Stats != nil {
			p.say("- search: %s", escapeMarkdown(r.Stats.Text()))
		}
		for i := range r.Coverage {
			p.say("- %s: %s", r.Coverage[i].Name, escapeMarkdown(r.Coverage[i].Text()))
		}
		if v := r.Vacuous(); len(v) > 0 {
			p.say("- **vacuous**, never exercised: %s", escapeMarkdown(strings.Join(v, ", ")))
		}
		if t := r.Timings; t != nil {
			p.say("- cost: %.2f s, %.0f bytes a state", t.Seconds, t.BytesPerState)
		}
	})
}

func (p *markdown) finding(r *Run, f *Finding) {
	p.say("### %s: %s", escapeMarkdown(r.Name()), escapeMarkdown(f.Headline()))
	if f.Says != "" {
		p.say("> %s", escapeMarkdown(f.Says))
	}
	if f.Source != "" {
		p.say("Source of the rule: %s", escapeMarkdown(f.Source))
	}
	if f.Detail != "" {
		p.say("**Here**: %s", escapeMarkdown(f.Detail))
	}
	if at := f.Site(); at != nil {
		where := code(at.Function)
		if at.File != "" {
			where = code(at.Place()) + " in " + where
		}
		p.say("**Code**: %s", where)
		p.excerpt(f.Around(at))
	}
	for i := range f.Walks {
		p.walk(&f.Walks[i])
	}
	if len(f.Causes) > 0 {
		p.say("**What led to it**:")
	}
	for i := range f.Causes {
		fmt.Fprintf(&p.b, "- %s\n", escapeMarkdown(f.Causes[i].Line()))
	}
	if len(f.Causes) > 0 {
		p.b.WriteByte('\n')
	}
	p.calls(f)
	if f.Replay != "" {
		p.say("**Replay**:")
		p.block("sh", f.Replay)
	}
	p.folded(f)
}

// excerpt writes lines of the source; nil: none.
func (p *markdown) excerpt(e *Excerpt) {
	if e != nil {
		p.block(e.Language(), e.Text())
	}
}

// calls lists the calls that led to a finding, if it is one that calls lead to.
func (p *markdown) calls(f *Finding) {
	if f.AtRest() {
		return
	}
	p.say("**Calls** from start of day %s:", code(f.Start))
	for i := range f.Calls {
		at := ""
		if s := f.Calls[i].Site; s != nil {
			at = " (" + code(s.Place()) + ")"
		}
		fmt.Fprintf(&p.b, "%d. %s%s\n", i+1, code(f.Calls[i].Text), at)
	}
	p.b.WriteByte('\n')
}

func (p *markdown) walk(w *Walk) {
	p.say("**%s**", escapeMarkdown(w.Title))
	if len(w.Hops) > 0 {
		fmt.Fprintf(&p.b, "| level | slot | entry | |\n|---|---|---|---|\n")
		for _, h := range w.Hops {
			note := ""
			if h.Wrong {
				note = "**here**"
			}
			fmt.Fprintf(&p.b, "| L%d | %s | %s | %s |\n", h.Level, code(fmt.Sprintf("%s[%d]", h.Frame, h.Slot)), code(h.Entry), note)
		}
		p.b.WriteByte('\n')
	}
	if w.End != "" {
		p.say("leads to: %s", escapeMarkdown(w.End))
	}
}

// folded writes the parts that not every reader needs.
func (p *markdown) folded(f *Finding) {
	if f.Scenario != "" {
		p.details("the scenario file", func() { p.block("", f.Scenario) })
	}
	if len(f.Stack) > 0 {
		p.details("the kernel's stack when it went wrong", func() { p.block("", stackText(f.Stack)) })
	}
	if others := f.Others(); len(others) > 0 {
		p.details("the code at the other places", func() {
			for _, e := range others {
				p.say("%s", code(e.Title()))
				p.excerpt(e)
			}
		})
	}
	for i := range f.Calls {
		c := &f.Calls[i]
		p.details(fmt.Sprintf("call %d, %s: steps and changes", i+1, c.Text), func() {
			p.block("", stepsText(c.Steps))
			d := Compare(f.Before(i), &c.After)
			p.block("diff", d.Text())
		})
	}
	p.details("what the frames are", func() {
		for _, r := range f.Frames {
			p.say("- %s", escapeMarkdown(r))
		}
	})
	state := "full state at the start of the day"
	if f.AtRest() {
		state = "the tables on the way"
	}
	p.details(state, func() { p.block("", f.Initial.Text()) })
	if c := f.Last(); c != nil {
		p.details("full state at the end", func() { p.block("", c.After.Text()) })
	}
}

func stackText(stack []Site) string {
	var b strings.Builder
	for _, s := range stack {
		fmt.Fprintln(&b, s)
	}
	return b.String()
}

func stepsText(steps []Step) string {
	if len(steps) == 0 {
		return "no steps"
	}
	var b strings.Builder
	for i := range steps {
		s := &steps[i]
		at := ""
		if t := Telling(s.Stack); t != nil {
			at = "  " + t.String()
		}
		fmt.Fprintf(&b, "%2d  %s%s\n", i+1, s.sentence(), at)
	}
	return b.String()
}

// Text is the diff in the form of patches: the mark stands first in its line.
func (d *Diff) Text() string {
	if d.Empty() {
		return " nothing changed"
	}
	var b strings.Builder
	put := func(title string, lines []Line) {
		if len(lines) > 0 || title != "" {
			fmt.Fprintf(&b, "@@ %s @@\n", title)
		}
		for _, l := range lines {
			fmt.Fprintf(&b, "%c %s\n", l.Mark, l.Text)
		}
	}
	for i := range d.Tables {
		put(d.Tables[i].Header()+", "+d.Tables[i].Geometry, d.Tables[i].Lines)
	}
	if len(d.Registers) > 0 {
		put("registers", d.Registers)
	}
	if len(d.Pages) > 0 {
		put("frames", d.Pages)
	}
	return b.String()
}

// Text lists everything in a state.
func (s *State) Text() string {
	var b strings.Builder
	for i := range s.Tables {
		t := &s.Tables[i]
		fmt.Fprintf(&b, "%s, %s\n", t.Header(), t.Geometry)
		for _, e := range t.Entries {
			fmt.Fprintf(&b, "  [%d] %s\n", e.Slot, e.Text)
		}
	}
	for _, r := range s.Registers {
		fmt.Fprintf(&b, "%s: %s\n", r.Name, r.Value)
	}
	for i := range s.Pages {
		fmt.Fprintf(&b, "%s\n", s.Pages[i].Text())
	}
	return b.String()
}
