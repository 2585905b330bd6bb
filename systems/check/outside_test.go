package check_test

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

// outside makes a module of its own, by a name, of the files in testdata/outside and
// returns its folder. It uses this one as it is here, and nothing is fetched.
func outside(t *testing.T, module string) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	read := func(name string) string {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "try"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hooks.go", "hooks_test.go", "try/main.go"} {
		write(name, strings.ReplaceAll(read("testdata/outside/"+name), "example.com/mine", module))
	}
	_, needs, _ := strings.Cut(read("../../go.mod"), "\nrequire (")
	needs, _, _ = strings.Cut(needs, "\ntool ")
	write("go.mod", fmt.Sprintf("module %s\n\ngo 1.26.0\n\nrequire github.com/ptcheck/ptcheck v0.0.0\n\nreplace github.com/ptcheck/ptcheck => %s\n\nrequire (%s", module, root, needs))
	write("go.sum", read("../../go.sum"))
	return dir
}

// goTool runs the go tool in a folder and returns what it prints.
func goTool(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// marks are the lines of the module's files with a mark, as file:line by mark.
func marks(t *testing.T, dir, module string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range []string{"hooks.go", "hooks_test.go", "try/main.go"} {
		src, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(src), "\n") {
			if _, mark, ok := strings.Cut(line, "// mark: "); ok {
				out[mark] = fmt.Sprintf("%s/%s:%d", module, name, i+1)
			}
		}
	}
	return out
}

// TestOutside searches hooks of other modules, with a dot in their name and without, and
// wants the user's own line to be named, in whatever way a hook is made, by the report
// and for the step alike.
func TestOutside(t *testing.T) {
	if testing.Short() {
		t.Skip("builds this module for another one")
	}
	for _, module := range longtest.Part(t, []string{"example.com/mine", "mine"}, 2) {
		t.Run(strings.ReplaceAll(module, "/", "_"), func(t *testing.T) {
			dir := outside(t, module)
			out, err := goTool(t, dir, "run", "./try")
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			checkSites(t, out, marks(t, dir, module))
		})
	}
}

// checkSites compares the lines that command try prints with the marks: what is broken,
// the site of the report and that of the last step.
func checkSites(t *testing.T, out string, marks map[string]string) {
	t.Helper()
	breaks := map[string]string{"Flags": "leaf-rewritten", "Panics": "crash go-panic", "Waits": "crash hang"}
	names := map[string]string{"Method": "mine.(*Platform).store", "Generic": "mine.Generic[...]", "Inlined": "mine.clear", "own": "main.own"}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 11 {
		t.Errorf("%d lines:\n%s", len(lines), out)
	}
	for _, line := range lines {
		name, rest, _ := strings.Cut(line, ": ")
		want := [3]string{cmp.Or(breaks[name], "present-not-reallocated"), cmp.Or(names[name], "mine."+name), marks[name]}
		got := strings.Split(rest, ", ")
		if name == "Closure" {
			want[1] = got[1] // it has the name of what has made it part of itself
		}
		if !slices.Equal(got[:3], want[:]) || breaks[name] == "" && got[3] != want[1]+" "+want[2] {
			t.Errorf("%s; want %v", line, want)
		}
	}
}

// TestOutsideTest runs the tests of such a module: a panic, a hook that spins, one that
// fails the test by itself.
func TestOutsideTest(t *testing.T) {
	if testing.Short() {
		t.Skip("builds this module for another one")
	}
	const module = "example.com/mine"
	dir := outside(t, module)
	at := marks(t, dir, module)
	all, err := goTool(t, dir, "test", "-run", "^Test(Plain|Here|Fatal|Spins)$", ".")
	if err == nil {
		t.Error("they pass")
	}
	for name, parts := range map[string][]string{
		"TestPlain": {"violated: present-not-reallocated", "code: mine.Plain " + at["Plain"], "in mine.Plain " + at["Plain"], "scenario:"},
		"TestHere":  {"crashed: go-panic not done", "code: mine_test.TestHere.func1 " + at["TestHere"]},
		"TestFatal": {"mine: map_lowmem f0, from 2level-", "the hook ended its goroutine", "in mine_test.TestFatal.func1 " + at["TestFatal"]},
		"TestSpins": {"has not returned for 1s", "in mine.Spins " + at["Spins"], "calls (2):", "scenario:", "setup_start"},
	} {
		_, out, fails := strings.Cut(all, "--- FAIL: "+name)
		if !fails {
			t.Errorf("%s passes", name)
		}
		out, _, _ = strings.Cut(out, "--- FAIL: ")
		for _, part := range parts {
			if !strings.Contains(strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(part), " ")) {
				t.Errorf("%s: no %q in\n%s", name, part, out)
			}
		}
	}
}
