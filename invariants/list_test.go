package invariants

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

// TestEveryRuleIsListed looks for functions that make a rule and are not in the list.
func TestEveryRuleIsListed(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	makers := map[string]bool{}
	var list *ast.FuncDecl
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || f.Type.Results == nil || len(f.Type.Results.List) != 1 {
				continue
			}
			if f.Name.Name == "every" {
				list = f
			}
			if r, ok := f.Type.Results.List[0].Type.(*ast.Ident); ok && r.Name == "Rule" && f.Type.Params.NumFields() == 0 {
				makers[f.Name.Name] = true
			}
		}
	}
	ast.Inspect(list, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if f, ok := call.Fun.(*ast.Ident); ok {
				delete(makers, f.Name)
			}
		}
		return true
	})
	for name := range makers {
		t.Errorf("%s makes a rule that every does not list", name)
	}
	if len(every()) < 40 {
		t.Errorf("%d rules are listed", len(every()))
	}
}
