package columns

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestPage(t *testing.T) {
	for _, x := range []struct{ name, in, want string }{
		{"short", "as it is", "as it is"},
		{"prose", "one two three four five", "one two three\nfour five"},
		{"paragraph", "one two three four\nfive six\n\nseven", "one two three\nfour five six\n\nseven"},
		{"paragraph that fits", "one two\nthree four five", "one two\nthree four five"},
		{"row that goes on", "  a    one two three\n       four\n  b    five", "  a    one two\n       three\n       four\n  b    five"},
		{"examples", "  one two three four\n  five", "  one two three\n  four\n  five"},
		{"row", "  a    one two three", "  a    one two\n       three"},
		{"row without parts", "  one two three four", "  one two three\n  four"},
		{"long word", "  a    https://example.org/x y", "  a    https://example.org/x\n       y"},
		{"blank lines stay", "a\n\nb", "a\n\nb"},
	} {
		if got := Page(x.in, 15); got != x.want {
			t.Errorf("%s: %q, want %q", x.name, got, x.want)
		}
	}
}

func TestTable(t *testing.T) {
	got := Table([][2]string{{"a", "one two three"}, {"long", "four"}, {"b", ""}}, "  ", 16)
	if want := "  a     one two\n        three\n  long  four\n  b\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestNothingLost folds any text: the words stay, in their order, and only a single word
// is wider than the page.
func TestNothingLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-zé ]{0,60}(\n[a-z ]{0,60})?`).Draw(t, "text")
		got := Page(text, 20)
		if strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(text), " ") {
			t.Fatalf("words differ: %q", got)
		}
		for line := range strings.SplitSeq(got, "\n") {
			if utf8.RuneCountInString(line) > 20 && len(strings.Fields(line[hang(line):])) > 1 && strings.TrimSpace(line) != "" {
				t.Fatalf("a line of %d columns: %q", len(line), line)
			}
		}
	})
}
