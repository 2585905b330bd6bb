package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
)

// site is one possible change: bytes From to To of a file are replaced.
type site struct {
	File     string
	Line     int
	From, To int
	New      string
	What     string // such as "== becomes !="
}

// changed returns the source with the change made.
func (s *site) changed(src []byte) []byte {
	out := append([]byte{}, src[:s.From]...)
	out = append(out, s.New...)
	return append(out, src[s.To:]...)
}

// String says where and what.
func (s *site) String() string { return fmt.Sprintf("%s:%d: %s", s.File, s.Line, s.What) }

// swaps are the operators and what each becomes.
func swaps() map[token.Token]token.Token {
	return map[token.Token]token.Token{
		token.EQL: token.NEQ, token.NEQ: token.EQL,
		token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
		token.LAND: token.LOR, token.LOR: token.LAND,
		token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.ADD,
		token.AND: token.OR, token.OR: token.AND, token.AND_NOT: token.AND,
		token.SHL: token.SHR, token.SHR: token.SHL,
		token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN,
		token.OR_ASSIGN: token.AND_ASSIGN, token.AND_ASSIGN: token.OR_ASSIGN, token.AND_NOT_ASSIGN: token.AND_ASSIGN,
		token.INC: token.DEC, token.DEC: token.INC,
	}
}

// constants are names that are mistaken for one another.
func constants() map[string]string {
	return map[string]string{
		"Present": "Accessed", "RW": "User", "User": "RW", "Accessed": "Dirty", "Dirty": "Accessed", "PSE": "Global", "NX": "RW",
		"OK": "EINVAL", "EINVAL": "OK", "Validated": "Partial", "Partial": "Validated", "Pinned": "Validated",
		"TypeL1": "TypeL2", "TypeWritable": "TypeNone", "true": "false", "false": "true",
		"VariantInit": "VariantLate", "VariantLate": "VariantInit", "held": "silent",
	}
}

// collector walks a file.
type collector struct {
	fset  *token.FileSet
	name  string
	src   []byte
	sites []site
	swaps map[token.Token]token.Token
	names map[string]string
}

// sitesOf lists the possible changes of a Go file, in the order of the source.
// Declarations of constants and types have none: changing them changes everything
// or nothing.
func sitesOf(name string, src []byte) ([]site, error) {
	c := &collector{fset: token.NewFileSet(), name: name, src: src, swaps: swaps(), names: constants()}
	f, err := parser.ParseFile(c.fset, name, src, 0)
	if err != nil {
		return nil, fmt.Errorf("stmtmutate: %w", err)
	}
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil && fn.Name.Name != "String" && fn.Name.Name != "Error" {
			ast.Inspect(fn.Body, c.visit)
		}
	}
	return c.sites, nil
}

func (c *collector) add(from, to token.Pos, text, what string) {
	p := c.fset.Position(from)
	c.sites = append(c.sites, site{File: c.name, Line: p.Line, From: p.Offset, To: c.fset.Position(to).Offset, New: text, What: what})
}

// text is the source between two positions.
func (c *collector) text(from, to token.Pos) string {
	return string(c.src[c.fset.Position(from).Offset:c.fset.Position(to).Offset])
}

// swap replaces an operator.
func (c *collector) swap(at token.Pos, op token.Token) {
	if other, ok := c.swaps[op]; ok {
		c.add(at, at+token.Pos(len(op.String())), other.String(), fmt.Sprintf("%v becomes %v", op, other))
	}
}

// drop deletes a statement.
func (c *collector) drop(n ast.Stmt) {
	c.add(n.Pos(), n.End(), "", "deleted: "+c.text(n.Pos(), n.End()))
}

// negate turns a condition round.
func (c *collector) negate(cond ast.Expr) {
	if cond != nil {
		text := c.text(cond.Pos(), cond.End())
		c.add(cond.Pos(), cond.End(), "!("+text+")", "negated: "+text)
	}
}

func (c *collector) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.GenDecl:
		return n.Tok == token.VAR
	case *ast.BinaryExpr:
		c.swap(n.OpPos, n.Op)
	case *ast.IfStmt:
		c.negate(n.Cond)
	case *ast.ForStmt:
		c.negate(n.Cond)
	case *ast.IncDecStmt:
		c.swap(n.TokPos, n.Tok)
		c.drop(n)
	case *ast.AssignStmt:
		c.swap(n.TokPos, n.Tok)
		if n.Tok != token.DEFINE {
			c.drop(n)
		}
	case *ast.ExprStmt:
		c.drop(n)
	case *ast.BranchStmt:
		c.drop(n)
	case *ast.BasicLit:
		c.literal(n)
	case *ast.SelectorExpr:
		c.constant(n.Sel)
		ast.Inspect(n.X, c.visit)
		return false
	case *ast.Ident:
		c.constant(n)
	}
	return true
}

// literal makes an integer one greater.
func (c *collector) literal(n *ast.BasicLit) {
	if v, err := strconv.ParseUint(n.Value, 0, 63); n.Kind == token.INT && err == nil {
		c.add(n.Pos(), n.End(), strconv.FormatUint(v+1, 10), fmt.Sprintf("%s becomes %d", n.Value, v+1))
	}
}

// constant mistakes a constant for another.
func (c *collector) constant(n *ast.Ident) {
	if other, ok := c.names[n.Name]; ok {
		c.add(n.Pos(), n.End(), other, n.Name+" becomes "+other)
	}
}
