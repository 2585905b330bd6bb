package lab

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
)

// Tracer sees a script run. The states that it is shown are the live ones.
type Tracer interface {
	// Step is called after each step of the machine inside an operation.
	Step(s *model.State, step reports.Step)
	// Done is called when an operation of a line, counted from 1, has been carried
	// out. The first is the start of the day, line 0.
	Done(line int, op, answer string, s *model.State)
	// Over ends the run before the next operation.
	Over() bool
}

// Trace runs a script before the eyes of a tracer. The guest must be new; its
// Config.Script is the length of the script.
func (g *Guest) Trace(f *script.File, t Tracer) {
	g.reset()
	t.Done(0, "start of the day", "ok", g.M.State)
	g.M.Observe(&stepTracer{g, t})
	for i := range f.Lines {
		l := &f.Lines[i]
		if t.Over() || g.ended() {
			return
		}
		if l.Op == nil {
			continue
		}
		printed := len(g.lines)
		g.Line(l, i+1)
		t.Done(i+1, l.Op.String(), g.answer(printed), g.M.State)
	}
}

// answer is what the lines printed since then say, without the echo.
func (g *Guest) answer(since int) string {
	if why := g.why(); why != "" {
		return "the guest has ended: " + why
	}
	var parts []string
	for _, l := range named(append([]string(nil), g.lines[since:]...)) {
		if _, answer, ok := strings.Cut(l, " ="); ok {
			l = strings.TrimSpace(answer)
		}
		parts = append(parts, l)
	}
	return strings.Join(parts, "; ")
}

// stepTracer describes steps to a tracer.
type stepTracer struct {
	g  *Guest
	to Tracer
}

// Step implements model.Observer.
func (t *stepTracer) Step(_ *model.Machine, s *model.Step) {
	step := reports.Step{What: t.g.stepText(s)}
	for w := range t.g.M.Writes {
		old, now := model.Entry(w.Old), model.Entry(t.g.M.Word(w.Frame, w.Word))
		if old != now {
			step.Changes = append(step.Changes, reports.Change{Frame: t.g.FrameName(w.Frame), Slot: w.Word, Old: t.g.EntryText(old), New: t.g.EntryText(now)})
		}
	}
	t.to.Step(t.g.M.State, step)
}

func (g *Guest) stepText(s *model.Step) string {
	name := g.FrameName(s.Frame)
	switch s.Op {
	case model.OpStore, model.OpEmulate:
		return fmt.Sprintf("%v %s+%#x, %d bytes", s.Op, name, s.Off, s.Width)
	case model.OpUpdateVA:
		return fmt.Sprintf("%v %#x %s = %v", s.Op, uint64(s.VA), g.EntryText(model.Entry(s.Value)), s.Errno)
	case model.OpMMUUpdate:
		return fmt.Sprintf("%v %s[%d] %s = %v", s.Op, name, s.Off/8, g.EntryText(model.Entry(s.Value)), s.Errno)
	case model.OpPin:
		return fmt.Sprintf("%v L%d %s = %v", s.Op, s.Level, name, s.Errno)
	case model.OpFlush:
		return s.Op.String()
	case model.OpInvlpg:
		return fmt.Sprintf("%v %#x", s.Op, uint64(s.VA))
	}
	return fmt.Sprintf("%v %s = %v", s.Op, name, s.Errno)
}

// FrameName is the name of a frame in scripts, such as "f3" for one of the pool or
// "m0x7d40" for a machine frame.
func (g *Guest) FrameName(f model.Frame) string {
	if f == model.NoFrame {
		return "nowhere"
	}
	return g.printed(func() { g.frame(g.M.L.Map.MFN(f)) })
}

// EntryText writes an entry with the name of its frame.
func (g *Guest) EntryText(e model.Entry) string { return g.printed(func() { g.entry(e) }) }

// printed is what a function prints, which then is taken back.
func (g *Guest) printed(print func()) string {
	n := len(g.out)
	print()
	text := string(g.out[n:])
	g.out = g.out[:n]
	return text
}

// Frame is the frame that a name in scripts stands for.
func (g *Guest) Frame(f script.Frame) (model.Frame, bool) {
	m, ok := g.resolve(f)
	if !ok {
		return model.NoFrame, false
	}
	frame := g.M.L.Map.Frame(m)
	return frame, frame != model.NoFrame
}

// Page is the address of pool page n.
func (g *Guest) Page(n int) model.VA { return g.page(n) }
