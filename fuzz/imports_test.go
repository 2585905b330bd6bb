package fuzz_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// module is the path of this module.
const module = "github.com/ptcheck/ptcheck"

// room says what a package may lead to, directly or not, within the module. It
// holds for the packages below it too, unless they have a row of their own.
type room struct {
	path   string
	only   []string // nothing else of ours; nil: see banned
	banned []string
}

// picture is the import picture of ARCHITECTURE.md. The code that is trusted
// never leads to the code under test, and nothing leads to the command line.
func picture() []room {
	none := []string{}
	subjects := []string{"hooks", "native", "xen"}
	return []room{
		{path: "internal", only: none},
		{path: "model", only: none},
		{path: "model/explore", only: none},
		{path: "model/script", only: []string{"model"}},
		{path: "invariants", only: []string{"model"}},
		{path: "hooks", only: []string{"model"}},
		{path: "native", only: []string{"hooks", "model"}},
		{path: "xen", only: []string{"hooks", "model"}},
		{path: "traces", banned: append([]string{"cmd", "fuzz", "systems", "reports"}, subjects...)},
		{path: "traces/golden/record", banned: []string{"cmd", "fuzz", "systems", "reports"}},
		{path: "systems", banned: []string{"cmd"}},
		{path: "systems/example", only: []string{"hooks", "invariants", "model", "native", "xen"}},
		{path: "reports", banned: append([]string{"cmd", "fuzz", "systems"}, subjects...)},
		{path: "fuzz", banned: []string{"cmd"}},
		{path: "cmd"},
	}
}

// within reports whether a package is a path or lies below it.
func within(pkg, path string) bool { return pkg == path || strings.HasPrefix(pkg, path+"/") }

// wrongDeps lists what a package leads to and must not.
func wrongDeps(rooms []room, pkg string, deps []string) []string {
	var mine *room
	for i := range rooms {
		if r := &rooms[i]; within(pkg, r.path) && (mine == nil || len(r.path) > len(mine.path)) {
			mine = r
		}
	}
	if mine == nil {
		return []string{"no room is its own"}
	}
	var wrong []string
	for _, d := range deps {
		bad := mine.only != nil && !slices.Contains(mine.only, d)
		for _, b := range mine.banned {
			bad = bad || within(d, b)
		}
		if bad || within(d, "cmd") && !within(pkg, "cmd") {
			wrong = append(wrong, d)
		}
	}
	return wrong
}

// TestImportPicture holds the arrows of the house against what the go tool says.
func TestImportPicture(t *testing.T) {
	rooms, deps := picture(), dependencies(t)
	for pkg, d := range deps {
		for _, w := range wrongDeps(rooms, pkg, d) {
			t.Errorf("%s leads to %s", pkg, w)
		}
	}
	for _, pkg := range []string{"model", "model/explore", "invariants", "hooks", "native", "xen", "traces/golden/record", "systems/boot", "traces/golden"} {
		if _, ok := deps[pkg]; !ok {
			t.Errorf("the go tool lists no package %s", pkg)
		}
	}
	if d := deps["xen"]; !slices.Contains(d, "hooks") || !slices.Contains(d, "model") {
		t.Errorf("xen leads to %v only: the list is not one of dependencies", d)
	}
}

// dependencies maps the packages of the module to those of the module that they
// lead to, tests apart.
func dependencies(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Deps", "./...")
	cmd.Dir = ".."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := map[string][]string{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Deps       []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return deps
		} else if err != nil {
			t.Fatal(err)
		}
		var ours []string
		for _, dep := range p.Deps {
			if name, ok := strings.CutPrefix(dep, module+"/"); ok {
				ours = append(ours, name)
			}
		}
		deps[strings.TrimPrefix(p.ImportPath, module+"/")] = ours
	}
}

// TestPictureRefuses tries the picture on arrows that must not exist.
func TestPictureRefuses(t *testing.T) {
	for _, x := range []struct {
		pkg, dep string
		ok       bool
	}{
		{"model", "hooks", false},
		{"model", "invariants", false},
		{"model/explore", "model", false},
		{"invariants", "hooks", false},
		{"invariants", "model/explore", false},
		{"invariants", "model", true},
		{"hooks", "native", false},
		{"native", "xen", false},
		{"xen", "native", false},
		{"xen", "hooks", true},
		{"traces/xenlab", "hooks", false},
				{"traces/golden", "hooks", false},
		{"traces/golden/record", "hooks", true},
		{"reports", "model", true},
		{"systems/boot", "cmd/ptcheck", false},
		{"systems/boot", "xen", true},
		{"systems/example/shadow", "native", true},
		{"systems/example/shadow", "systems/boot", false},
		{"cmd/ptcheck", "systems/boot", true},
		{"elsewhere", "model", false},
	} {
		if wrong := wrongDeps(picture(), x.pkg, []string{x.dep}); (len(wrong) == 0) != x.ok {
			t.Errorf("%s leading to %s: %v, want allowed %t", x.pkg, x.dep, wrong, x.ok)
		}
	}
}

// TestTopLevelFolders holds the list of rooms.
func TestTopLevelFolders(t *testing.T) {
	allowed := []string{"model", "hooks", "invariants", "native", "xen", "fuzz", "reports", "cmd", "systems", "traces", "internal", "docs", ".ci", "testdata",
		".github", ".git", ".clusterfuzzlite"}
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, e := range entries {
		if e.IsDir() {
			found[e.Name()] = true
			if !slices.Contains(allowed, e.Name()) {
				t.Errorf("unexpected folder %s", e.Name())
			}
		}
	}
	if !found["model"] || !found["fuzz"] {
		abs, _ := filepath.Abs("..")
		t.Errorf("%s is not the module's root", abs)
	}
}
