package trial

import (
	"github.com/ptcheck/ptcheck/systems/pvdp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model/explore"
)

// corpusTrials are the scenarios of the corpus.
func corpusTrials(t *testing.T) []*Trial {
	t.Helper()
	names, err := filepath.Glob("../../fuzz/corpus/*.pt")
	if err != nil {
		t.Fatal(err)
	}
	var out []*Trial
	for _, n := range names {
		src, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(src), "\nsystem ") {
			continue // a script for a guest on Xen
		}
		tr, err := Parse(n, src)
		if err != nil {
			t.Fatal(err)
		}
		text, err := tr.Text()
		if err != nil || string(text) != string(src) {
			t.Errorf("%s comes back as\n%s%v", n, text, err)
		}
		out = append(out, tr)
	}
	if len(out) < 20 {
		t.Fatalf("only %d scenarios", len(out))
	}
	return out
}

// without is a trial without its operation n.
func without(t *testing.T, tr *Trial, n int) *Trial {
	t.Helper()
	if h, ok := tr.what.(*hostileScenario); ok {
		out := *tr
		out.what = &hostileScenario{h.world, slices.Delete(slices.Clone(h.ops), n, n+1)}
		return &out
	}
	var out *Trial
	var err error
	if lowmem, stale, start, calls, ok := tr.BootCalls(); ok {
		out, err = Boot(tr.System(), tr.Mutant, lowmem, stale, start, slices.Delete(slices.Clone(calls), n, n+1))
	} else {
		profile, frames, levels, slots, ops, _ := tr.GuestOps()
		out, err = Guest(tr.System(), tr.Mutant, profile, frames, levels, slots, slices.Delete(slices.Clone(ops), n, n+1))
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestShrinkCorpus shrinks the shortest scenarios there are: they get no shorter,
// end as before, need every operation, and their text reads back.
func TestShrinkCorpus(t *testing.T) {
	for _, tr := range corpusTrials(t) {
		want := tr.Run()
		small, how, err := tr.Shrink(0)
		if !want.Fails() {
			if err == nil {
				t.Errorf("%s: shrunk, though nothing goes wrong", tr.Name)
			}
			continue
		}
		if err != nil || small.Len() != tr.Len() || !how.Minimal || how.To != how.From {
			t.Errorf("%s: %+v, %v", tr.Name, how, err)
			continue
		}
		if got := small.Run(); got != want {
			t.Errorf("%s: ends as %q, shrunk as %q", tr.Name, want, got)
		}
		for i := range small.Len() {
			if got := without(t, small, i).Run(); got == want {
				t.Errorf("%s: operation %d is not needed", tr.Name, i)
			}
		}
		text, err := small.Text()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse("text", text)
		if err != nil || back.Run() != want {
			t.Errorf("%s: %v\n%s", tr.Name, err, text)
		}
		if f, err := small.Explain(); err != nil || len(f.Calls) != small.Len() {
			t.Errorf("%s: explained as %+v, %v", tr.Name, f, err)
		}
	}
}

// TestSamePlace holds that shrinking stays with the function that dies: under B35
// another one dies as well, in scenarios that are shorter.
func TestSamePlace(t *testing.T) {
	const scenario = "mutant B35\nsystem xen\nstart 4level-xen-4.17-16f-16mapped-1stale-wide\nsetup_start\nmap_all\nmap_lowmem f3\nrange fixmap\n"
	tr, err := Parse("f", []byte(scenario))
	if err != nil {
		t.Fatal(err)
	}
	small, _, err := tr.Shrink(0)
	if err != nil || small.Run() != tr.Run() || tr.Run().Place != "hooks.OneMDTableInit" {
		t.Errorf("%v became %v, %v", tr.Run(), small.Run(), err)
	}
	const elsewhere = "mutant B35\nsystem xen\nstart 2level-xen-3.1-12f-8mapped-2stale\nsetup_start\nmap_all\n"
	other, err := Parse("f", []byte(elsewhere))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := tr.Run(), other.Run(); a == b || !a.Meets(b.Anywhere()) || small.Len() < other.Len() {
		t.Errorf("%q and %q: want another function that dies the same way", a, b)
	}
}

// TestVerdicts writes verdicts and reads them.
func TestVerdicts(t *testing.T) {
	for _, v := range []Verdict{
		{}, {Kind: explore.Violated, What: "leaf-rewritten"}, {Kind: explore.Crashed, What: "bug"},
		{Kind: explore.Crashed, What: "bug", Place: "xen_set_pmd"},
	} {
		if got, err := ParseVerdict(v.String()); err != nil || got != v {
			t.Errorf("%q comes back as %q, %v", v, got, err)
		}
	}
	for _, bad := range []string{"", "violated", "holds on", "crashed", "crashed a b c", "broken x"} {
		if v, err := ParseVerdict(bad); err == nil {
			t.Errorf("%q is read as %q", bad, v)
		}
	}
	bug := Verdict{Kind: explore.Crashed, What: "bug", Place: "f"}
	if !bug.Meets(bug.Anywhere()) || bug.Anywhere().Meets(bug) || bug.Meets(Verdict{}) {
		t.Error("a verdict meets the wrong ones")
	}
}

// TestNoSuchWorld wants errors for worlds that do not exist.
func TestNoSuchWorld(t *testing.T) {
	if _, err := Boot("xen", "", 0, 0, "2level-8f", nil); err == nil {
		t.Error("a start of day of native for xen")
	}
	if _, err := Boot("solaris", "", 0, 0, "odd-0", nil); err == nil {
		t.Error("system solaris")
	}
	if _, err := Guest("adversary", "", "ideal", 1, 4, 1, []pvdp.GuestOp{}); err == nil {
		t.Error("four levels in one frame")
	}
	if _, err := Guest("adversary", "B08", "ideal", 5, 4, 1, nil); err == nil {
		t.Error("a mutant of another system")
	}
}
