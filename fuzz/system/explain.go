package system

import (
	"fmt"
	"path"
	"runtime"
	"strings"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
)

// Explain runs a path again and reports how it ends. The path must end in a
// violation or a crash.
func (s *System) Explain(init int, path []Call) (*reports.Finding, error) {
	m := s.NewModel()
	m.Init(init)
	f := &reports.Finding{
		System: s.Name,
		Start:  s.Inits[init].Name,
		Frames: frameRoles(m.State().L, m.State().Kernel.BootmemNext),
	}
	if len(path) == 0 {
		return s.conclude(f, m, m.CheckInit())
	}
	for i, c := range path {
		f.Calls = append(f.Calls, c.String())
		if i < len(path)-1 {
			if o := m.Apply(c.Code()); o.Kind != explore.Moved {
				return nil, fmt.Errorf("system: %s: the path ends early, at call %d", s.Name, i+1)
			}
		}
	}
	f.Before = tables(m.State())
	log := &stepLog{state: m.State()}
	m.watch(log)
	out := m.Apply(path[len(path)-1].Code())
	f.Steps = log.steps
	f.After = tables(m.State())
	return s.conclude(f, m, out)
}

// conclude fills in what went wrong.
func (s *System) conclude(f *reports.Finding, m *Model, out explore.Outcome) (*reports.Finding, error) {
	switch out.Kind {
	case explore.Violated:
		r := s.rules[out.Rule]
		f.Rule, f.Says, f.Source = r.ID, r.Says, r.Source
		f.Detail = detailText(m.State(), m.checker.Detail)
	case explore.Crashed:
		f.Crash = m.last.Error()
	default:
		return nil, fmt.Errorf("system: %s: the path breaks nothing", s.Name)
	}
	return f, nil
}

// detailText locates a violation in words.
func detailText(s *model.State, d invariants.Detail) string {
	var parts []string
	if d.VA != 0 {
		parts = append(parts, fmt.Sprintf("address %#x", uint64(d.VA)))
	}
	if d.Frame != model.NoFrame {
		parts = append(parts, "frame "+frameName(s.L, d.Frame))
	}
	if d.Got != 0 || d.Want != 0 {
		where := fmt.Sprintf("entry %s[%d] is %s", frameName(s.L, d.Table), d.Slot, entryText(s.L, model.Entry(d.Got)))
		if d.Want > 0xff {
			where += ", was " + entryText(s.L, model.Entry(d.Want))
		} else if d.Want != 0 {
			where += ", want flags " + string(model.AppendFlags(nil, model.Entry(d.Want)))
		}
		parts = append(parts, where)
	}
	return strings.Join(parts, "; ")
}

// stepLog records the steps of a call for a report. It looks at each step before
// the checker does, so that the step that breaks a rule is its last.
type stepLog struct {
	state *model.State
	steps []reports.Step
}

// Step implements model.Observer.
func (l *stepLog) Step(_ *model.Machine, s *model.Step) {
	if s.Op == model.OpCallBegin || s.Op == model.OpCallEnd {
		return
	}
	step := reports.Step{What: stepText(l.state, s), Site: siteText(s.Site)}
	g := l.state.L.Geo
	if l.state.L.Boot != nil && l.state.Active().Width == 4 && s.Width == 4 && s.Off%8 != 0 {
		g = l.state.L.Geo // the upper half of a wide entry
	}
	for w := range l.state.Writes {
		for i := range 8 / g.Width {
			old, now := half(g, w.Old, i), half(g, l.state.Word(w.Frame, w.Word), i)
			if old != now {
				slot := w.Word*8/g.Width + i
				step.Change = append(step.Change, fmt.Sprintf("%s[%d]: %s -> %s",
					frameName(l.state.L, w.Frame), slot, entryText(l.state.L, old), entryText(l.state.L, now)))
			}
		}
	}
	l.steps = append(l.steps, step)
}

func half(g *model.Geometry, word uint64, i int) model.Entry {
	if g.Width == 8 {
		return model.Entry(word)
	}
	return model.Entry(uint32(word >> (32 * i)))
}

func stepText(st *model.State, s *model.Step) string {
	name := frameName(st.L, s.Frame)
	switch s.Op {
	case model.OpStore, model.OpEmulate, model.OpAnnounce:
		return fmt.Sprintf("%v %s+%#x, %d bytes", s.Op, name, s.Off, s.Width)
	case model.OpUpdateVA:
		return fmt.Sprintf("%v %#x %s = %v", s.Op, uint64(s.VA), entryText(st.L, model.Entry(s.Value)), s.Errno)
	case model.OpMMUUpdate:
		return fmt.Sprintf("%v %s[%d] %s = %v", s.Op, name, s.Off/st.L.Geo.Width, entryText(st.L, model.Entry(s.Value)), s.Errno)
	case model.OpPin:
		return fmt.Sprintf("%v L%d %s = %v", s.Op, s.Level, name, s.Errno)
	case model.OpUnpin, model.OpNewBaseptr, model.OpUserBaseptr:
		return fmt.Sprintf("%v %s = %v", s.Op, name, s.Errno)
	case model.OpBootmem, model.OpClearPage, model.OpLoadCR3:
		return fmt.Sprintf("%v %s", s.Op, name)
	case model.OpSetCR4:
		return fmt.Sprintf("%v %#x", s.Op, s.Value)
	case model.OpHook:
		return fmt.Sprintf("%v %v %s", s.Op, s.Hook, name)
	case model.OpInvlpg:
		return fmt.Sprintf("%v %#x", s.Op, uint64(s.VA))
	}
	return s.Op.String()
}

// siteText names the kernel code at a program counter: function, file and line.
func siteText(pc uintptr) string {
	if pc == 0 {
		return ""
	}
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	dir, file := path.Split(f.File)
	return fmt.Sprintf("%s %s/%s:%d", path.Base(f.Function), path.Base(dir), file, f.Line)
}
