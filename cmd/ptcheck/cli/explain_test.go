package cli

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/fuzz/machines"
	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/internal/columns"
	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/guests"
)

// TestExplainKnowsWhatReportsSay asks for each word that a finding or its steps can
// carry.
func TestExplainKnowsWhatReportsSay(t *testing.T) {
	words := []string{"pte-write-rejected", "PWUAD", "X", "f5", "f12:PWU", "crash bug", "crash-fault"}
	for _, v := range reports.Verdicts() {
		words = append(words, v.Word)
	}
	for _, m := range mutants.All() {
		words = append(words, m.ID, m.Catch)
	}
	for _, r := range machines.Rules() {
		words = append(words, r.Name)
	}
	for _, v := range guests.Verdicts() {
		words = append(words, v.String())
	}
	for op := range model.NumOps {
		words = append(words, op.Row().Name)
	}
	for k := range model.NumCalls {
		if k != model.CallNone {
			words = append(words, k.String())
		}
	}
	for _, w := range longtest.Part(t, words, 5) {
		name := strings.TrimPrefix(strings.TrimPrefix(w, "crash "), "crash-")
		if code, out, err := ptcheck(t, append([]string{"explain"}, strings.Fields(w)...)...); code != exitHolds || !strings.Contains(out, name) {
			t.Errorf("explain %s: exit %d, %q %q", w, code, out, err)
		}
	}
}

// TestExplainRefuses wants a hint for what is no word, and no flag taken for another.
func TestExplainRefuses(t *testing.T) {
	for _, w := range []string{"f5:PQ", "f:P", "fx", "crash", "tables-read-olny"} {
		if code, out, err := ptcheck(t, "explain", w); code != exitUsage || out != "" || !strings.Contains(err, "is no word of ptcheck's") {
			t.Errorf("explain %s: exit %d, %q %q", w, code, out, err)
		}
	}
}

// TestPagesFit looks at the width of every help page, the list and what is explained.
func TestPagesFit(t *testing.T) {
	set, err := systems.NewSet(mutants.Bugs, all.Systems()...)
	if err != nil {
		t.Fatal(err)
	}
	p := &program{set: set}
	pages := [][]string{{"list"}}
	eachCommand(p.newRoot(io.Discard, io.Discard), func(cmd *cobra.Command) {
		pages = append(pages, append(strings.Fields(cmd.CommandPath())[1:], "--help"))
	})
	for _, word := range longtest.Part(t, p.words(), 5) {
		pages = append(pages, []string{"explain", "--", word})
	}
	for _, args := range pages {
		_, out, _ := ptcheck(t, args...)
		for line := range strings.Lines(out) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > columns.Width {
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
