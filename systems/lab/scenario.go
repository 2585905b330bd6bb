package lab

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/attack"
)

// Scenario is a script of hypercalls. It implements [systems.Scenario].
type Scenario struct {
	config Config // without a change; its rules are nil where nothing names any
	change systems.Change
	lines  []line
	said   said      // which settings the script has itself
	live   *sync.Map // the guests that run, by their states
}

// line is a line of a script.
type line struct {
	script.Line
	no int // counted from 1
}

var _ systems.Adjustable = (*Scenario)(nil)

// runs reports whether a line is an operation.
func (l *line) runs() bool { return l.Op != nil && (l.Op.Spec == nil || !l.Op.Spec.Header) }

// header is the name of a line that describes the scenario, "" for others.
func (l *line) header() string {
	if l.Op == nil || l.runs() {
		return ""
	}
	return l.Op.Name
}

// System implements [systems.Scenario].
func (s *Scenario) System() string { return name }

// Len implements [systems.Scenario].
func (s *Scenario) Len() int {
	n := 0
	for i := range s.lines {
		if s.lines[i].runs() {
			n++
		}
	}
	return n
}

// Names implements [systems.Scenario].
func (s *Scenario) Names() systems.Names { return names{s.live} }

// With implements [systems.Scenario].
func (s *Scenario) With(c systems.Change) systems.Scenario {
	out := *s
	out.change, out.live = c, &sync.Map{}
	return &out
}

// Adjust implements [systems.Adjustable].
func (s *Scenario) Adjust(v systems.Values) (systems.Scenario, error) {
	out := *s
	out.live = &sync.Map{}
	if p := v.Profile(); p != nil {
		if s.said.profile && p.Name != s.config.Profile.Name {
			return nil, fmt.Errorf("--profile=%s: the script itself says profile %s", p.Name, s.config.Profile.Name)
		}
		out.config.Profile = p
	}
	if v.Has("bits") {
		bits, _ := strconv.Atoi(v["bits"]) // one of the words of the setting
		if s.said.bits && bits != s.config.Bits {
			return nil, fmt.Errorf("--bits=%d: the script itself is for a guest of %d bits", bits, s.config.Bits)
		}
		out.config.Bits = bits
	}
	if v.Has("guest") {
		kind := v.Guest(s.config.Guest)
		if s.said.kind && kind != s.config.Guest {
			return nil, fmt.Errorf("--guest=%v: the script itself is for a %v", kind, s.config.Guest)
		}
		out.config.Guest = kind
	}
	return &out, nil
}

// Only implements [systems.Scenario]. The machine stays as the length of the whole
// script makes it. Nothing is expected of the operations any more.
func (s *Scenario) Only(keep []int) (systems.Scenario, error) {
	out := *s
	out.lines, out.live = nil, &sync.Map{}
	n, kept := 0, 0
	for _, l := range s.lines {
		if l.runs() {
			here := kept < len(keep) && keep[kept] == n
			if n++; !here {
				continue
			}
			kept++
		}
		l.HasWant = false
		out.lines = append(out.lines, l)
	}
	if kept < len(keep) {
		return nil, fmt.Errorf("%s: no operations %v in this order: there are %d", name, keep, n)
	}
	return &out, nil
}

// Body implements [systems.Scenario]. What the file says of the guest comes first.
func (s *Scenario) Body() []byte {
	var b bytes.Buffer
	b.WriteString(s.config.head(s.said))
	if p := s.config.Profile; p != nil {
		fmt.Fprintf(&b, "profile %s\n", p.Name)
	}
	begun := false
	for i := range s.lines {
		l := &s.lines[i]
		begun = begun || l.IsTitle || l.runs()
		if begun && l.header() == "" {
			b.Write(append(l.Append(nil), '\n'))
		}
	}
	return b.Bytes()
}

// Shrink implements [systems.Scenario]. It fails: nothing goes wrong in a script.
func (s *Scenario) Shrink(systems.Verdict, int) (systems.Scenario, systems.Shrunk, error) {
	return nil, systems.Shrunk{}, errors.New("a script of hypercalls breaks no rule: there is nothing to shrink")
}

// Play implements [systems.Scenario]. Nothing goes wrong in a script: it has answers.
func (s *Scenario) Play(o systems.PlayOptions) (*systems.Play, error) {
	if err := attack.Plantable(s.change); err != nil {
		return nil, err
	}
	if s.Len() == 0 {
		return nil, errNothing
	}
	c := s.config
	if c.Profile == nil {
		c.Profile = model.Xen417()
	}
	c.Profile = s.change.Judge(c.Profile)
	g, err := New(c)
	if err != nil {
		return nil, err
	}
	s.live.Store(g.M.State, g)
	defer s.live.Delete(g.M.State)
	g.reset()
	if g.ended() {
		return nil, fmt.Errorf("a guest of %d bits does not live to its first line under the rules of %s", c.Bits, c.Profile.Name)
	}
	r := running{g: g, watch: o.Watch, play: &systems.Play{}}
	r.all(s.lines)
	return r.play, nil
}

// running is a script under way.
type running struct {
	g     *Guest
	watch systems.Watcher
	play  *systems.Play
	taken int // how many of the guest's lines have been taken down
}

// all runs a script.
func (r *running) all(lines []line) {
	if r.watch != nil {
		r.watch.Done(0, "start of the day", "ok", r.g.M.State)
		r.g.M.Observe(&stepTracer{r.g, r.watch})
	}
	for i := range lines {
		if r.watch != nil && r.watch.Over() {
			r.takeDown()
			return
		}
		if r.line(&lines[i]); r.g.ended() {
			r.play.End = &systems.End{Line: lines[i].no, Why: r.g.why()}
			return
		}
	}
	r.g.finish()
	r.takeDown()
}

// line runs a line.
func (r *running) line(l *line) {
	if h := l.header(); h != "" && executorOf(h) == nil {
		r.takeDown()
		if !systems.Describes(l.Op) {
			r.play.Add(l.no, l.Op.String(), "ok")
		}
		return
	}
	r.g.Line(&l.Line, l.no)
	r.takeDown()
	if l.Op == nil {
		return
	}
	answer := r.g.answer()
	if r.g.ended() {
		r.play.Answers = append(r.play.Answers, systems.Answer{Line: l.no, Text: systems.AnswerEnded})
	} else if answer != "" {
		r.play.Answers = append(r.play.Answers, systems.Answer{Line: l.no, Text: answer})
	}
	if r.watch != nil && l.runs() {
		r.watch.Done(l.no, l.Op.String(), answer, r.g.M.State)
	}
}

// takeDown notes what the guest has printed.
func (r *running) takeDown() {
	r.play.Printed = append(r.play.Printed, named(slices.Clone(r.g.lines[r.taken:]))...)
	r.taken = len(r.g.lines)
}
