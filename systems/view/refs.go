package view

import (
	"fmt"
	"runtime"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
)

// RefLog notes which functions of the hypervisor change its records of frames.
type RefLog struct {
	state *model.State
	// Call is the number of the call under way, from 1.
	Call  int
	notes []refNote
	paths paths
}

// refNote is the record of a frame before somebody changes it.
type refNote struct {
	frame model.Frame
	t, g  uint32
	call  int
	stack []uintptr
}

// WatchRefs begins to note the changes of a state's records, until End.
func WatchRefs(s *model.State) *RefLog {
	l := &RefLog{state: s, paths: paths{}}
	s.OnRecord = l.note
	return l
}

// End stops noting; a log that was never begun has nothing to stop.
func (l *RefLog) End() {
	if l != nil {
		l.state.OnRecord = nil
	}
}

func (l *RefLog) note(f model.Frame) {
	i := l.state.InfoAt(f)
	l.notes = append(l.notes, refNote{f, i.T, i.G, l.Call, stackHere()})
}

// mostMoves is how many changes of a frame's references a report tells: the last ones.
const mostMoves = 6

// moves tells who took references to a frame and gave them back.
func (l *RefLog) moves(s *model.State, f model.Frame) (out []reports.Cause) {
	var mine []refNote
	for _, n := range l.notes {
		if n.frame == f {
			mine = append(mine, n)
		}
	}
	now := s.InfoAt(f)
	for i, n := range mine {
		t, g := now.T, now.G
		if i+1 < len(mine) {
			t, g = mine[i+1].t, mine[i+1].g
		}
		if t == n.t && g == n.g {
			continue
		}
		what := fmt.Sprintf("references to %s: %s", FrameName(s.L, f), moved(int(t)-int(n.t), int(g)-int(n.g)))
		out = append(out, reports.Cause{What: what, Call: n.call, Site: l.site(n.stack)})
	}
	return out[max(0, len(out)-mostMoves):]
}

// moved says how counts changed.
func moved(types, general int) string {
	text := ""
	for _, c := range [...]struct {
		n    int
		kind string
	}{{types, "for its use"}, {general, "in general"}} {
		if c.n == 0 {
			continue
		}
		if text != "" {
			text += ", "
		}
		verb := "taken"
		if c.n < 0 {
			verb, c.n = "given back", -c.n
		}
		text += fmt.Sprintf("%d %s %s", c.n, verb, c.kind)
	}
	return text
}

// site is the function of the hypervisor that wanted the change: not those that all go
// through.
func (l *RefLog) site(stack []uintptr) *reports.Site {
	frames := runtime.CallersFrames(stack)
	for more := len(stack) > 0; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if packageOf(f) == packagePath[model.Machine]() && !model.CountsReferences(f) {
			at := l.paths.site(f.Function, f.File, f.Line)
			return &at
		}
	}
	return nil
}
