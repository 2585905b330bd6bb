package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/systems/all"
)

// TestNobodyNamesASystem holds that outside systems and cmd no package asks for a system
// by its name: it knows systems as values. Packages that do not lead to package systems
// cannot mean one; there, "xen" and "native" are words of their own.
func TestNobodyNamesASystem(t *testing.T) {
	names := systemNames()
	looked := 0
	for pkg, deps := range dependencies(t) {
		if within(pkg, "systems") || within(pkg, "cmd") || !slices.Contains(deps, "systems") {
			continue
		}
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pkg), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			looked++
			for _, place := range namedIn(t, f, nil, names) {
				t.Errorf("%s: the name of a system", place)
			}
		}
	}
	if looked < 10 {
		t.Errorf("only %d files looked at", looked)
	}
}

func systemNames() []string {
	var names []string
	for _, s := range all.Systems() {
		names = append(names, s.About().Name)
	}
	return names
}

// namedIn lists the places of a Go file where a string is one of some words. src is its
// text, nil for what the file holds.
func namedIn(t *testing.T, file string, src any, words []string) []string {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, src, 0)
	if err != nil {
		t.Fatal(err)
	}
	var places []string
	ast.Inspect(f, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil && slices.Contains(words, s) {
				places = append(places, fset.Position(lit.Pos()).String()+": "+lit.Value)
			}
		}
		return true
	})
	return places
}

// TestNamesAreSeen plants a name.
func TestNamesAreSeen(t *testing.T) {
	const src = "package p\n\nimport \"x/native\"\n\nvar a = native.A + \"natively\" // native\nvar b = `native`\n"
	if got := namedIn(t, "p.go", src, systemNames()); !slices.Equal(got, []string{"p.go:6:9: `native`"}) {
		t.Errorf("%q", got)
	}
}
