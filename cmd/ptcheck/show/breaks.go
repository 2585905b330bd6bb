package show

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/internal/names"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
)

// breakpoint is a word at which continue stops: a rule, a way to die, or a function.
type breakpoint struct {
	name string
	at   []int // indexes of moments, ascending
}

// brk sets a breakpoint, or lists them.
func (s *Session) brk(args []string) error {
	if len(args) == 0 {
		for _, b := range s.breaks {
			s.say("%s: %s", b.name, s.placesText(b))
		}
		return nil
	}
	name := args[0]
	if slices.ContainsFunc(s.breaks, func(b *breakpoint) bool { return b.name == name }) {
		return fmt.Errorf("there is a break at %s", name)
	}
	b := &breakpoint{name: name, at: s.entered(name)}
	if len(b.at) == 0 {
		found, err := s.findings()
		if err != nil {
			return err
		}
		for _, i := range slices.Sorted(maps.Keys(found)) {
			if slices.Contains(found[i], name) {
				b.at = append(b.at, i)
			}
		}
		if len(b.at) == 0 {
			return s.nowhere(name)
		}
	}
	s.breaks = append(s.breaks, b)
	s.say("break at %s: %s", name, s.placesText(b))
	return nil
}

// nowhere says why a word stops nothing.
func (s *Session) nowhere(name string) error {
	if slices.Contains(ruleWords(), name) {
		return fmt.Errorf("%s is not broken in this run", name)
	}
	return fmt.Errorf("no rule, way to die or function of this run is named %q%s", name, names.DidYouMean(name, s.stopWords()))
}

// ruleWords are the rules, and the ways to die.
func ruleWords() []string {
	var out []string
	for _, r := range invariants.All() {
		out = append(out, r.ID)
	}
	for _, k := range model.CrashKinds() {
		out = append(out, k.String())
	}
	return out
}

// placesText says at how many moments a breakpoint stops, and at which next.
func (s *Session) placesText(b *breakpoint) string {
	text := "once"
	if n := len(b.at); n > 1 {
		text = fmt.Sprintf("%d times", n)
	}
	if i := b.after(s.at); i >= 0 {
		return text + fmt.Sprintf(", next at %v", s.moments[i].pos)
	}
	return text + ", not after this"
}

// after is the first of its moments behind another, negative for none.
func (b *breakpoint) after(at int) int {
	i, _ := slices.BinarySearch(b.at, at+1)
	if i == len(b.at) {
		return -1
	}
	return b.at[i]
}

// unbreak takes a breakpoint back.
func (s *Session) unbreak(args []string) error {
	n := len(s.breaks)
	s.breaks = slices.DeleteFunc(s.breaks, func(b *breakpoint) bool { return b.name == args[0] })
	if len(s.breaks) == n {
		return fmt.Errorf("there is no break at %s", args[0])
	}
	return nil
}

// cont goes on to the next breakpoint, or to the end.
func (s *Session) cont([]string) error {
	if s.at == len(s.moments)-1 {
		return fmt.Errorf("this is the end")
	}
	to, name := len(s.moments)-1, ""
	for _, b := range s.breaks {
		if i := b.after(s.at); i >= 0 && (i < to || name == "") {
			to, name = i, b.name
		}
	}
	if name != "" {
		s.say("break at %s:", name)
	}
	return s.move(to)
}

// entered are the moments at which code enters a function: it is on the stack, and was not
// at the moment before.
func (s *Session) entered(name string) (at []int) {
	inside := false
	for i := range s.moments {
		m := &s.moments[i]
		now := slices.ContainsFunc(m.functions(), func(f string) bool { return isNamed(f, name) })
		if now && !inside {
			at = append(at, i)
		}
		inside = now && len(m.step.Stack) > 0 // the next call enters anew
	}
	return at
}

// functions are the names on a moment's stack, without offsets into them.
func (m *moment) functions() []string {
	var out []string
	for i := range m.step.Stack {
		name, _, _ := strings.Cut(m.step.Stack[i].Function, "+")
		out = append(out, name)
	}
	return out
}

// isNamed reports whether a function is meant by a name, with or without its package.
func isNamed(function, name string) bool {
	return function == name || strings.HasSuffix(function, "."+name)
}

// functions are all of the run, sorted.
func (s *Session) functions() []string {
	set := map[string]bool{}
	for i := range s.moments {
		for _, f := range s.moments[i].functions() {
			set[f] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// findings are what goes wrong in the run, by the index of the moment.
func (s *Session) findings() (map[int][]string, error) {
	if s.found != nil {
		return s.found, nil
	}
	found := map[int][]string{}
	var waits []string
	v := &visitor{last: -1, see: func(i int, m *moment, _ *model.State) {
		if m.pos.step == 0 && len(waits) > 0 {
			found[i], waits = waits, nil
		}
	}}
	_, err := s.file.Play(systems.PlayOptions{Watch: v, Found: func(what string) { waits = append(waits, what) }})
	if len(waits) > 0 {
		last := len(s.moments) - 1
		found[last] = append(found[last], waits...)
	}
	s.found = found
	return found, err
}
