package show

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// pos is a point in a run: after step Step of call Call, counted from 1. Step 0
// is the end of the call, call 0 the start of the day.
type pos struct{ call, step int }

func (p pos) String() string {
	if p.step == 0 {
		return strconv.Itoa(p.call)
	}
	return fmt.Sprintf("%d.%d", p.call, p.step)
}

// parsePos reads N or N.M.
func parsePos(text string) (pos, error) {
	call, step, dotted := strings.Cut(text, ".")
	var p pos
	var err, err2 error
	p.call, err = strconv.Atoi(call)
	if dotted {
		p.step, err2 = strconv.Atoi(step)
	}
	if err != nil || err2 != nil || p.call < 0 || p.step < 0 || dotted && p.step == 0 {
		return pos{}, fmt.Errorf("%q is not a place: want N for the end of call N, or N.M for step M inside it", text)
	}
	return p, nil
}

// moment is what happened at a point.
type moment struct {
	pos
	line   int
	op     string // of the end of a call
	answer string
	step   reports.Step // of a step inside a call; at the end of one, the code that made it, if it is known
}

// Session is a scenario that is being looked at.
type Session struct {
	file    *systems.File
	out     io.Writer
	moments []moment
	at      int // index of the moment that is shown
	watches []*watch
	breaks  []*breakpoint
	width   int  // columns; 0: lines are as long as they are
	fails   bool // something goes wrong
	// found are what goes wrong, by the index of its moment; nil: not asked for yet.
	found map[int][]string
	// wrong is the report of what goes wrong at the end; nil: nothing, or not asked for.
	wrong *reports.Finding
}

// Fit has lines folded to a number of columns.
func (s *Session) Fit(width int) { s.width = width }

// New runs a scenario and stops at its start. The error names file, line and
// column where the scenario is at fault.
func New(out io.Writer, f *systems.File) (*Session, error) {
	s := &Session{file: f, out: out}
	p, err := f.Play(systems.PlayOptions{Watch: &visitor{last: -1, see: func(_ int, m *moment, _ *model.State) {
		s.moments = append(s.moments, *m)
	}}})
	if err != nil {
		return nil, err
	}
	s.fails = p.Verdict.Fails()
	s.nameCalls()
	return s, nil
}

// nameCalls tells steps which call they are part of.
func (s *Session) nameCalls() {
	op, line := "", 0
	for i := len(s.moments) - 1; i >= 0; i-- {
		m := &s.moments[i]
		if m.pos.step == 0 {
			op, line = m.op, m.line
		}
		m.op, m.line = op, line
	}
}

// visit runs the scenario up to moment last (all of it if negative) and shows each
// moment with its state, which is valid during the call only.
func (s *Session) visit(last int, see func(i int, m *moment, st *model.State)) error {
	_, err := s.file.Play(systems.PlayOptions{Watch: &visitor{last: last, see: see}})
	return err
}

// visitor numbers the moments of a run. It implements systems.Watcher.
type visitor struct {
	last int
	see  func(i int, m *moment, st *model.State)
	// enough, if not nil, ends the run early.
	enough func() bool
	n      int            // moments so far
	stack  []reports.Site // of the code that made the next moment
	call   int            // calls that have ended, the start of the day too
	step   int            // steps in the call under way
}

// Step implements systems.Watcher.
func (v *visitor) Step(st *model.State, step reports.Step) {
	v.step++
	v.show(&moment{pos: pos{v.call, v.step}, step: step}, st)
}

// Done implements systems.Watcher.
func (v *visitor) Done(line int, op, answer string, st *model.State) {
	v.show(&moment{pos: pos{v.call, 0}, line: line, op: op, answer: answer, step: reports.Step{Stack: v.stack}}, st)
	v.call, v.step, v.stack = v.call+1, 0, nil
}

// Code implements systems.CodeWatcher.
func (v *visitor) Code(stack []reports.Site) { v.stack = stack }

func (v *visitor) show(m *moment, st *model.State) {
	if v.last < 0 || v.n <= v.last {
		v.see(v.n, m, st)
	}
	v.n++
}

// Over implements systems.Watcher.
func (v *visitor) Over() bool { return v.last >= 0 && v.n > v.last || v.enough != nil && v.enough() }

// frameName and entryText name what belongs to a state that is shown.
func (s *Session) frameName(st *model.State, f model.Frame) string {
	return s.file.Scenario.Names().FrameName(st, f)
}

func (s *Session) entryText(st *model.State, e model.Entry) string {
	return s.file.Scenario.Names().EntryText(st, e)
}

// look has a function look at the state of the moment that is shown.
func (s *Session) look(see func(st *model.State) error) error {
	var err error
	if e := s.visit(s.at, func(i int, _ *moment, st *model.State) {
		if i == s.at {
			err = see(st)
		}
	}); e != nil {
		return e
	}
	return err
}

// find returns the index of a place.
func (s *Session) find(p pos) (int, error) {
	calls := s.moments[len(s.moments)-1].call
	steps := 0
	for i := range s.moments {
		if s.moments[i].pos == p {
			return i, nil
		}
		if s.moments[i].call == p.call {
			steps = max(steps, s.moments[i].pos.step)
		}
	}
	if p.call > calls {
		return 0, fmt.Errorf("there is no call %d: the last is %d", p.call, calls)
	}
	return 0, fmt.Errorf("call %d has %d steps", p.call, steps)
}

// move goes to a moment; on the way forward it tells what watches see. On the way
// back they only take note.
func (s *Session) move(to int) error {
	from := s.at
	s.at = to
	if len(s.watches) > 0 {
		if err := s.watchOver(from, to); err != nil {
			return err
		}
	}
	s.print("", &s.moments[to])
	return s.tellCode(false)
}
