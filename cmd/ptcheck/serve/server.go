package serve

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// Config is what is shown.
type Config struct {
	// Searches are those whose graphs can be walked.
	Searches []*systems.Search
	// File is a scenario or a recording to step through; nil: none.
	File *systems.File
	// Keep bounds the states that are kept for queries, of all graphs together.
	Keep int
	// Memory bounds what a search keeps, in bytes.
	Memory uint64
	// Command is the command line that shows the same again.
	Command string
}

// Server answers the pages. Make one with [New].
type Server struct {
	config Config
	token  string
	graphs []*graph
	file   *file // nil: none
	runs   *runs
	pages  *template.Template
	css    string
	script string // of the report's page

	ctx  context.Context // that searches end with
	work sync.Mutex      // scenarios of one system share a world
}

//go:embed page/pages.html
var pagesHTML string

//go:embed page/serve.css
var pagesCSS string

//go:embed page/keys.js
var keysJS string

// New makes a server with a token of its own. Its searches end with ctx.
func New(ctx context.Context, c Config) (*Server, error) {
	parts, err := reports.PageParts()
	if err != nil {
		return nil, err
	}
	s := &Server{config: c, token: rand.Text(), runs: newRuns(c.Memory), css: parts.CSS + pagesCSS, script: parts.JS, ctx: ctx}
	if s.pages, err = parts.Templates.Parse(pagesHTML); err != nil {
		return nil, fmt.Errorf("serve: pages: %w", err)
	}
	left := newRoom(c.Keep)
	for _, search := range c.Searches {
		g := newGraph(search, left)
		if s.graph(g.slug) != nil {
			return nil, fmt.Errorf("serve: two graphs are named %s", g.slug)
		}
		s.graphs = append(s.graphs, g)
	}
	if c.File != nil {
		if s.file, err = newFile(c.File); err != nil {
			return nil, err
		}
		s.locate(c.File)
	}
	return s, nil
}

// locate looks for the scenario in the graphs.
func (s *Server) locate(f *systems.File) {
	body := string(f.Scenario.Body())
	for _, g := range s.graphs {
		if p, ok := g.find(s.ctx, body); ok {
			s.file.graph, s.file.end = g, p
			return
		}
	}
}

// graph returns a graph by its name in addresses, nil if there is none.
func (s *Server) graph(slug string) *graph {
	for _, g := range s.graphs {
		if g.slug == slug {
			return g
		}
	}
	return nil
}

// Base is the path of the first page.
func (s *Server) Base() string { return "/" + s.token + "/" }

// Wait ends the search that is under way and waits for it.
func (s *Server) Wait() {
	s.runs.stop()
	s.runs.wait.Wait()
}

// Handler answers requests that are sent to an address of the loopback interface by name
// or number, with the token.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, page := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /{$}":                        s.home,
		"GET /go":                         s.goTo,
		"GET /help":                       s.help,
		"GET /file":                       s.filePage,
		"GET /graph/{slug}":               s.starts,
		"GET /graph/{slug}/{start}":       s.state,
		"GET /graph/{slug}/{start}/{way}": s.state,
		"GET /find/{slug}":                s.find,
		"GET /run/{slug}":                 s.run,
		"POST /run/{slug}/start":          s.startRun,
		"POST /run/{slug}/stop":           s.stopRun,
		"/":                               func(http.ResponseWriter, *http.Request) error { return errNoPage },
	} {
		mux.HandleFunc(pattern, s.guarded(page))
	}
	mux.HandleFunc("GET /style.css", text("text/css", s.css))
	mux.HandleFunc("GET /steps.js", text("text/javascript", s.script))
	mux.HandleFunc("GET /keys.js", text("text/javascript", keysJS))
	return s.admit(http.NewCrossOriginProtection().Handler(http.StripPrefix("/"+s.token, mux)))
}

// text answers a text that never changes.
func text(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind+"; charset=utf-8")
		_, _ = w.Write([]byte(body)) // a browser that is gone needs none
	}
}

// admit lets requests in that may come from the person at this machine: they are sent to
// the loopback interface and know the token. Another site that has this machine's browser
// ask under a name of its own does not get so far.
func (s *Server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !loopbackHost(r.Host) {
			http.Error(w, "this server answers on the loopback interface alone", http.StatusForbidden)
			return
		}
		token, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if subtle.ConstantTimeCompare([]byte(token), []byte(s.token)) != 1 {
			http.Error(w, "this address belongs to no page of this run: open the one that ptcheck has printed; old addresses can be entered there", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopbackHost reports whether a request names the loopback interface as its host.
func loopbackHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// problem is what goes wrong with a request, as a page tells it.
type problem struct {
	status int
	text   string
	back   string // the address of a page that may help, "" for the first one
}

// Error implements error.
func (p *problem) Error() string { return p.text }

var errNoPage = &problem{status: http.StatusNotFound, text: "there is no page at this address"}

// guarded has what goes wrong with a page told by a page.
func (s *Server) guarded(page func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := page(w, r)
		var p *problem
		var trouble systems.Trouble
		switch {
		case err == nil:
			return
		case errors.As(err, &p):
		case errors.As(err, &trouble):
			p = &problem{status: http.StatusInternalServerError, text: systems.Story(trouble)}
		default:
			p = &problem{status: http.StatusInternalServerError, text: err.Error()}
		}
		x := errorPage{frame: s.frame("error", nil), Text: p.text, Back: p.back}
		if err := s.render(w, p.status, "error", x); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
}

// render writes a page. Nothing is written if it cannot be made.
func (s *Server) render(w http.ResponseWriter, status int, name string, data any) error {
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, name, data); err != nil {
		return fmt.Errorf("serve: page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a browser that is gone needs none
	return nil
}
