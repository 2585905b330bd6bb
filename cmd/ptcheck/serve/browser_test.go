package serve

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// browser is a headless Chromium that is told what to do through a pipe, in the words of
// its DevTools protocol.
type browser struct {
	t        *testing.T
	in       io.Writer
	messages chan message
	n        int
	session  string
	problems []string // errors of the console, of scripts and of the policy
}

// message is an answer or an event.
type message struct {
	ID     int
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Error  *struct{ Message string }
}

// newBrowser starts the browser; it ends with the test.
func newBrowser(t *testing.T, program string) *browser {
	t.Helper()
	toRead, toWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	fromRead, fromWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := os.MkdirTemp("", "ptcheck-browser")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
		"--user-data-dir="+profile, "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{toRead, fromWrite}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	toRead.Close()
	fromWrite.Close()
	b := &browser{t: t, in: toWrite, messages: make(chan message, 100)}
	t.Cleanup(func() {
		_, _ = io.WriteString(b.in, `{"id":0,"method":"Browser.close"}`+"\x00") // one that is gone has closed
		for range b.messages {
		}
		_ = cmd.Wait()
		_ = os.RemoveAll(profile) // its helpers may still be writing
	})
	go b.read(fromRead)
	var target struct{ TargetID string }
	b.do("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var session struct{ SessionID string }
	b.do("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.do(domain+".enable", map[string]any{}, nil)
	}
	return b
}

// read takes in what the browser says: JSON with a zero behind each message.
func (b *browser) read(from io.Reader) {
	defer close(b.messages)
	r := bufio.NewReader(from)
	for {
		line, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(line[:len(line)-1], &m) == nil {
			b.messages <- m
		}
	}
}

// do sends a command and waits for its result.
func (b *browser) do(method string, params map[string]any, result any) {
	b.t.Helper()
	b.n++
	m := map[string]any{"id": b.n, "method": method, "params": params}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	text, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(text, 0)); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	n := b.n
	got := b.await(func(m message) bool { return m.ID == n })
	if got.Error != nil {
		b.t.Fatalf("%s: %s", method, got.Error.Message)
	}
	if result != nil {
		if err := json.Unmarshal(got.Result, result); err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
	}
}

// await waits for a message and takes down what went wrong meanwhile.
func (b *browser) await(is func(message) bool) message {
	b.t.Helper()
	limit := time.After(2 * time.Minute)
	for {
		select {
		case m, ok := <-b.messages:
			switch {
			case !ok:
				b.t.Fatal("the browser has gone")
			case m.Method == "Runtime.exceptionThrown" || m.Method == "Log.entryAdded" || m.Method == "Runtime.consoleAPICalled":
				b.problems = append(b.problems, string(m.Params))
			}
			if is(m) {
				return m
			}
		case <-limit:
			b.t.Fatal("the browser does not answer")
		}
	}
}

// follow does something and waits until the page that it leads to has been loaded.
func (b *browser) follow(act func()) {
	b.t.Helper()
	var was string
	b.eval("document.readyState === 'complete' ? (window.old = true, location.href) : ''", &was)
	act()
	for range 400 {
		var loaded bool
		b.eval("!window.old && document.readyState === 'complete'", &loaded)
		if loaded {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	b.t.Fatalf("%s: no other page comes", was)
}

func (b *browser) open(address string) {
	b.t.Helper()
	b.follow(func() { b.do("Page.navigate", map[string]any{"url": address}, nil) })
}

// eval evaluates an expression in the page.
func (b *browser) eval(expression string, into any) {
	b.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.do("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%.80s: %s", expression, r.ExceptionDetails)
	}
	if into != nil {
		if err := json.Unmarshal(r.Result.Value, into); err != nil {
			b.t.Fatalf("%.80s: %v", expression, err)
		}
	}
}

// press presses a key, with its text if it writes one.
func (b *browser) press(key string) {
	b.t.Helper()
	down := map[string]any{"type": "keyDown", "key": key}
	switch {
	case len(key) == 1:
		down["text"] = key
	case key == "Enter":
		down["text"], down["windowsVirtualKeyCode"] = "\r", 13
	}
	b.do("Input.dispatchKeyEvent", down, nil)
	b.do("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key}, nil)
}

// show sets the width of the window and the colours that are preferred.
func (b *browser) show(width int, scheme string) {
	b.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": false}, nil)
	b.do("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// shoot leaves a picture of the page in the folder that SHOTS names.
func (b *browser) shoot(name string) {
	dir := os.Getenv("SHOTS")
	if dir == "" {
		return
	}
	var shot struct{ Data string }
	b.do("Page.captureScreenshot", map[string]any{"captureBeyondViewport": false}, &shot)
	data, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), data, 0o644)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// at wants the address of the page, below the token.
func (b *browser) at(s *Server, want string) {
	b.t.Helper()
	var got string
	b.eval("location.pathname + location.search", &got)
	if got, _ = strings.CutPrefix(got, s.Base()); got != want {
		b.t.Errorf("the page is %q, want %q", got, want)
	}
}

// inspect looks for what does not fit the window, poor contrast, and errors: with the
// functions that reports are inspected with.
func (b *browser) inspect(what, driver string) {
	b.t.Helper()
	var problems []string
	b.eval(driver+`
document.querySelectorAll("details").forEach(function (d) { d.open = true; });
check(document.documentElement.scrollWidth <= window.innerWidth, "the page is wider than the window: " + document.documentElement.scrollWidth);
contrast();
document.querySelectorAll(".stepper").forEach(function (root) {
  root.focus();
  stepThrough(root, "keys", function (go) {
    var key = { first: ["Home"], last: ["End"], next: ["ArrowRight"], prev: ["ArrowLeft"], nextcall: ["ArrowRight", true], prevcall: ["ArrowLeft", true] }[go];
    root.dispatchEvent(new KeyboardEvent("keydown", { key: key[0], shiftKey: !!key[1], bubbles: true, cancelable: true }));
  });
});
check(document.querySelectorAll("a, button, input").length > 0, "there is nothing to follow");
document.querySelectorAll("button, input:not([type=hidden])").forEach(function (x) {
  check(x.textContent.trim() || x.getAttribute("aria-label") || x.labels && x.labels.length, "something has no name: " + x.outerHTML);
});
window.problems`, &problems)
	for _, p := range append(problems, b.problems...) {
		b.t.Errorf("%s: %s", what, p)
	}
	b.problems = nil
}

// TestInABrowser walks the pages by keys in a real browser, at two widths, light and dark.
// The script .ci/serve runs it: PTCHECK_BROWSER names the program.
func TestInABrowser(t *testing.T) {
	program := os.Getenv("PTCHECK_BROWSER")
	if program == "" {
		t.Skip("PTCHECK_BROWSER names no browser")
	}
	driver, err := os.ReadFile("../../../.ci/html-driver.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, width := range []int{400, 1280} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(fmt.Sprintf("%d-%s", width, scheme), func(t *testing.T) {
				s := newServer(t, corpusFile(t, "B03-xen.pt"))
				l, err := Listen("127.0.0.1", 0)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- s.Serve(ctx, l) }()
				b := newBrowser(t, program)
				b.show(width, scheme)
				b.walk(s, "http://"+l.Addr().String()+s.Base(), string(driver), t.Name()[len("TestInABrowser/"):])
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// walk goes through the pages by keys.
func (b *browser) walk(s *Server, base, driver, name string) {
	look := func(page string) {
		b.t.Helper()
		b.shoot(page + "-" + name)
		b.inspect(page, driver)
	}
	key := func(k, want string) {
		b.t.Helper()
		b.follow(func() { b.press(k) })
		b.at(s, want)
	}
	b.open(base)
	look("home")
	key("e", "file")
	look("file")
	key("n", "file?at=1")
	key("ArrowRight", "file?at=2.1")
	key("ArrowLeft", "file?at=1")
	b.press("c")
	for _, k := range "until f1" {
		b.press(string(k))
	}
	key("Enter", "file?at=2.5")
	look("until")
	key("g", "graph/xen/7/100000000.200000000")
	look("finding")
	key("u", "graph/xen/7/100000000")
	look("state")
	key("1", "graph/xen/7/100000000.200000000")
	b.follow(func() { b.do("Page.navigate", map[string]any{"url": base + "graph/xen/7/100000000"}, nil) })
	b.press("j")
	b.press("j")
	b.press("k")
	key("Enter", "graph/xen/7/100000000.200000000")
	key("s", "graph/xen")
	look("starts")
	key("r", "run/xen")
	b.eval(`document.querySelector("[name=depth]").value = "3"`, nil)
	key("g", "run/xen")
	b.finished(s)
	b.open(base + "run/xen")
	look("run")
	key("f", s.runs.first(s.graphs[0]))
	key("/", "find/xen")
	b.press("/")
	for _, k := range "f1 is pinned" {
		b.press(string(k))
	}
	key("Enter", "find/xen?q=f1+is+pinned")
	look("find")
	b.open(base + "find/xen?q=f1+is+pined")
	b.problems = nil // the status of a page that refuses is no error of a page
	look("refused")
	b.open(base + "help")
	look("help")
	key("h", "")
}

// finished waits for the search.
func (b *browser) finished(s *Server) {
	await(b.t, s, s.graphs[0])
}
