// Package house holds the rooms of the repository to their charters: what each may lead
// to, who may name a system, how large one may grow.
package house

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// module is the path of this module, root its folder.
const (
	module = "github.com/ptcheck/ptcheck"
	root   = "../.."
)

// room says what the packages at a path may lead to, directly or not, within the module.
// It holds for the packages below it too, unless they have a row of their own. A name
// that ends in /... stands for all that is below as well. Package internal is for
// everybody, for it leads nowhere.
type room struct {
	path string
	may  []string
}

// picture is the table of docs/architecture.md. The code that is trusted never leads to
// the code under test, what real machines did is never looked up in a subject, and
// nothing but commands leads to the command line.
func picture() []room {
	subjects := []string{"hooks", "native", "xen"}
	traces := []string{"model", "model/script", "invariants", "traces/..."}
	below := slices.Concat([]string{"model/...", "invariants", "traces/...", "reports/...", "systems/..."}, subjects)
	return []room{
		{"internal", nil},
		{"model", nil},
		{"model/explore", []string{"model/explore/..."}},
		{"model/script", []string{"model"}},
		{"invariants", []string{"model"}},
		{"hooks", []string{"model"}},
		{"hooks/chooks", []string{"model", "hooks"}},
		{"native", []string{"model", "hooks"}},
		{"xen", []string{"model", "hooks"}},
		{"traces", traces},
		{"traces/golden/record", slices.Concat(traces, subjects)},
		{"traces/image", []string{"traces/image/..."}},
		{"traces/image/audit", []string{"model", "traces/golden", "traces/pagemap", "traces/image/..."}},
		{"reports", []string{"model", "model/explore", "invariants", "reports/..."}},
		{"systems", below},
		{"systems/example", slices.Concat([]string{"model", "invariants", "hooks/chooks"}, subjects)},
		{"fuzz", append(below, "fuzz/...")},
		{"cmd", append(below, "hooks/chooks", "fuzz/...", "cmd/...")},
	}
}

// within reports whether a package is a path or lies below it.
func within(pkg, path string) bool { return pkg == path || strings.HasPrefix(pkg, path+"/") }

// allows reports whether a package of the room may lead to another one.
func (r *room) allows(dep string) bool {
	return within(dep, "internal") || slices.ContainsFunc(r.may, func(m string) bool {
		path, below := strings.CutSuffix(m, "/...")
		return dep == path || below && within(dep, path)
	})
}

// wrongDeps lists what a package leads to and must not.
func wrongDeps(rooms []room, pkg string, deps []string) []string {
	var mine *room
	for i := range rooms {
		if r := &rooms[i]; within(pkg, r.path) && (mine == nil || len(r.path) > len(mine.path)) {
			mine = r
		}
	}
	if mine == nil {
		return []string{"a place outside the house: it is in no room"}
	}
	return slices.DeleteFunc(slices.Clone(deps), mine.allows)
}

// TestImportPicture holds the arrows of the house against what the go tool says.
func TestImportPicture(t *testing.T) {
	rooms, deps := picture(), dependencies(t)
	for pkg, d := range deps {
		for _, w := range wrongDeps(rooms, pkg, d) {
			t.Errorf("%s leads to %s", pkg, w)
		}
	}
	for i := range rooms {
		known := false
		for pkg := range deps {
			known = known || within(pkg, rooms[i].path)
		}
		if !known {
			t.Errorf("the go tool lists no package in %s", rooms[i].path)
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
	cmd.Dir = root
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
		{"internal/names", "model", false},
		{"model", "hooks", false},
		{"model", "invariants", false},
		{"model", "internal/names", true},
		{"model/explore", "model", false},
		{"model/explore/shrink", "model/explore", true},
		{"model/script", "model", true},
		{"model/script", "model/explore", false},
		{"invariants", "hooks", false},
		{"invariants", "model/explore", false},
		{"invariants", "model", true},
		{"hooks", "hooks/chooks", false},
		{"hooks/chooks", "systems/boot", false},
		{"systems/boot", "hooks/chooks", false},
		{"systems/example/cmmu", "hooks/chooks", true},
		{"hooks", "native", false},
		{"native", "xen", false},
		{"xen", "native", false},
		{"xen", "hooks", true},
		{"traces/kernel", "model/script", true},
		{"traces/kernel/recorder", "traces/kernel/symbols", true},
		{"traces/kernel/recorder", "systems/recorded", false},
		{"traces/xenlab", "hooks", false},
		{"traces/golden", "hooks", false},
		{"traces/golden", "systems", false},
		{"traces/golden/record", "hooks", true},
		{"traces/golden/record", "systems", false},
		{"traces/golden/record", "reports", false},
		{"traces/image", "model", false},
		{"traces/image/audit", "traces/image", true},
		{"traces/image/audit", "invariants", false},
		{"traces/image/audit", "hooks", false},
		{"reports", "model", true},
		{"reports", "systems", false},
		{"reports", "hooks", false},
		{"systems/boot", "cmd/ptcheck", false},
		{"systems/boot", "fuzz/mutants", false},
		{"systems", "reports", true},
		{"systems/boot", "xen", true},
		{"systems/boot", "traces/golden", true},
		{"systems/example/shadow", "native", true},
		{"systems/example/shadow", "systems/boot", false},
		{"fuzz/corpus", "systems/all", true},
		{"fuzz/corpus", "cmd/ptcheck/cli", false},
		{"cmd/ptcheck", "systems/boot", true},
		{"cmd/ptcheck/cli", "cmd/ptcheck/show", true},
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
	entries, err := os.ReadDir(root)
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
		t.Errorf("%s is not the module's root", root)
	}
}
