package cli

import (
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model"
)

// TestExplainKnowsWhatReportsSay asks for each word that a finding or its steps can
// carry.
func TestExplainKnowsWhatReportsSay(t *testing.T) {
	words := []string{"PWUAD", "X", "violated", "holds", "differs"}
	for _, m := range mutants.All() {
		words = append(words, m.ID, strings.TrimPrefix(m.Catch, "crash "))
	}
	for op := range model.NumOps {
		words = append(words, op.Row().Name)
	}
	for k := range model.NumCalls {
		if k != model.CallNone {
			words = append(words, k.String())
		}
	}
	for _, w := range words {
		if code, out, err := ptcheck(t, "explain", w); code != exitHolds || !strings.Contains(out, w) {
			t.Errorf("explain %s: exit %d, %q %q", w, code, out, err)
		}
	}
}

// TestPagesFit looks at the width of every help page and list.
func TestPagesFit(t *testing.T) {
	for _, args := range [][]string{
		{"--help"}, {"list"}, {"explain", "tables-valid"}, {"explain", "guest"},
		{"explore", "--help"}, {"boot", "--help"}, {"replay", "--help"}, {"show", "--help"}, {"mutants", "--help"},
		{"corpus", "--help"}, {"conform", "--help"}, {"diff", "--help"}, {"man", "--help"},
	} {
		_, out, _ := ptcheck(t, args...)
		for line := range strings.Lines(out) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
				t.Errorf("%v: a line of %d columns: %s", args, n, line)
			}
		}
	}
}

// TestManualKeepsTables wants the rows of a table as they are in the manual page.
func TestManualKeepsTables(t *testing.T) {
	const text = "What it is.\n\nKinds:\n  one   the first\n  two   the second\nAnd more."
	const want = "What it is.\n\nKinds:\n\n    one   the first\n    two   the second\n\nAnd more."
	if got := verbatim(text); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
