package show

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ptcheck/ptcheck/internal/columns"
	"github.com/ptcheck/ptcheck/internal/names"
	"github.com/ptcheck/ptcheck/model"
)

// ErrQuit ends a session.
var ErrQuit = errors.New("quit")

// command is something that a user can ask for.
type command struct {
	names []string // the first is the full one
	args  string   // what it takes, as its help has it
	help  string
	do    func(s *Session, args []string) error
	words func(s *Session) []string // what its first argument may be, for completion
}

// commands are all commands, in the order of the help.
func commands() []command {
	return []command{
		{[]string{"next", "n"}, "[COUNT]", "go on by a step, or by so many", (*Session).next, nil},
		{[]string{"prev", "p"}, "[COUNT]", "go back by a step, or by so many", (*Session).prev, nil},
		{[]string{"nextcall", "nc"}, "", "go on to the end of the call, or of the next one", (*Session).nextCall, nil},
		{[]string{"prevcall", "pc"}, "", "go back to the end of the call before", (*Session).prevCall, nil},
		{[]string{"goto", "g"}, "N[.M]", "go to the end of call N, or to step M inside it; 0 is the start of the day", (*Session).jump, nil},
		{[]string{"last"}, "", "go to the end", (*Session).last, nil},
		{[]string{"where", "."}, "", "show again where this is", (*Session).where, nil},
		{[]string{"calls", "l"}, "", "list the calls", (*Session).calls, nil},
		{[]string{"steps", "s"}, "", "list the steps of this call", (*Session).steps, nil},
		{[]string{"walk", "w"}, "ADDRESS", "walk an address: 0x..., fix:N, a frame (its place in the direct map), or sN", (*Session).walk, (*Session).frameWords},
		{[]string{"table", "t"}, "FRAME", "print the entries of a frame that are not zero", (*Session).table, (*Session).frameWords},
		{[]string{"who"}, "ADDRESS", "tell who last stored each entry that an address leads through", (*Session).who, (*Session).frameWords},
		{[]string{"until"}, "FRAME|ADDRESS [changes]", "go on until a frame or what an address leads to changes", (*Session).until, (*Session).frameWords},
		{[]string{"break", "b"}, "[RULE|FUNCTION]", "have continue stop where a rule is broken, a way to die is met, or a function is entered; without argument: list them", (*Session).brk, (*Session).stopWords},
		{[]string{"unbreak"}, "RULE|FUNCTION", "do not stop there any more", (*Session).unbreak, (*Session).breakWords},
		{[]string{"continue", "c"}, "", "go on to the next break, or to the end", (*Session).cont, nil},
		{[]string{"source", "src"}, "", "print the source around this step, or around what goes wrong", (*Session).source, nil},
		{[]string{"frames", "f"}, "", "list the frames that have a role", (*Session).frames, nil},
		{[]string{"watch"}, "[FRAME|ADDRESS]", "tell when a frame or an address changes; without argument: list what is watched", (*Session).watch, (*Session).frameWords},
		{[]string{"unwatch"}, "FRAME|ADDRESS", "stop telling", (*Session).unwatch, (*Session).watchWords},
		{[]string{"help", "h", "?"}, "", "list the commands", (*Session).help, nil},
		{[]string{"quit", "q"}, "", "end", func(*Session, []string) error { return ErrQuit }, nil},
	}
}

// Names lists the full names of the commands, for completion.
func Names() []string {
	var list []string
	for _, c := range commands() {
		list = append(list, c.names[0])
	}
	return list
}

// Do carries out a line of commands. An empty line goes on by a step. ErrQuit ends
// the session; other errors say what is wrong with the command, which then has
// done nothing.
func (s *Session) Do(line string) error {
	words := strings.Fields(line)
	if len(words) == 0 {
		words = []string{"next"}
	}
	for _, c := range commands() {
		for _, n := range c.names {
			if n != words[0] {
				continue
			}
			if err := c.takes(len(words) - 1); err != nil {
				return err
			}
			return c.do(s, words[1:])
		}
	}
	if p, err := parsePos(words[0]); err == nil && len(words) == 1 {
		return s.jump([]string{p.String()})
	}
	return fmt.Errorf("no command is named %q%s; help lists them", words[0], names.DidYouMean(words[0], Names()))
}

// takes checks the number of arguments.
func (c *command) takes(n int) error {
	least, most := 0, 0
	if c.args != "" {
		most = 1
		if c.args[0] != '[' {
			least = 1
		}
	}
	if strings.HasSuffix(c.args, " [changes]") {
		most = 2
	}
	if n < least || n > most {
		return fmt.Errorf("%s: usage: %s", c.names[0], strings.TrimSpace(c.names[0]+" "+c.args))
	}
	return nil
}

func (s *Session) next(args []string) error { return s.by(args, 1) }
func (s *Session) prev(args []string) error { return s.by(args, -1) }

// by moves by so many steps in a direction.
func (s *Session) by(args []string, direction int) error {
	n := 1
	if len(args) > 0 {
		var err error
		if n, err = strconv.Atoi(args[0]); err != nil && !errors.Is(err, strconv.ErrRange) || n < 1 {
			return fmt.Errorf("%q is not a number of steps", args[0])
		}
	}
	n = min(n, len(s.moments)) // so that no sum is too large
	to := min(max(s.at+n*direction, 0), len(s.moments)-1)
	switch {
	case to == s.at && direction > 0:
		return fmt.Errorf("this is the end")
	case to == s.at:
		return fmt.Errorf("this is the start of the day")
	}
	return s.move(to)
}

func (s *Session) nextCall([]string) error {
	if i := s.callEnd(1); i < len(s.moments) {
		return s.move(i)
	}
	return fmt.Errorf("this is the end")
}

func (s *Session) prevCall([]string) error {
	if i := s.callEnd(-1); i >= 0 {
		return s.move(i)
	}
	return fmt.Errorf("this is the start of the day")
}

func (s *Session) jump(args []string) error {
	p, err := parsePos(args[0])
	if err != nil {
		return err
	}
	i, err := s.find(p)
	if err != nil {
		return err
	}
	return s.move(i)
}

func (s *Session) last([]string) error { return s.move(len(s.moments) - 1) }

func (s *Session) where([]string) error {
	m := &s.moments[s.at]
	if m.pos.step > 0 {
		s.say("in call %d, %s, line %d:", m.call, m.op, m.line)
	}
	s.print("", m)
	return s.tellCode(true)
}

func (s *Session) calls([]string) error {
	for i := range s.moments {
		m := &s.moments[i]
		if m.pos.step > 0 {
			continue
		}
		mark := "  "
		if m.call == s.moments[s.at].call {
			mark = "> "
		}
		s.print(mark, m)
	}
	return nil
}

func (s *Session) steps([]string) error {
	for i := range s.moments {
		if m := &s.moments[i]; m.call == s.moments[s.at].call {
			mark := "  "
			if i == s.at {
				mark = "> "
			}
			s.print(mark, m)
		}
	}
	return nil
}

// lines prints what a view of the state says.
func (s *Session) lines(view func(st *model.State) ([]string, error)) error {
	return s.look(func(st *model.State) error {
		lines, err := view(st)
		for _, l := range lines {
			s.say("%s", l)
		}
		return err
	})
}

func (s *Session) walk(args []string) error {
	return s.lines(func(st *model.State) ([]string, error) {
		va, err := s.file.Scenario.Names().Address(st, args[0])
		if err != nil {
			return nil, err
		}
		return s.walks(st, va), nil
	})
}

func (s *Session) table(args []string) error {
	return s.lines(func(st *model.State) ([]string, error) {
		f, err := s.file.Scenario.Names().Frame(st, args[0])
		if err != nil {
			return nil, err
		}
		return s.tableText(st, f), nil
	})
}

func (s *Session) frames([]string) error {
	return s.lines(func(st *model.State) ([]string, error) { return s.framesText(st), nil })
}

func (s *Session) watch(args []string) error {
	if len(args) == 0 {
		for _, w := range s.watches {
			fmt.Fprintln(s.out, w.name)
		}
		return nil
	}
	for _, w := range s.watches {
		if w.name == args[0] {
			return fmt.Errorf("%s is being watched", w.name)
		}
	}
	w, err := s.newWatch(args[0])
	if err != nil {
		return err
	}
	s.watches = append(s.watches, w)
	return nil
}

func (s *Session) unwatch(args []string) error {
	for i, w := range s.watches {
		if w.name == args[0] {
			s.watches = append(s.watches[:i], s.watches[i+1:]...)
			return nil
		}
	}
	return fmt.Errorf("%s is not being watched", args[0])
}

func (s *Session) help([]string) error {
	var rows [][2]string
	for _, c := range commands() {
		rows = append(rows, [2]string{strings.TrimSpace(strings.Join(c.names, ", ") + " " + c.args), c.help})
	}
	fmt.Fprint(s.out, columns.Table(rows, "", cmp.Or(s.width, columns.Width)))
	s.say("An empty line is next; N or N.M alone is goto. The tabulator completes words.")
	return nil
}
