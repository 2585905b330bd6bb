package script

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// grammar is the file with which editors colour scenarios: a TextMate grammar.
const grammar = "../../docs/editor/ptcheck.tmLanguage.json"

// pattern is a rule of a TextMate grammar.
type pattern struct {
	Name  string `json:"name"`
	Match string `json:"match"`
}

// words matches the names of operations at the beginning of a line, longest first.
func words(header bool) string {
	var names []string
	for _, s := range Specs() {
		if s.Header == header {
			names = append(names, regexp.QuoteMeta(s.Name))
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return `^\s*(` + strings.Join(names, "|") + `)(?=\s|$)`
}

// patterns are the rules, the most particular first.
func patterns() []pattern {
	return []pattern{
		{"markup.inserted.ptcheck", `#=.*$`}, // the answer that is expected
		{"comment.line.number-sign.ptcheck", `#.*$`},
		{"keyword.control.ptcheck", words(true)},
		{"keyword.operator.ptcheck", words(false)},
		{"markup.heading.ptcheck", `^t\s.*$`},
		{"constant.numeric.ptcheck", `\b(0x[0-9a-f]+|[0-9]+)\b`},
		{"variable.other.ptcheck", `\b([a-z][0-9]+|m0x[0-9a-f]+)\b`}, // frames, slots, machine frames
		{"storage.modifier.ptcheck", `(?<=:)[` + flagLetters + `]+\b`},
	}
}

func grammarText() []byte {
	text, err := json.MarshalIndent(map[string]any{
		"name": "ptcheck scenario", "scopeName": "source.ptcheck", "fileTypes": []string{"pt"}, "patterns": patterns(),
	}, "", "  ")
	if err != nil {
		panic(err)
	}
	return append(text, '\n')
}

// TestGrammar holds the grammar against the language.
func TestGrammar(t *testing.T) { heldTo(t, grammar, "Grammar", grammarText()) }

// heldTo holds a file that is made from the language against it, or makes it anew.
func heldTo(t *testing.T, file, test string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != string(want) {
		t.Errorf("%s is not what the language has (%v): go test ./model/script -run %s -update", file, err, test)
	}
}

// TestGrammarColours finds each operation in its example, with what Go's expressions know of
// the grammar's.
func TestGrammarColours(t *testing.T) {
	look := func(header bool) *regexp.Regexp {
		return regexp.MustCompile(strings.ReplaceAll(words(header), `(?=\s|$)`, `(\s|$)`))
	}
	for _, s := range Specs() {
		line := s.Example
		if line == "" {
			line = s.Name
		}
		if m := look(s.Header).FindStringSubmatch(line); m == nil || m[1] != s.Name {
			t.Errorf("%q is not seen as %s: %q", line, s.Name, m)
		}
	}
}

// dictionary is what a fuzzer puts into inputs that are scenarios: the words of the language.
// The build of the fuzz targets (.clusterfuzzlite/build.sh) copies it for those that take text.
const dictionary = "testdata/scenario.dict"

func dictionaryText() []byte {
	seen := map[string]bool{}
	var b strings.Builder
	b.WriteString("# Written by: go test ./model/script -run Dictionary -update\n")
	for _, s := range Specs() {
		for _, w := range append([]string{s.Name}, strings.Fields(s.Example)...) {
			if w = strings.TrimSuffix(w, ":"); !seen[w] {
				seen[w] = true
				fmt.Fprintf(&b, "%q\n", w)
			}
		}
	}
	b.WriteString("\"#= \"\n\"\\x0a\"\n")
	return []byte(b.String())
}

// TestDictionary holds the dictionary against the language.
func TestDictionary(t *testing.T) { heldTo(t, dictionary, "Dictionary", dictionaryText()) }
