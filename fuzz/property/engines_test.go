package property_test

import (
	"context"
	"os"
	"testing"

	"github.com/ptcheck/ptcheck/fuzz/corpus"
	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/fuzz/property"
	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/systems"
)

// planted are mutants that both libraries must find, each in another way of going
// wrong. The other engines have a test like this in fuzz/corpus.
func planted(t *testing.T) []mutants.Mutant {
	t.Helper()
	list, err := mutants.Find([]string{"B02", "B03", "B08", "B41", "L01", "no-zap", "X43", "X02-unused", "zap-for-ever", "short-list"})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// setOf is the systems that come with ptcheck and their mutants.
func setOf(t *testing.T) *systems.Set {
	t.Helper()
	set, err := mutants.Set()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// shortest searches for the shortest way to what a scenario ends in: one more than
// the depth of the search if that is not there.
func shortest(t *testing.T, m *mutants.Mutant, v systems.Verdict) int {
	t.Helper()
	ways, err := m.Shortest(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := ways[v.What]; ok {
		return n
	}
	return m.Steps + 1
}

// filed holds what becomes of a finding: a scenario file that ends as it says with
// the mutant, and holds without, hardly longer than the shortest way there is.
func filed(t *testing.T, engine string, m *mutants.Mutant, f *finding) {
	t.Helper()
	out, err := f.file(t.TempDir())
	if err != nil {
		t.Errorf("%s: %s: %v", engine, m.ID, err)
		return
	}
	text, err := os.ReadFile(out.Path)
	if err != nil {
		t.Fatal(err)
	}
	if !out.Ruled {
		filedUnruled(t, engine, m, out, text)
		return
	}
	r := corpus.Check(setOf(t), out.Path, text)
	if r.Err != nil || r.Failure != "" || !r.Verdict.Fails() || r.Mutant != m.ID {
		t.Errorf("%s: %s: %+v\n%s", engine, m.ID, r, text)
	}
	least := shortest(t, m, r.Verdict)
	t.Logf("%s: %s: %v by %d operations, %d before, shortest %d, %d tries", engine, m.ID, r.Verdict,
		out.Shrunk.To, out.Shrunk.From, least, out.Shrunk.Tries)
	if out.Shrunk.To > least+1 || !out.Shrunk.Minimal {
		t.Errorf("%s: %s: %d operations, the shortest way has %d\n%s", engine, m.ID, out.Shrunk.To, least, text)
	}
}

// filedUnruled does the same with what no rule sees: the property must see it in the
// file, and nothing in the file without the mutant.
func filedUnruled(t *testing.T, engine string, m *mutants.Mutant, out *property.Filed, text []byte) {
	t.Helper()
	with, err := setOf(t).Parse(out.Path, text)
	if err != nil {
		t.Fatal(err)
	}
	sound := with.Sound()
	t.Logf("%s: %s: %v, seen by the property alone, by %d operations, %d before, shortest that a rule sees %d", engine, m.ID,
		judge(with), out.Shrunk.To, out.Shrunk.From, m.Steps)
	if judge(with) == nil || judge(sound) != nil || with.Mutant != m.ID || out.Shrunk.To > m.Steps {
		t.Errorf("%s: %s: the property says %v, without the mutant %v, of\n%s", engine, m.ID, judge(with), judge(sound), text)
	}
}

// TestRapidFindingsShrink plants bugs in what rapid draws.
func TestRapidFindingsShrink(t *testing.T) {
	defer restore(t, "rapid.nofailfile")()
	defer restore(t, "rapid.shrinktime")()
	defer restore(t, "rapid.seed")()
	set(t, "rapid.nofailfile", "true")
	set(t, "rapid.shrinktime", "0s") // ours has to do
	if !longtest.On() {
		defer restore(t, "rapid.checks")()
		set(t, "rapid.checks", rapidChecks(20)) // fewer miss a bug
	}
	for _, m := range longtest.Part(t, planted(t), 2) {
		f := &finding{mutant: m.ID}
		rapidFinds(t, &m, 1, f)
		filed(t, "rapid", &m, f)
	}
}

// TestGopterFindingsShrink plants bugs in what gopter draws.
func TestGopterFindingsShrink(t *testing.T) {
	for _, m := range longtest.Part(t, planted(t), 3) {
		f := &finding{mutant: m.ID}
		gopterFinds(&m, 1, f)
		filed(t, "gopter", &m, f)
	}
}
