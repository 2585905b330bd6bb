package check_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/reports"
)

// guide is docs/your-backend.md, which leads through a module of one's own.
type guide struct {
	text  string
	files map[string]string // by name; those that are shown after a line "`NAME`...:"
	dir   string            // where the module is
}

// newGuide reads the guide and makes its module beside this checkout, as its reader
// does. Nothing is fetched: what this module needs is there.
func newGuide(t *testing.T) *guide {
	t.Helper()
	text, err := os.ReadFile("../../docs/your-backend.md")
	if err != nil {
		t.Fatal(err)
	}
	g := &guide{text: string(text), files: map[string]string{}, dir: t.TempDir()}
	for _, m := range regexp.MustCompile("(?m)^`([^`\n]+)`[^`\n]*:\n\n((?:    .*\n|\n)+)").FindAllStringSubmatch(g.text, -1) {
		g.files[m[1]] = regexp.MustCompile("(?m)^    ").ReplaceAllString(m[2], "")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	g.files["go.mod"] = strings.Replace(g.files["go.mod"], "../ptcheck", root, 1)
	g.files["go.sum"] = string(sums)
	for name, text := range g.files {
		path := filepath.Join(g.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// run gives a command in the module, and returns what it prints and its exit code.
// That of a program started by go run is in what go run says.
func (g *guide) run(t *testing.T, command ...string) (out string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = g.dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "PTCHECK_REPORT=reports")
	both, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", command, err)
	}
	out, code = string(both), cmd.ProcessState.ExitCode()
	if m := regexp.MustCompile(`(?m)^exit status (\d+)\n\z`).FindStringSubmatch(out); m != nil {
		fmt.Sscan(m[1], &code)
	}
	return out, code
}

// lineOf is the number of the line of a file that has a text.
func (g *guide) lineOf(t *testing.T, file, text string) int {
	t.Helper()
	before, _, ok := strings.Cut(g.files[file], text)
	if !ok {
		t.Fatalf("%s lacks %q", file, text)
	}
	return 1 + strings.Count(before, "\n")
}

// TestGuide builds and runs the module that the guide leads through: its test fails
// with the report that the guide shows, which names the user's own line; its program
// finds the same, and takes the commands of the guide.
func TestGuide(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	g := newGuide(t)
	if names := []string{"go.mod", "mine.go", "mine_test.go", "cmd/mine/main.go"}; slices.ContainsFunc(names, func(n string) bool { return g.files[n] == "" }) {
		t.Fatalf("the guide lacks one of %v", names)
	}
	site := fmt.Sprintf("mine.SetPTE example.com/mine/mine.go:%d", g.lineOf(t, "mine.go", "k.Write(ptep, 0)"))
	out, code := g.run(t, "go", "test", ".")
	if code != 1 || !strings.Contains(out, "code: "+site) || !strings.Contains(out, "violated: translations-kept") {
		t.Errorf("go test exits with %d, want code: %s\n%s", code, site, out)
	}
	g.shows(t, out)
	reported(t, filepath.Join(g.dir, "reports", "TestMine"))
	g.commands(t, site)
}

// shows wants the head of a report to be in the guide. Lines of ptcheck's source move;
// what stands there does not.
func (g *guide) shows(t *testing.T, out string) {
	t.Helper()
	_, report, _ := strings.Cut(out, "        violated:")
	head, rest, _ := strings.Cut("violated:"+report, "start of day:")
	_, calls, _ := strings.Cut(rest, "calls (2):")
	calls, _, _ = strings.Cut(calls, "\n        \n")
	numbers := regexp.MustCompile(`(hooks/\w+\.go):\d+`)
	n := 0
	for line := range strings.Lines(head + "calls (2):" + calls) {
		line = strings.TrimSpace(line)
		n++
		if !strings.Contains(numbers.ReplaceAllString(g.text, "$1"), numbers.ReplaceAllString(line, "$1")) {
			t.Errorf("the guide lacks %q", line)
		}
	}
	if n < 12 {
		t.Errorf("%d lines of a report in\n%s", n, out)
	}
}

// commands gives the commands of the guide's program, in their order.
func (g *guide) commands(t *testing.T, site string) {
	t.Helper()
	// By their first word: the exit code, and what they must say.
	want := map[string]struct {
		code int
		says []string
	}{
		"explore": {1, []string{"violated: translations-kept", "code: " + site}},
		"replay":  {1, []string{"map_lowmem f0 = violated translations-kept", "code: " + site}},
		"show":    {0, []string{"map_lowmem f0", "f0"}},
		"corpus":  {0, []string{"filed", "go run example.com/mine/cmd/mine replay corpus/"}},
	}
	given := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^    (go run ./cmd/mine (.*))$`).FindAllStringSubmatch(g.text, -1) {
		word, _, _ := strings.Cut(m[2], " ")
		given[word] = true
		g.expect(t, m[1], want[word].code, want[word].says...)
	}
	for word := range want {
		if !given[word] {
			t.Errorf("the guide does not give the command %s", word)
		}
	}
	if r := reported(t, filepath.Join(g.dir, "reports")); len(r.Runs) != 1 || r.Runs[0].Verdict != reports.Violated {
		t.Errorf("%+v", r.Runs)
	}
	// The command that a saved counterexample says it is replayed by. It may be broken
	// over lines, as in a shell.
	out, _ := g.run(t, "go", "run", "./cmd/mine", "explore")
	replay := regexp.MustCompile(`replay: ((?:.*\\\n)*.*)\n`).FindStringSubmatch(out)
	if replay == nil {
		t.Fatalf("no replay line:\n%s", out)
	}
	g.expect(t, strings.ReplaceAll(replay[1], "\\\n", " "), 1, "violated translations-kept", "code: "+site)
	g.expect(t, "go run ./cmd/mine corpus run --dir=corpus", 0, "1 files: 1 pass")
	if list, _ := g.run(t, "go", "run", "./cmd/mine", "explore", "native"); !strings.Contains(list, "mine") {
		t.Errorf("of a system that it does not have it says %s", list)
	}
}

// expect gives a command and wants its exit code, and texts in what it prints.
func (g *guide) expect(t *testing.T, command string, code int, says ...string) {
	t.Helper()
	out, got := g.run(t, strings.Fields(command)...)
	if got != code {
		t.Errorf("%s: exit %d, want %d\n%s", command, got, code, out)
	}
	for _, text := range says {
		if !strings.Contains(out, text) {
			t.Errorf("%s: lacks %q\n%s", command, text, cmp.Or(out, "nothing is printed"))
		}
	}
}

// TestGuideWithoutMistake takes the mistake out of the guide's hooks: its test passes.
func TestGuideWithoutMistake(t *testing.T) {
	longtest.Only(t) // TestGuide builds the same module
	g := newGuide(t)
	text := []byte(g.files["mine.go"])
	for _, line := range []string{"    k.Write(ptep, 0)\n", "    k.PV.FlushTLB(k)\n"} {
		if !bytes.Contains(text, []byte(line)) {
			t.Fatalf("mine.go lacks %q", line)
		}
		text = bytes.Replace(text, []byte(line), nil, 1)
	}
	if err := os.WriteFile(filepath.Join(g.dir, "mine.go"), text, 0o666); err != nil {
		t.Fatal(err)
	}
	out, code := g.run(t, "go", "test", "-v", ".")
	if m := regexp.MustCompile(`mine: holds \(complete: ([\d]+) states`).FindStringSubmatch(out); code != 0 || m == nil {
		t.Errorf("exit %d\n%s", code, out)
	} else if n := m[1]; !strings.Contains(strings.ReplaceAll(g.text, ",", ""), n+"\nstates") && !strings.Contains(strings.ReplaceAll(g.text, ",", ""), n+" states") {
		t.Errorf("the guide does not say that there are %s states", n)
	}
}
