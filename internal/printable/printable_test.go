package printable_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/ptcheck/ptcheck/internal/printable"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"map f1 = ok":           "map f1 = ok",
		"\x1b[31mred\x1b[0m":    `\x1b[31mred\x1b[0m`,
		"a\tb":                  "a b",
		"a\rb\nc\x00":           `a\x0db\x0ac\x00`,
		"über 4 GiB":            "über 4 GiB",
		"\u202ereversed":        `\u202ereversed`,
		"\u009b31m":             `\x9b31m`,
		"no\xffutf8\ufffd":      "no\\xffutf8\ufffd",
		"zero\u200bwidth\u2028": `zero\u200bwidth\u2028`,
	} {
		if got := printable.Line(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := printable.Text("a\x1b\nb"); got != "a\\x1b\nb" {
		t.Errorf("%q", got)
	}
	if got := printable.Short(strings.Repeat("x", 99), 5); got != "xxxxx..." {
		t.Errorf("%q", got)
	}
}

// FuzzLine holds that nothing gets through that a terminal would obey, and that what
// is fit once stays as it is.
func FuzzLine(f *testing.F) {
	f.Add("\x1b]0;title\x07")
	f.Fuzz(func(t *testing.T, s string) {
		got := printable.Line(s)
		for _, r := range got {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				t.Errorf("%q: %q holds %q", s, got, r)
			}
		}
		if again := printable.Line(got); again != got {
			t.Errorf("%q: %q, then %q", s, got, again)
		}
	})
}
