package serve

import (
	"context"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/recorded"
)

func allSystems(t *testing.T) *systems.Set {
	t.Helper()
	set, err := systems.NewSet(mutants.Bugs, all.Systems()...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// searchesOf are the searches of a system with a change planted.
func searchesOf(t *testing.T, system string, c systems.Change) []*systems.Search {
	t.Helper()
	x, err := allSystems(t).Find(system)
	if err != nil {
		t.Fatal(err)
	}
	list, err := x.Searches(systems.Values{}, c)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// corpusFile is a finding of the corpus, with the searches that know its bug.
func corpusFile(t *testing.T, name string) Config {
	t.Helper()
	set := allSystems(t)
	src, err := os.ReadFile(filepath.Join("../../../fuzz/corpus", name))
	if err != nil {
		t.Fatal(err)
	}
	f, err := set.Parse(name, src)
	if err != nil {
		t.Fatal(err)
	}
	x, err := set.Find(f.System())
	if err != nil {
		t.Fatal(err)
	}
	c, err := set.Bug(f.Mutant, x)
	if err != nil {
		t.Fatal(err)
	}
	return Config{File: f, Searches: searchesOf(t, f.System(), c)}
}

// newServer makes a server with usual bounds.
func newServer(t *testing.T, c Config) *Server {
	t.Helper()
	if c.Keep == 0 {
		c.Keep = 20_000
	}
	c.Memory = 256 << 20
	s, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Wait)
	return s
}

// ask sends a request below the token.
func ask(s *Server, method, path string) *httptest.ResponseRecorder {
	return send(s, httptest.NewRequest(method, "http://127.0.0.1:1"+s.Base()+path, nil))
}

func send(s *Server, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// get returns a page that must be there.
func get(t *testing.T, s *Server, path string) string {
	t.Helper()
	w := ask(s, "GET", path)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d\n%s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

// TestAdmission lets nobody in who does not know the token, or asks for another host.
func TestAdmission(t *testing.T) {
	s := newServer(t, Config{Searches: searchesOf(t, "native", systems.Change{})})
	other := newServer(t, Config{})
	for _, x := range []struct {
		host, path string
		want       int
	}{
		{"127.0.0.1:80", s.Base(), 200},
		{"localhost:80", s.Base(), 200},
		{"[::1]:80", s.Base(), 200},
		{"127.0.0.1", s.Base() + "graph/native", 200},
		{"evil.example:80", s.Base(), 403},
		{"127.0.0.1.evil.example", s.Base(), 403},
		{"10.0.0.1:80", s.Base(), 403},
		{"", s.Base(), 403},
		{"127.0.0.1:80", "/", 403},
		{"127.0.0.1:80", other.Base(), 403},
		{"127.0.0.1:80", "/graph/native", 403},
		{"127.0.0.1:80", s.Base()[:len(s.Base())-2] + "/", 403},
	} {
		r := httptest.NewRequest("GET", x.path, nil)
		r.Host = x.host
		w := send(s, r)
		if w.Code != x.want {
			t.Errorf("host %q, %s: %d, want %d", x.host, x.path, w.Code, x.want)
		}
		if x.want != 200 && strings.Contains(w.Body.String(), s.token) {
			t.Errorf("host %q, %s: the answer tells the token", x.host, x.path)
		}
		for _, h := range []string{"Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options", "Cache-Control"} {
			if w.Header().Get(h) == "" {
				t.Errorf("%s: no %s", x.path, h)
			}
		}
	}
	r := httptest.NewRequest("POST", "http://127.0.0.1:1"+s.Base()+"run/native/start", strings.NewReader("depth=1"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if w := send(s, r); w.Code != http.StatusForbidden {
		t.Errorf("a form of another site: %d", w.Code)
	}
}

// TestBadPaths answers what is no page by one that says so.
func TestBadPaths(t *testing.T) {
	s := newServer(t, corpusFile(t, "B03-xen.pt"))
	for path, want := range map[string]struct {
		code int
		text string
	}{
		"nowhere":                 {404, "there is no page"},
		"graph/none":              {404, "no graph is named"},
		"graph/xen/99":            {404, "no start of xen"},
		"graph/xen/-1":            {404, "no start of xen"},
		"graph/xen/01":            {404, "no start of xen"},
		"graph/xen/0/zz":          {404, "is no call"},
		"graph/xen/0/0100000000":  {404, "is no call"},
		"graph/xen/0/200000000":   {404, "call 1 of this address"},
		"graph/xen/0/100000000.1": {404, "call 2 of this address"},
		"graph/xen/0/100000000/1": {404, "there is no page"},
		"graph/xen/0/" + strings.Repeat("1.", 600) + "1": {404, "at most"},
		"find/none?q=x":                  {404, "no graph is named"},
		"find/xen?q=f1":                  {400, "want &#34;is&#34;"},
		"find/xen?q=f1+is+table&from=-1": {400, "none is number"},
		"run/none":                       {404, "no graph is named"},
		"file?at=99":                     {404, "there is no call 99"},
		"file?at=x":                      {404, "is not a place"},
		"file?at=1&do=watch+f1":          {400, "every page stands for itself"},
		"file?at=1&do=nonsense":          {400, "no command is named"},
		"go?address=nonsense":            {400, "is no address"},
		"go?address=":                    {400, "is no address"},
	} {
		w := ask(s, "GET", path)
		if w.Code != want.code || !strings.Contains(w.Body.String(), want.text) || !strings.Contains(w.Body.String(), "<title>") {
			t.Errorf("%.60s: %d, want %d and %q\n%s", path, w.Code, want.code, want.text, w.Body)
		}
	}
	for _, path := range []string{"run/xen/start", "run/none/stop"} {
		if w := ask(s, "POST", path); w.Code < 400 || w.Code >= 500 {
			t.Errorf("POST %s: %d", path, w.Code)
		}
	}
	if w := ask(s, "POST", "graph/xen"); w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST to a page: %d", w.Code)
	}
}

func links(page string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if l := html.UnescapeString(m[1]); !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	return out
}

// TestEveryLink follows the links of the first pages: each leads to a page, none to
// anywhere else.
func TestEveryLink(t *testing.T) {
	s := newServer(t, corpusFile(t, "B03-xen.pt"))
	const most = 70
	seen, waiting := map[string]bool{"": true}, []string{""}
	states := 0
	for i := 0; i < len(waiting) && i < most; i++ {
		w := ask(s, "GET", waiting[i])
		if w.Code != http.StatusOK && !strings.HasSuffix(waiting[i], "go") {
			t.Errorf("%s: %d\n%s", waiting[i], w.Code, w.Body)
			continue
		}
		if strings.Contains(w.Body.String(), "ZgotmplZ") {
			t.Errorf("%s: the template refused something", waiting[i])
		}
		if strings.HasPrefix(waiting[i], "graph/xen/") {
			states++
		}
		for _, l := range links(w.Body.String()) {
			to, own := strings.CutPrefix(l, s.Base())
			switch {
			case strings.HasPrefix(l, "#") || l == "data:," || strings.HasSuffix(l, "/start") || strings.HasSuffix(l, "/stop"):
			case !own:
				t.Errorf("%s: %q leads elsewhere", waiting[i], l)
			case !seen[to]:
				seen[to] = true
				waiting = append(waiting, to)
			}
		}
	}
	if states < 20 {
		t.Errorf("only %d states were looked at", states)
	}
}

// TestSameBytes asks two servers for the same pages: only the tokens differ.
func TestSameBytes(t *testing.T) {
	a, b := newServer(t, corpusFile(t, "B03-xen.pt")), newServer(t, corpusFile(t, "B03-xen.pt"))
	paths := []string{"", "help", "graph/xen", "graph/xen/7", "graph/xen/7/100000000", "graph/xen/7/100000000.200000000", "file", "file?at=2.3", "run/xen"}
	slices.Reverse(paths[2:5]) // what is looked at before changes nothing
	for _, p := range paths {
		get(t, a, p)
	}
	slices.Reverse(paths)
	for _, p := range paths[:8] {
		x, y := strings.ReplaceAll(get(t, a, p), a.token, ""), strings.ReplaceAll(get(t, b, p), b.token, "")
		if x != y && p != "run/xen" {
			t.Errorf("%s differs", p)
		}
	}
}

// TestScenarioLeadsToItsState finds the finding of the corpus in the graph, with what is
// broken, and the same by an address of an earlier run.
func TestScenarioLeadsToItsState(t *testing.T) {
	for _, name := range []string{"B03-xen.pt", "L15.pt", "audit-accessed.pt"} {
		c := corpusFile(t, name)
		s := newServer(t, c)
		if s.file.graph == nil {
			t.Errorf("%s is no way in a graph", name)
			continue
		}
		at := s.file.graph.address(s.file.end)
		page := get(t, s, at)
		if want := c.File.Expect.Anywhere().String(); !strings.Contains(page, ">"+want+"</h2>") || !strings.Contains(page, "broken here") {
			t.Errorf("%s: the page does not say %q", name, want)
		}
		w := ask(s, "GET", "go?"+url.Values{"address": {"http://127.0.0.1:99/OLDTOKEN/" + at}}.Encode())
		if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != s.Base()+at {
			t.Errorf("%s: an old address leads to %d %s", name, w.Code, got)
		}
	}
}

// TestCallsSayWhatComes follows each call of some states and wants its page to say what
// the list has said; and each rule of the search has its verdict.
func TestCallsSayWhatComes(t *testing.T) {
	for _, x := range []struct{ system, at string }{{"native", "graph/native/0/100000000"}, {"adversary", "graph/adversary/0"}, {"hyper", "graph/hyper-linear/0"}} {
		s := newServer(t, Config{Searches: searchesOf(t, x.system, systems.Change{})})
		page := get(t, s, x.at)
		g := s.graphs[0]
		for i := range g.search.Rules {
			if !strings.Contains(page, "<code>"+g.search.Rules[i].ID+"</code>") {
				t.Errorf("%s: no verdict of %s", x.at, g.search.Rules[i].ID)
			}
		}
		calls := regexp.MustCompile(`<a href="`+s.Base()+`([^"]*)" data-choice[^>]*>[^<]*</a>(?: <span class="what[^>]*>([^<]*))?`).FindAllStringSubmatch(page, -1)
		if len(calls) == 0 {
			t.Errorf("%s: no calls", x.at)
		}
		for _, c := range calls[:min(len(calls), 40)] {
			to, want := get(t, s, c[1]), "no rule is broken"
			if c[2] == "refused or stopped" {
				want = "no transition"
			}
			if c[2] == "changes nothing" && !strings.Contains(to, "changed nothing") || !strings.Contains(to, want) {
				t.Errorf("%s: %q is not what the page says", c[1], c[2])
			}
		}
	}
}

// await waits for the search of a graph.
func await(t *testing.T, s *Server, g *graph) status {
	t.Helper()
	for range 600 {
		if last, _ := s.runs.of(g); last != nil {
			if st := last.status(); !st.Going {
				return st
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the search does not end")
	return status{}
}

// post sends a form.
func post(s *Server, path, form string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "http://127.0.0.1:1"+s.Base()+path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return send(s, r)
}

// TestRun searches in the background, and asks for states then: the ways that are given
// lead to them.
func TestRun(t *testing.T) {
	s := newServer(t, corpusFile(t, "B03-xen.pt"))
	g := s.graphs[0]
	if w := post(s, "run/xen/start", "depth=3"); w.Code != http.StatusSeeOther {
		t.Fatal(w.Code, w.Body)
	}
	st := await(t, s, g)
	if st.Error != "" || len(st.Findings) == 0 || st.Result.States < 100 {
		t.Fatalf("%+v", st)
	}
	page := get(t, s, "run/xen")
	if !strings.Contains(page, "violated present-not-reallocated") || !strings.Contains(page, st.Findings[0].Address) {
		t.Errorf("the page does not tell the finding:\n%s", page)
	}
	if !strings.Contains(get(t, s, "graph/xen/0"), `href="`+s.Base()+st.Findings[0].Address+`" data-key="f"`) {
		t.Error("no way from a state to the finding")
	}
	get(t, s, st.Findings[0].Address)
	list, full := g.seen.all()
	if full || len(list) < int(st.Result.States) {
		t.Errorf("%d states are kept of %d", len(list), st.Result.States)
	}
	for i := 0; i < len(list); i += len(list)/40 + 1 {
		l, err := g.look(t.Context(), placeOf(list, i))
		if err != nil || l.astray >= 0 || l.states[len(l.states)-1] != list[i].packed {
			t.Errorf("state %d: its way leads elsewhere: %v", i, err)
		}
	}
	found := get(t, s, "find/xen?q=some+frame+is+a+pinned+table+and+not+writable")
	if n := strings.Count(found, "data-choice"); n == 0 || n > mostFound {
		t.Errorf("%d states found", n)
	}
	more := regexp.MustCompile(`href="` + s.Base() + `(find/[^"]*from=[^"]*)"`).FindStringSubmatch(found)
	if more == nil {
		t.Fatal("there is no more")
	}
	get(t, s, html.UnescapeString(more[1]))
}

// TestStop ends a search that would go on, and wants no second one beside it.
func TestStop(t *testing.T) {
	s := newServer(t, Config{Searches: searchesOf(t, "adversary", systems.Change{}), Keep: 500})
	g := s.graphs[0]
	if w := post(s, "run/adversary/start", "depth=0"); w.Code != http.StatusSeeOther {
		t.Fatal(w.Code)
	}
	if w := post(s, "run/adversary/start", "depth=0"); w.Code != http.StatusConflict {
		t.Errorf("a second search: %d", w.Code)
	}
	for list, full := g.seen.all(); !full; list, full = g.seen.all() {
		if len(list) > 500 {
			t.Fatal("too many states are kept")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if page := get(t, s, "run/adversary"); !strings.Contains(page, "Under way") || !strings.Contains(page, "no room for more") || !strings.Contains(page, `http-equiv="refresh"`) {
		t.Errorf("the page does not show a search under way:\n%s", page)
	}
	get(t, s, "graph/adversary/0") // pages are there meanwhile
	if w := post(s, "run/adversary/stop", ""); w.Code != http.StatusSeeOther {
		t.Fatal(w.Code)
	}
	if st := await(t, s, g); st.Result.Stopped.String() != "interrupt" || !strings.Contains(st.Headline, "stopped") {
		t.Errorf("%+v", st)
	}
	if list, _ := g.seen.all(); len(list) != 500 {
		t.Errorf("%d states are kept", len(list))
	}
}

// TestFile steps through a recording, which is part of no graph.
func TestFile(t *testing.T) {
	const name = "../../../testdata/recordings/686.rec.gz"
	f, err := recorded.Open(name, func() (io.ReadCloser, error) { return os.Open(name) })
	if err != nil {
		t.Fatal(err)
	}
	s := newServer(t, Config{File: f})
	page := get(t, s, "file")
	if !strings.Contains(page, "At 0") || !strings.Contains(page, `data-key="n"`) {
		t.Errorf("%s", page)
	}
	next := regexp.MustCompile(`href="` + s.Base() + `(file\?at=[^"]*)" data-key="n"`).FindStringSubmatch(page)
	if next == nil {
		t.Fatal("no next call")
	}
	here := get(t, s, next[1])
	w := ask(s, "GET", next[1]+"&do=until+0xc0000000")
	to, ok := strings.CutPrefix(w.Header().Get("Location"), s.Base())
	if w.Code != http.StatusSeeOther || !ok || to == next[1] {
		t.Fatalf("until: %d %s", w.Code, to)
	}
	if who := get(t, s, to+"&do=who+0xc0000000"); !strings.Contains(who, `<pre class="said">L2 `) {
		t.Errorf("who says nothing:\n%s", who)
	}
	if strings.ReplaceAll(get(t, s, next[1]), s.token, "") != strings.ReplaceAll(here, s.token, "") {
		t.Error("the page depends on what was asked before")
	}
}

// TestTrouble tells of code that ends its goroutine, and goes on.
func TestTrouble(t *testing.T) {
	s := newServer(t, Config{Searches: searchesOf(t, "native", exits())})
	w := ask(s, "GET", "graph/native/0/100000000")
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "goroutine") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	get(t, s, "graph/native")
}

// TestListen refuses what others could reach, and a port that is taken.
func TestListen(t *testing.T) {
	for _, host := range []string{"0.0.0.0", "::", "192.0.2.1", "example.org", ""} {
		if l, err := Listen(host, 0); err == nil {
			l.Close()
			t.Errorf("%q is listened to", host)
		}
	}
	l, err := Listen("127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := strings.Cut(l.Addr().String(), ":")
	n, _ := strconv.Atoi(port)
	if _, err := Listen("127.0.0.1", n); err == nil || err.Error() != "port "+port+" is taken: name another one, or 0 for any that is free" {
		t.Errorf("%v", err)
	}
	if _, err := Listen("127.0.0.1", 70000); err == nil {
		t.Error("port 70000 is listened to")
	}
}

// TestServeEnds answers over the network until its context ends, with a search under way.
func TestServeEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := New(ctx, Config{Searches: searchesOf(t, "adversary", systems.Change{}), Keep: 100, Memory: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen("127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	base := "http://" + l.Addr().String() + s.Base()
	r, err := http.PostForm(base+"run/adversary/start", url.Values{"depth": {"0"}})
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", r, err)
	}
	r.Body.Close()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the server does not end")
	}
	if _, err := http.Get(base); err == nil {
		t.Error("it still answers")
	}
}
