package show

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// watch is a frame or an address that is being watched.
type watch struct {
	name  string
	lines func(st *model.State) []string // what it looks like
	mark
	last []string
}

// newWatch makes a watch of a frame's name, or of an address written 0x..., fix:N
// or sN.
func (s *Session) newWatch(name string) (*watch, error) {
	w := &watch{name: name}
	err := s.look(func(st *model.State) error {
		f, err := s.file.Scenario.Names().Frame(st, name)
		if err == nil {
			w.lines = func(st *model.State) []string { return s.tableText(st, f) }
			w.of = func(st *model.State) uint64 { return markOf(st, f) }
		} else {
			va, err2 := s.file.Scenario.Names().Address(st, name)
			if err2 != nil {
				return fmt.Errorf("cannot watch %q: %w; %w", name, err, err2)
			}
			w.lines = func(st *model.State) []string { return s.walks(st, va) }
			w.of = func(st *model.State) uint64 { return markWalks(st, va) }
		}
		w.last = w.lines(st)
		w.changed(st)
		return nil
	})
	return w, err
}

// watchOver goes from one moment to a later one and tells what changes.
func (s *Session) watchOver(from, to int) error {
	return s.visit(to, func(i int, _ *moment, st *model.State) {
		for _, w := range s.watches {
			if large(st) && !w.changed(st) {
				continue
			}
			lines := w.lines(st)
			if i > from && !slices.Equal(lines, w.last) {
				s.tell(&s.moments[i], w, lines)
			}
			w.last = lines
		}
	})
}

// tell prints how a watched thing has changed.
func (s *Session) tell(m *moment, w *watch, now []string) {
	what := m.step.Line()
	if m.pos.step == 0 {
		what = "end"
	}
	s.say("watch %s: changes at %v, %s: %s", w.name, m.pos, m.op, what)
	for _, l := range w.last {
		if !slices.Contains(now, l) {
			s.say("  - %s", strings.TrimSpace(l))
		}
	}
	for _, l := range now {
		if !slices.Contains(w.last, l) {
			s.say("  + %s", strings.TrimSpace(l))
		}
	}
}
