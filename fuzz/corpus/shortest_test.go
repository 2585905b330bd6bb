package corpus

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/systems"
)

// TestShortest shrinks the shortest scenarios that there are: they get no shorter, end
// as before, need every operation, read back as they are, and are explained.
func TestShortest(t *testing.T) {
	set := setOf(t)
	names, err := Files(".")
	if err != nil {
		t.Fatal(err)
	}
	failing := 0
	names = longtest.Part(t, names, 29)
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := set.Parse(name, src)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(src, []byte("\nsystem ")) {
			continue // a script has its answers beside its operations
		}
		if !bytes.Equal(f.Text(), src) {
			t.Errorf("%s comes back as\n%s", name, f.Text())
		}
		if verdict(t, f).Fails() {
			failing++
			shortest(t, set, f)
		} else if _, _, err := f.Shrink(0); err == nil {
			t.Errorf("%s: shrunk, though nothing goes wrong", name)
		}
	}
	if failing < len(names)/4 {
		t.Errorf("only %d scenarios of %d in which something goes wrong", failing, len(names))
	}
}

// verdict is how a scenario ends.
func verdict(t *testing.T, f *systems.File) systems.Verdict {
	t.Helper()
	v, err := f.Verdict()
	if err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return v
}

// shortest holds that nothing can be left out of a scenario.
func shortest(t *testing.T, set *systems.Set, f *systems.File) {
	t.Helper()
	want := verdict(t, f)
	small, how, err := f.Shrink(0)
	if err != nil || small.Len() != f.Len() || !how.Minimal || how.To != how.From {
		t.Errorf("%s: %+v, %v", f.Name, how, err)
		return
	}
	if got := verdict(t, small); got != want {
		t.Errorf("%s: ends as %q, shrunk as %q", f.Name, want, got)
	}
	for i := range small.Len() {
		all := make([]int, small.Len())
		for n := range all {
			all[n] = n
		}
		less, err := small.Only(slices.Delete(all, i, i+1))
		if err != nil {
			t.Fatal(err)
		}
		if got := verdict(t, less); got == want {
			t.Errorf("%s: operation %d is not needed", f.Name, i+1)
		}
	}
	back, err := set.Parse(f.Name, small.Text())
	if err != nil || verdict(t, back) != want {
		t.Errorf("%s: %v\n%s", f.Name, err, small.Text())
	}
	if rep, err := small.Explain(); err != nil || len(rep.Calls) != small.Len() {
		t.Errorf("%s: explained as %+v, %v", f.Name, rep, err)
	}
}
