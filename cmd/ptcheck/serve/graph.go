package serve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// graph is the state graph of a search.
type graph struct {
	search *systems.Search
	slug   string // its name in addresses
	inits  int
	seen   *store
}

func newGraph(s *systems.Search, room *room) *graph {
	return &graph{search: s, slug: slugOf(s.Title()), inits: s.Model().Inits(), seen: newStore(room)}
}

// slugOf is a title with nothing in it that an address would have to escape.
func slugOf(title string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(title), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}), "-")
}

// scenario is the way to a place.
func (g *graph) scenario(p place) (systems.Scenario, error) {
	return g.search.Scenario(explore.Finding{Init: p.init, Path: p.path})
}

// body is the way to a place in the language of scenario files.
func (g *graph) body(p place) (string, error) {
	s, err := g.scenario(p)
	if err != nil {
		return "", err
	}
	return string(s.Body()), nil
}

// startName says what the start of a graph is, with the calls that have led there.
func (g *graph) startName(init int) (string, error) {
	body, err := g.body(place{init: init})
	if err != nil {
		return "", err
	}
	lines := strings.Split(strings.TrimSpace(body), "\n")
	if len(lines) > 1 {
		lines = lines[1:] // which names the system
	}
	return strings.Join(lines, "; "), nil
}

// errNothing says that a call is no operation at all where it stands.
var errNothing = errors.New("serve: the last call comes to nothing here")

// story tells the way to a place, with everything that a report would tell.
func (g *graph) story(p place) (*reports.Finding, error) {
	s, err := g.scenario(p)
	if err != nil {
		return nil, err
	}
	played, err := s.Play(systems.PlayOptions{Story: true, Lenient: true, Place: true})
	if err != nil {
		return nil, err
	}
	switch {
	case played.Finding == nil:
		return nil, fmt.Errorf("serve: system %s tells no story", g.search.System)
	case len(played.Finding.Calls) < s.Len():
		return nil, errNothing
	}
	return played.Finding, nil
}

// look goes to a place and looks around.
func (g *graph) look(ctx context.Context, p place) (*look, error) {
	l := &looker{at: p}
	// The model is made once: nothing that is found has to be rebuilt.
	_, err := g.search.RunWith(ctx, l.around, explore.Options{Depth: 1, Workers: 1, NoSymmetry: true})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	g.seen.path(p, l.states)
	if n := len(l.states); n == len(p.path)+1 {
		for _, c := range l.calls {
			if c.outcome.Kind == explore.Moved {
				g.seen.add(l.states[n-1], c.code, c.next)
			}
		}
	}
	return &l.look, nil
}

// find returns the place that a scenario leads to, by its body. ok is false if the calls
// of the graph do not make it.
func (g *graph) find(ctx context.Context, body string) (p place, ok bool) {
	at := ""
	for i := range g.inits {
		head, err := g.body(place{init: i})
		if err == nil && len(head) > len(at) && strings.HasPrefix(body, head) {
			p, at = place{init: i}, head
		}
	}
	for at != "" && at != body {
		next, _, _ := strings.Cut(body[len(at):], "\n")
		l, err := g.look(ctx, p)
		if err != nil || len(p.path) >= mostCalls {
			return place{}, false
		}
		if p, at, ok = g.onward(p, l, next, body); !ok {
			return place{}, false
		}
	}
	return p, at == body
}

// onward goes on by the call that makes the next line of a body: most calls are one line,
// and are known by it.
func (g *graph) onward(p place, l *look, line, body string) (place, string, bool) {
	likely := slices.Clone(l.calls)
	slices.SortStableFunc(likely, func(a, b option) int {
		return boolInt(g.search.CallText(b.code) == line) - boolInt(g.search.CallText(a.code) == line)
	})
	for _, c := range likely {
		q := p.by(c.code)
		if now, err := g.body(q); err == nil && strings.HasPrefix(body, now) {
			return q, now, true
		}
	}
	return p, "", false
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// breaks names what a call breaks, "" for one that breaks nothing.
func (g *graph) breaks(o explore.Outcome) string {
	if o.Kind != explore.Violated && o.Kind != explore.Crashed {
		return ""
	}
	return g.search.Breaks(explore.Finding{Kind: o.Kind, Rule: o.Rule}).String()
}
