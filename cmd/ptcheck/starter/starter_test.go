package starter

import (
	"errors"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

// root is the folder of this module.
const root = "../../.."

// TestWrites looks at the files of each kind of module: they are formatted, name the module,
// and need nothing that is not here.
func TestWrites(t *testing.T) {
	for language, want := range map[Language][]string{
		C:  {"c/mmu.c", "go.mod", "go.sum", "main.go", "main_test.go"},
		Go: {"go.mod", "go.sum", "hooks.go", "main.go", "main_test.go"},
	} {
		dir := filepath.Join(t.TempDir(), "mine")
		names, err := Write(Module{Dir: dir, Language: language, Source: root})
		if err != nil || !slices.Equal(names, want) {
			t.Fatalf("%s: %v, %v", language, names, err)
		}
		for _, name := range names {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(name, ".go") {
				continue
			}
			if tidy, err := format.Source(text); err != nil || string(tidy) != string(text) {
				t.Errorf("%s/%s is not formatted: %v", language, name, err)
			}
		}
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err != nil || !strings.HasPrefix(string(mod), "module example.com/mine\n") {
			t.Errorf("%s: %v\n%s", language, err, mod)
		}
	}
}

// TestReleased requires a released ptcheck by its version.
func TestReleased(t *testing.T) {
	dir := t.TempDir() // it is there, and empty
	names, err := Write(Module{Dir: dir, Path: "mine", Language: Go, Version: "v1.2.3"})
	if err != nil || slices.Contains(names, "go.sum") {
		t.Fatal(names, err)
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || string(mod) != "module mine\n\ngo 1.26.0\n\nrequire github.com/ptcheck/ptcheck v1.2.3\n" {
		t.Errorf("%v\n%s", err, mod)
	}
}

// TestRefuses wants one line, and nothing written, where a module cannot be.
func TestRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "a"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "go.mod"), []byte("module other\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(t.TempDir(), "new")
	for want, m := range map[string]Module{
		"is not empty: it has a":         {Dir: full, Source: root},
		"is no folder":                   {Dir: filepath.Join(full, "a"), Source: root},
		`"a//b" is no module path`:       {Dir: fresh, Path: "a//b", Source: root},
		`"-a" is no module path`:         {Dir: fresh, Path: "-a", Source: root},
		`"a/internal/b" is no module`:    {Dir: fresh, Path: "a/internal/b", Source: root},
		"\"a\\nb\" is no module path":    {Dir: fresh, Path: "a\nb", Source: root},
		"is ptcheck's own":               {Dir: fresh, Path: ptcheck + "/x", Source: root},
		"say --module":                   {Dir: fresh + " it", Source: root},
		`its go.mod begins with "module`: {Dir: fresh, Source: other},
		"is no source of ptcheck's":      {Dir: fresh, Source: full},
	} {
		m.Language = C
		_, err := Write(m)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %s", err, want)
		}
		if _, err := os.Stat(fresh); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%s: something was written", want)
		}
	}
}

// TestGuide goes through docs/c-hooks.md: the module, the patch, and what the commands
// answer.
func TestGuide(t *testing.T) {
	longtest.Only(t)
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc, for hooks in C")
	}
	page, err := os.ReadFile(root + "/docs/c-hooks.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "mine")
	if _, err := Write(Module{Dir: dir, Language: C, Source: root}); err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(page), "## Minute 2")
	if !ok {
		t.Fatal("the page has no minute 2")
	}
	answers(t, dir, before, 0)
	patch(t, filepath.Join(dir, "c", "mmu.c"), after)
	answers(t, dir, after, 1)
}

// answers makes the commands that a part of the page says the answers of. Those may have
// lines left out, where it has "...".
func answers(t *testing.T, dir, part string, code int) {
	t.Helper()
	found := regexp.MustCompile("(?s)`(go [^`]+)` answers[^\n]*:\n\n(.*?)\n(?:[^ \n]|$)").FindAllStringSubmatch(part, -1)
	if len(found) == 0 {
		t.Fatal("the page has no answers")
	}
	for _, m := range found {
		cmd := exec.CommandContext(t.Context(), "go", strings.Fields(m[1])[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=", "GOPROXY=off", "GOWORK=off", "CFLAGS=")
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != code {
			t.Errorf("%s: exit %d, want %d", m[1], cmd.ProcessState.ExitCode(), code)
		}
		got := strings.Join(strings.Fields(string(out)), " ")
		for chunk := range strings.SplitSeq(m[2], "\n    ...") {
			want := strings.Join(strings.Fields(strings.TrimPrefix(chunk, "    ...")), " ")
			if !strings.Contains(got, want) {
				t.Errorf("%s does not answer %q:\n%s", m[1], want, out)
			}
		}
	}
}

// patch applies the page's patch to a file.
func patch(t *testing.T, name, part string) {
	t.Helper()
	_, lines, ok := strings.Cut(part, "    +++ b/c/mmu.c\n")
	if !ok {
		t.Fatal("the page has no patch")
	}
	var was, is string
	for line := range strings.Lines(lines) {
		line, ok := strings.CutPrefix(line, "    ")
		if !ok {
			break
		}
		if line[0] != '+' {
			was += line[1:]
		}
		if line[0] != '-' {
			is += line[1:]
		}
	}
	text, err := os.ReadFile(name)
	if err != nil || was == is || strings.Count(string(text), was) != 1 {
		t.Fatalf("the patch does not apply: %v\n%s", err, was)
	}
	if err := os.WriteFile(name, []byte(strings.Replace(string(text), was, is, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}
