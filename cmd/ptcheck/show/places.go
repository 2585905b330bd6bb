package show

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/internal/printable"
)

// Moment is a moment of a run as a list shows it.
type Moment struct {
	Place  string // as goto takes it
	Text   string
	Inside bool // it is a step inside a call
	Here   bool // it is the one that is shown
}

// Place is the place that is shown.
func (s *Session) Place() string { return s.moments[s.at].pos.String() }

// Places are the places to go to from the one that is shown; "" where there is none.
type Places struct {
	First, PrevCall, Prev, Next, NextCall, Last string
}

// Places lists where one can go from here.
func (s *Session) Places() Places {
	place := func(i int) string {
		if i < 0 || i >= len(s.moments) || i == s.at {
			return ""
		}
		return s.moments[i].pos.String()
	}
	return Places{
		First: place(0), PrevCall: place(s.callEnd(-1)), Prev: place(s.at - 1),
		Next: place(s.at + 1), NextCall: place(s.callEnd(1)), Last: place(len(s.moments) - 1),
	}
}

// callEnd is the nearest moment in a direction at which a call is over, one outside the
// run if there is none.
func (s *Session) callEnd(by int) int {
	i := s.at + by
	for i >= 0 && i < len(s.moments) && s.moments[i].pos.step > 0 {
		i += by
	}
	return i
}

// Around lists so many moments before and after the one that is shown, and that one.
func (s *Session) Around(n int) []Moment {
	var out []Moment
	for i := max(0, s.at-n); i <= min(s.at+n, len(s.moments)-1); i++ {
		m := &s.moments[i]
		x := Moment{Place: m.pos.String(), Inside: m.pos.step > 0, Here: i == s.at}
		if x.Inside {
			x.Text = strings.TrimSpace(m.step.Line() + " " + m.step.Where())
		} else {
			x.Text = fmt.Sprintf("%s = %s", printable.Line(m.op), printable.Line(m.answer))
		}
		out = append(out, x)
	}
	return out
}

// Command is a command as help tells it.
type Command struct{ Name, Args, Help string }

// Commands lists the commands.
func Commands() []Command {
	var out []Command
	for _, c := range commands() {
		out = append(out, Command{c.names[0], c.args, c.help})
	}
	return out
}
