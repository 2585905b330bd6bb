package lab

import (
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// answer is what the last operation answered: nothing where that cannot be told apart.
func (g *Guest) answer() string {
	if why := g.why(); why != "" {
		return "the guest has ended: " + why
	}
	return strings.TrimSpace(errorNamed(g.said))
}

// stepTracer describes steps to a watcher.
type stepTracer struct {
	g  *Guest
	to systems.Watcher
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

// stepText says what a step did and what the hypervisor answered.
func (g *Guest) stepText(s *model.Step) string {
	text := s.Text(g.M.L, g)
	if s.Op.Refusable() {
		text += " = " + s.Errno.String()
	}
	return text
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
