package names

import "testing"

func TestNearest(t *testing.T) {
	for _, x := range []struct {
		word  string
		known []string
		want  string
	}{
		{"xne", []string{"native", "xen"}, "xen"}, // two letters swapped
		{"explor", []string{"explore", "explain"}, "explore"},
		{"dept", []string{"disk", "depth"}, "depth"},
		{"B8", []string{"B18", "B08"}, "B18"}, // both are one letter away
		{"solaris", []string{"native", "xen"}, ""},
		{"", []string{"xen"}, ""},
		{"Native", []string{"xen", "native"}, "native"},
		{"tables", []string{"tables-read-only", "root-valid"}, "tables-read-only"},
		{"xe", nil, ""},
	} {
		if got := Nearest(x.word, x.known); got != x.want {
			t.Errorf("%q of %q: %q, want %q", x.word, x.known, got, x.want)
		}
	}
}

// TestDistance compares with a table of known distances, both ways round.
func TestDistance(t *testing.T) {
	for _, x := range []struct {
		a, b string
		d    int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"abcd", "acbd", 1}, {"same", "same", 0}, {"abc", "xyz", 3}, {"ca", "abc", 3}} {
		if d, e := distance(x.a, x.b), distance(x.b, x.a); d != x.d || e != x.d {
			t.Errorf("%q and %q: %d and %d, want %d", x.a, x.b, d, e, x.d)
		}
	}
}
