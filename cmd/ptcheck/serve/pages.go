package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// frame is what all pages have.
type frame struct {
	Title, Base string
	Refresh     bool // the page changes by itself
	Nav         []link
}

// link is a link that a key follows.
type link struct{ Key, Text, Address string }

// frame makes the frame of a page; g is the graph that it is about, nil if there is none.
func (s *Server) frame(title string, g *graph) frame {
	f := frame{Title: title + " - ptcheck", Base: s.Base(), Nav: []link{{"h", "home", ""}}}
	if s.file != nil {
		f.Nav = append(f.Nav, link{"e", "file", "file"})
	}
	if g != nil {
		f.Nav = append(f.Nav, link{"s", "starts", "graph/" + g.slug}, link{"/", "find", "find/" + g.slug}, link{"r", "run", "run/" + g.slug})
	}
	return f
}

// errorPage tells what is wrong.
type errorPage struct {
	frame
	Text, Back string
}

// homePage lists what there is.
type homePage struct {
	frame
	Command string
	Graphs  []graphRow
	File    string
}

// graphRow is a graph in a list.
type graphRow struct {
	Title, Scope, Address string
	Starts                int
}

func (s *Server) home(w http.ResponseWriter, _ *http.Request) error {
	p := homePage{frame: s.frame("state graphs", nil), Command: s.config.Command}
	if s.file != nil {
		p.File = s.file.name
	}
	for _, g := range s.graphs {
		p.Graphs = append(p.Graphs, graphRow{g.search.Title(), g.search.Scope, "graph/" + g.slug, g.inits})
	}
	p.Nav = append(p.Nav, link{"?", "help", "help"})
	return s.render(w, http.StatusOK, "home", p)
}

// goTo leads to an address of this run or of an earlier one.
func (s *Server) goTo(w http.ResponseWriter, r *http.Request) error {
	to, ok := tail(r.FormValue("address"))
	if !ok {
		return &problem{status: http.StatusBadRequest, text: fmt.Sprintf("%q is no address of a state", r.FormValue("address"))}
	}
	http.Redirect(w, r, s.Base()+to, http.StatusSeeOther)
	return nil
}

// helpPage tells the keys and the language of queries.
type helpPage struct {
	frame
	Keys            [][2]string
	Frames, Entries []word
}

func (s *Server) help(w http.ResponseWriter, _ *http.Request) error {
	p := helpPage{frame: s.frame("help", nil), Frames: frameWords(), Entries: entryWords(), Keys: [][2]string{
		{"j, k", "to the next or previous call, start or result; Enter follows it"},
		{"1 to 9", "make that call"},
		{"u", "back to the state before the last call"},
		{"left, right", "a step back or on inside the last call; Home and End: its ends"},
		{"f", "to the first finding of the search"},
		{"/", "find states"},
		{"r", "the search in the background"},
		{"s", "the starts of the graph"},
		{"e", "the scenario or recording"},
		{"c", "a command about the scenario or recording"},
		{"n, p", "there, to the next and previous call"},
		{"h", "the first page"},
		{"?", "this page"},
	}}
	return s.render(w, http.StatusOK, "help", p)
}

// asked is the graph that a request is about.
func (s *Server) asked(r *http.Request) (*graph, error) {
	if g := s.graph(r.PathValue("slug")); g != nil {
		return g, nil
	}
	return nil, &problem{status: http.StatusNotFound, text: fmt.Sprintf("no graph is named %q here", r.PathValue("slug"))}
}

// startsPage lists the starts of a graph.
type startsPage struct {
	frame
	Graph  graphRow
	Starts []link
}

func (s *Server) starts(w http.ResponseWriter, r *http.Request) error {
	g, err := s.asked(r)
	if err != nil {
		return err
	}
	s.work.Lock()
	defer s.work.Unlock()
	p := startsPage{frame: s.frame(g.search.Title(), g), Graph: graphRow{Title: g.search.Title(), Scope: g.search.Scope}}
	for i := range g.inits {
		name, err := g.startName(i)
		if err != nil {
			return err
		}
		p.Starts = append(p.Starts, link{"", name, g.address(place{init: i})})
	}
	return s.render(w, http.StatusOK, "starts", p)
}

// findPage asks the states seen so far.
type findPage struct {
	frame
	Graph       graphRow
	Query       string
	Error       string
	Known       int
	Full        bool
	Asked       bool
	Found       []foundRow
	Looked      int
	More        string // the address that goes on; "" if all has been looked at
	Words       []word
	RunsAddress string
}

// foundRow is a state that a query found.
type foundRow struct {
	Text, Address string
	Calls, Start  int
}

// Bounds of an answer to a query.
const (
	mostFound   = 50
	longestFind = 4 * time.Second
)

func (s *Server) find(w http.ResponseWriter, r *http.Request) error {
	g, err := s.asked(r)
	if err != nil {
		return err
	}
	p := findPage{
		frame: s.frame("find states of "+g.search.Title(), g), Graph: graphRow{Title: g.search.Title(), Address: "graph/" + g.slug},
		Query: r.FormValue("q"), RunsAddress: "run/" + g.slug, Words: frameWords(),
	}
	list, full := g.seen.all()
	p.Known, p.Full = len(list), full
	status := http.StatusOK
	if p.Query != "" {
		from, _ := strconv.Atoi(r.FormValue("from"))
		switch q, err := parseQuery(p.Query); {
		case err != nil:
			p.Error, status = err.Error(), http.StatusBadRequest
		case from < 0 || from > len(list):
			p.Error, status = fmt.Sprintf("there are %d states, none is number %d", len(list), from), http.StatusBadRequest
		default:
			p.answer(r.Context(), g, q, list, from)
		}
	}
	return s.render(w, status, "find", p)
}

// answer looks for states from a number on, for a while.
func (p *findPage) answer(ctx context.Context, g *graph, q query, list []known, from int) {
	ctx, stop := context.WithTimeout(ctx, longestFind)
	defer stop()
	m := g.search.Model()
	p.Asked = true
	at := from
	for ; at < len(list) && len(p.Found) < mostFound && ctx.Err() == nil; at++ {
		m.Decode([]byte(list[at].packed))
		state := g.search.View(m)
		if !q(newSeenState(&state)) {
			continue
		}
		where := placeOf(list, at)
		text := "a start"
		if n := len(where.path); n > 0 {
			text = g.search.CallText(where.path[n-1])
		}
		p.Found = append(p.Found, foundRow{text, g.address(where), len(where.path), where.init})
	}
	if p.Looked = at; at < len(list) {
		p.More = "find/" + g.slug + "?" + url.Values{"q": {p.Query}, "from": {strconv.Itoa(at)}}.Encode()
	}
}

// runPage is about the search in the background.
type runPage struct {
	frame
	Graph graphRow
	Slug  string
	Depth int
	Known int
	Full  bool
	Run   *status
	Other string // the graph whose search is under way, if it is another one
}

func (s *Server) run(w http.ResponseWriter, r *http.Request) error {
	g, err := s.asked(r)
	if err != nil {
		return err
	}
	p := runPage{frame: s.frame("search of "+g.search.Title(), g), Slug: g.slug, Depth: g.deepest(),
		Graph: graphRow{Title: g.search.Title(), Scope: g.search.Scope, Address: "graph/" + g.slug}}
	last, now := s.runs.of(g)
	if last != nil {
		st := last.status()
		p.Run, p.Refresh = &st, st.Going
		if len(st.Findings) > 0 {
			p.Nav = append(p.Nav, link{"f", "finding", st.Findings[0].Address})
		}
	}
	if now != nil && now.graph != g {
		p.Other = now.graph.slug
	}
	list, full := g.seen.all()
	p.Known, p.Full = len(list), full
	return s.render(w, http.StatusOK, "run", p)
}

func (s *Server) startRun(w http.ResponseWriter, r *http.Request) error {
	g, err := s.asked(r)
	if err != nil {
		return err
	}
	depth, err := strconv.Atoi(r.PostFormValue("depth"))
	if err != nil || depth < 0 || depth > mostCalls {
		return &problem{status: http.StatusBadRequest, text: fmt.Sprintf("depth %q: want 0 to %d", r.PostFormValue("depth"), mostCalls), back: "run/" + g.slug}
	}
	if err := s.runs.start(s.ctx, g, depth); errors.Is(err, errBusy) {
		return &problem{status: http.StatusConflict, text: err.Error(), back: "run/" + g.slug}
	} else if err != nil {
		return err
	}
	http.Redirect(w, r, s.Base()+"run/"+g.slug, http.StatusSeeOther)
	return nil
}

func (s *Server) stopRun(w http.ResponseWriter, r *http.Request) error {
	g, err := s.asked(r)
	if err != nil {
		return err
	}
	s.runs.stop()
	http.Redirect(w, r, s.Base()+"run/"+g.slug, http.StatusSeeOther)
	return nil
}

// fileView is a page about a file.
type fileView struct {
	frame
	view
}

func (s *Server) filePage(w http.ResponseWriter, r *http.Request) error {
	if s.file == nil {
		return errNoPage
	}
	at := r.FormValue("at")
	if at == "" {
		at = "0"
	}
	v, moved, err := s.file.at(at, r.FormValue("do"))
	if err != nil {
		return &problem{status: http.StatusNotFound, text: err.Error(), back: "file"}
	}
	if moved {
		http.Redirect(w, r, s.Base()+"file?"+url.Values{"at": {v.Place}}.Encode(), http.StatusSeeOther)
		return nil
	}
	if g := s.file.graph; g != nil {
		v.Graph = g.address(s.file.end)
	}
	p := fileView{s.frame(v.Name, s.file.graph), v}
	p.Nav = append(p.Nav, link{"?", "help", "help"})
	status := http.StatusOK
	if v.Error != "" {
		status = http.StatusBadRequest
	}
	return s.render(w, status, "file", p)
}
