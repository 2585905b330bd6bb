package hooks_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

// TestAccessors wants the accessors, which reports do not name, in a file of their own,
// and nothing else there.
func TestAccessors(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	home, forwarders := map[string]bool{}, 0
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			k := kernelReceiver(fn)
			switch {
			case name == "access.go" && k == "":
				t.Errorf("%s is no method of the kernel: it is no accessor", fn.Name.Name)
			case k != "" && forwards(fn, k):
				forwarders++
				if name != "access.go" {
					t.Errorf("%s only hands on to the machine: it belongs in access.go", fn.Name.Name)
				}
			}
			if name == "access.go" {
				home[fn.Name.Name] = true
			}
		}
	}
	if !home["Read"] || !home["Write"] || forwarders < 8 {
		t.Errorf("%d accessors forward, of %v", forwarders, home)
	}
}

// kernelReceiver is the name of a method's receiver, "" if it is no method of Kernel.
func kernelReceiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List[0].Names) == 0 {
		return ""
	}
	if p, ok := fn.Recv.List[0].Type.(*ast.StarExpr); ok {
		if id, ok := p.X.(*ast.Ident); ok && id.Name == "Kernel" {
			return fn.Recv.List[0].Names[0].Name
		}
	}
	return ""
}

// forwards reports whether a method does nothing but call one of the machine's, k.M,
// and convert its answer.
func forwards(fn *ast.FuncDecl, k string) bool {
	if len(fn.Body.List) != 1 {
		return false
	}
	var e ast.Expr
	switch s := fn.Body.List[0].(type) {
	case *ast.ExprStmt:
		e = s.X
	case *ast.ReturnStmt:
		if len(s.Results) == 1 {
			e = s.Results[0]
		}
	}
	for {
		call, ok := e.(*ast.CallExpr)
		if !ok {
			return false
		}
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
			if m, ok := sel.X.(*ast.SelectorExpr); ok && m.Sel.Name == "M" {
				id, ok := m.X.(*ast.Ident)
				return ok && id.Name == k
			}
		}
		if len(call.Args) != 1 {
			return false
		}
		e = call.Args[0]
	}
}
