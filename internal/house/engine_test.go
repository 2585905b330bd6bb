package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSearchesGoThroughTheContract holds that nothing but systems.Search, and the engine
// of kernels behind it, runs the search engine itself: code under test may do what that
// one does not survive.
func TestSearchesGoThroughTheContract(t *testing.T) {
	var runs []string
	for pkg := range dependencies(t) {
		if within(pkg, "model") {
			continue
		}
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pkg), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if !strings.HasSuffix(f, "_test.go") && !strings.Contains(filepath.ToSlash(f), "/kerneltest/") && runsEngine(t, f, nil) {
				runs = append(runs, pkg+"/"+filepath.Base(f))
			}
		}
	}
	slices.Sort(runs)
	if want := []string{"systems/kernel/search.go", "systems/kernel/sentry.go", "systems/system.go"}; !slices.Equal(runs, want) {
		t.Errorf("explore.Run is named in %q, want %q: searches run by systems.Search.Run", runs, want)
	}
}

// runsEngine reports whether a Go file names explore.Run. src is its text, nil for what
// the file holds.
func runsEngine(t *testing.T, file string, src any) bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, src, 0)
	if err != nil {
		t.Fatal(err)
	}
	named := false
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Run" {
			x, ok := sel.X.(*ast.Ident)
			named = named || ok && x.Name == "explore"
		}
		return true
	})
	return named
}
