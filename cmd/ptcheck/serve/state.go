package serve

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
)

// statePage is a state of a graph, and the call that led to it.
type statePage struct {
	frame
	Graph    string
	Crumbs   []link
	Verdict  string
	Bad      bool
	Note     string
	Way      *reports.Way
	Calls    []callRow
	Rules    []ruleRow // that were put to the test
	Others   []ruleRow
	Scenario string
}

// callRow is a call that can be made.
type callRow struct {
	Key           string // that makes it, "" for none
	Text, Address string
	What          string // what comes of it
	Bad, Idle     bool
}

// ruleRow is the verdict of a rule.
type ruleRow struct {
	ID, Says, What string
	Bad, Idle      bool
	rank           int
}

func (s *Server) state(w http.ResponseWriter, r *http.Request) error {
	g, err := s.asked(r)
	if err != nil {
		return err
	}
	p, err := g.parsePlace(r.PathValue("start"), r.PathValue("way"))
	if err != nil {
		return &problem{status: http.StatusNotFound, text: err.Error(), back: "graph/" + g.slug}
	}
	s.work.Lock()
	defer s.work.Unlock()
	l, err := g.look(r.Context(), p)
	if err != nil {
		return err
	}
	if n := l.astray; n >= 0 {
		return &problem{status: http.StatusNotFound, back: g.address(place{p.init, p.path[:n]}),
			text: fmt.Sprintf("call %d of this address, %q, is not possible where it stands", n+1, g.search.CallText(p.path[n]))}
	}
	page, err := s.statePage(g, p, l)
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "state", page)
}

func (s *Server) statePage(g *graph, p place, l *look) (*statePage, error) {
	x := &statePage{frame: s.frame(g.search.Title(), g), Graph: g.search.Title()}
	if up, ok := p.up(); ok {
		x.Nav = append(x.Nav, link{"u", "back", g.address(up)})
	}
	if first := s.runs.first(g); first != "" {
		x.Nav = append(x.Nav, link{"f", "finding", first})
	}
	x.Nav = append(x.Nav, link{"?", "help", "help"})
	if err := x.crumbs(g, p); err != nil {
		return nil, err
	}
	f, err := g.story(p)
	switch {
	case errors.Is(err, errNothing):
		x.Note = "The call comes to nothing here."
	case err != nil:
		return nil, err
	default:
		x.Way = reports.LastCall(f, "w")
	}
	x.verdict(g, l)
	x.calls(g, p, l)
	x.Rules = g.rules(l, f)
	if i := slices.IndexFunc(x.Rules, func(r ruleRow) bool { return r.Idle }); i >= 0 {
		x.Rules, x.Others = x.Rules[:i], x.Rules[i:]
	}
	x.Scenario, err = g.body(p)
	return x, err
}

// crumbs are the way here.
func (x *statePage) crumbs(g *graph, p place) error {
	name, err := g.startName(p.init)
	if err != nil {
		return err
	}
	x.Crumbs = []link{{"", name, g.address(place{init: p.init})}}
	for i, code := range p.path {
		x.Crumbs = append(x.Crumbs, link{"", g.search.CallText(code), g.address(place{p.init, p.path[:i+1]})})
	}
	x.Title = x.Crumbs[len(x.Crumbs)-1].Text + " - " + x.Title
	return nil
}

// verdict says what came of the last call.
func (x *statePage) verdict(g *graph, l *look) {
	switch l.outcome.Kind {
	case explore.Moved:
		x.Verdict = "no rule is broken"
		if l.same {
			x.Note = "The call changed nothing: this is the state that it was made in."
		}
	case explore.Skipped:
		x.Verdict = "no transition"
		x.Note = "The call was refused, or the kernel has stopped for want of memory: a search makes no state of this."
	default:
		x.Verdict, x.Bad = g.breaks(l.outcome), true
	}
}

// calls lists what can be done next.
func (x *statePage) calls(g *graph, p place, l *look) {
	for i, c := range l.calls {
		row := callRow{Text: g.search.CallText(c.code), Address: g.address(p.by(c.code))}
		if i < 9 {
			row.Key = fmt.Sprint(i + 1)
		}
		switch {
		case c.outcome.Kind == explore.Skipped:
			row.What, row.Idle = "refused or stopped", true
		case c.same:
			row.What, row.Idle = "changes nothing", true
		case c.outcome.Kind != explore.Moved:
			row.What, row.Bad = g.breaks(c.outcome), true
		}
		x.Calls = append(x.Calls, row)
	}
}

// rules are the verdicts of the rules at a place: what is broken first, then what the last
// call put to the test. f is the story of the way, nil if there is none.
func (g *graph) rules(l *look, f *reports.Finding) []ruleRow {
	before, counted := g.ruleCounts(l.before)
	after, _ := g.ruleCounts(l.after)
	broken, detail := -1, ""
	if l.outcome.Kind == explore.Violated {
		broken = int(l.outcome.Rule)
		if f != nil {
			detail = f.Detail
		}
	}
	wrong := l.outcome.Kind == explore.Violated || l.outcome.Kind == explore.Crashed
	var out []ruleRow
	for i := range g.search.Rules {
		r := &g.search.Rules[i]
		row := ruleRow{ID: r.ID, Says: r.Says}
		n, known := after[r.ID]
		now := n - before[r.ID]
		switch {
		case i == broken:
			row.What, row.Bad = "broken here", true
			if detail != "" {
				row.What += ": " + detail
			}
		case !counted:
			row.What, row.rank = "holds: judged in every state", 1
		case !known:
			row.What, row.rank = "cannot be put to the test by these calls", 4
		case now > 0:
			row.What, row.rank = fmt.Sprintf("holds: put to the test %s %s, %s on the way", times(now), l.where(), times(n)), 1
		case n > 0:
			row.What, row.rank = fmt.Sprintf("holds: put to the test %s on the way, not by this call", times(n)), 2
		default:
			row.What, row.rank = "not put to the test on this way", 3
		}
		if wrong && i != broken && row.rank <= 2 {
			row.What = "not found broken before it went wrong" + row.What[len("holds"):]
		}
		row.Idle = row.rank >= 3
		out = append(out, row)
	}
	slices.SortStableFunc(out, func(a, b ruleRow) int { return cmp.Compare(a.rank, b.rank) })
	return out
}

// where is what was judged last, in words.
func (l *look) where() string {
	if l.called {
		return "by this call"
	}
	return "at the start"
}

func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// ruleCounts is how often each rule was put to the test, by the counters of a model. ok is
// false if the search does not count it.
func (g *graph) ruleCounts(counters []uint64) (counts map[string]uint64, ok bool) {
	counts = map[string]uint64{}
	if len(counters) == 0 {
		return counts, false
	}
	for _, group := range g.search.Coverage(counters) {
		if group.Name != "rules" {
			continue
		}
		ok = true
		for _, c := range group.Counts {
			counts[c.Name] = c.N
		}
	}
	return counts, ok
}
