package script

import (
	"slices"
	"testing"
)

// TestExamples parses and prints the example of each operation: it is a line with that
// operation, in its usual form.
func TestExamples(t *testing.T) {
	for _, s := range Specs() {
		l, err := ParseLine(s.Example)
		if err != nil || l.Op == nil || l.Op.Name != s.Name {
			t.Errorf("%s: example %q: %v", s.Name, s.Example, err)
			continue
		}
		if got := string(l.Append(nil)); got != s.Example {
			t.Errorf("%s: example %q is printed as %q", s.Name, s.Example, got)
		}
	}
}

// TestNamesAreUnique wants one operation of each name, with a line about it.
func TestNamesAreUnique(t *testing.T) {
	var names []string
	for _, s := range Specs() {
		if slices.Contains(names, s.Name) {
			t.Errorf("%s is there twice", s.Name)
		}
		names = append(names, s.Name)
		if s.Doc == "" {
			t.Errorf("%s: nothing is said about it", s.Name)
		}
	}
}
