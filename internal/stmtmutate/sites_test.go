package main

import (
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

const sample = `package p

const limit = 3

func f(a, b int) (n int) {
	if a == b && a < limit {
		n = a + 1
		g()
	}
	for i := 0; i < b; i++ {
		n |= i
	}
	return n
}
`

// TestSites holds the list of changes of a small file.
func TestSites(t *testing.T) {
	sites, err := sitesOf("p.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range sites {
		got = append(got, strings.TrimPrefix(sites[i].String(), "p.go:"))
		changed := sites[i].changed([]byte(sample))
		if string(changed) == sample {
			t.Errorf("%v changes nothing", &sites[i])
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "", changed, 0); err != nil {
			t.Errorf("%v: %v", &sites[i], err)
		}
	}
	want := []string{
		"6: negated: a == b && a < limit", "6: && becomes ||", "6: == becomes !=", "6: < becomes <=",
		"7: deleted: n = a + 1", "7: + becomes -", "7: 1 becomes 2", "8: deleted: g()",
		"10: negated: i < b", "10: 0 becomes 1", "10: < becomes <=", "10: ++ becomes --", "10: deleted: i++",
		"11: |= becomes &=", "11: deleted: n |= i",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestSitesOfModule finds changes in every package under test, and all of them are
// Go.
func TestSitesOfModule(t *testing.T) {
	for _, dir := range []string{"model", "hooks", "native", "xen", "invariants"} {
		sites, err := allSites("../..", []string{dir})
		if err != nil || len(sites) < 20 {
			t.Fatalf("%s: %d changes: %v", dir, len(sites), err)
		}
		for _, site := range longtest.Part(t, sites, 12) {
			src, err := os.ReadFile(filepath.Join("../..", site.File))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.ParseFile(token.NewFileSet(), "", site.changed(src), 0); err != nil {
				t.Errorf("%v: %v", &site, err)
			}
		}
	}
}

// TestJudge runs the tool on a module of one function whose test sees one half of
// it.
func TestJudge(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":      "module example.test\n\ngo 1.26\n",
		"p/p.go":      "package p\n\nfunc Sum(a, b int) int { return a + b }\n\nfunc Unseen(a, b int) int { return a - b }\n",
		"p/p_test.go": "package p\n\nimport \"testing\"\n\nfunc Test(t *testing.T) {\n\tif Sum(2, 1) != 3 {\n\t\tt.Fail()\n\t}\n}\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	o := options{root: root, number: 10, seed: 1, packages: []string{"p"}, stages: []string{"./p"}, limit: time.Minute, budget: time.Minute, most: 100}
	if err := run(o, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"killed   p/p.go:3: + becomes -", "SURVIVED p/p.go:5: - becomes +", "2 changes: 1 killed, 0 hung, 1 survived (50.0 %)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no line %q in\n%s", want, out.String())
		}
	}
	o.most = 40
	if err := run(o, io.Discard); err == nil {
		t.Error("more survivors than allowed pass")
	}
}
