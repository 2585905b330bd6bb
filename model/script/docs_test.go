package script

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the table of operations in docs/scenarios.md")

const (
	docs       = "../../docs/scenarios.md"
	tableBegin = "<!-- The table is written by: go test ./model/script -run Docs -update -->\n"
	tableEnd   = "<!-- end of the table -->\n"
)

// table is the table of operations as docs/scenarios.md has it.
func table() string {
	var b strings.Builder
	b.WriteString("| operation | example | on Xen | |\n|---|---|---|---|\n")
	for _, s := range Specs() {
		xen := ""
		if s.OnXen {
			xen = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", strings.ReplaceAll(s.Syntax(), "|", `\|`), s.Example, xen, s.Doc)
	}
	return b.String()
}

// TestDocs holds the table of operations in the manual against the language.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), tableBegin)
	got, after, ended := strings.Cut(rest, tableEnd)
	switch {
	case !found || !ended:
		t.Fatalf("%s: no table between %q and %q", docs, tableBegin, tableEnd)
	case *update:
		if err := os.WriteFile(docs, []byte(before+tableBegin+table()+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case got != table():
		t.Errorf("%s: the table of operations is out of date: go test ./model/script -run Docs -update", docs)
	}
}
