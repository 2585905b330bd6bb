package systems_test

import (
	"testing"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// TestVerdicts writes verdicts and reads them.
func TestVerdicts(t *testing.T) {
	for _, v := range []systems.Verdict{
		{}, {Kind: explore.Violated, What: "leaf-rewritten"}, {Kind: explore.Crashed, What: "bug"},
		{Kind: explore.Crashed, What: "bug", Place: "xen_set_pmd"},
	} {
		if got, err := systems.ParseVerdict(v.String()); err != nil || got != v {
			t.Errorf("%q comes back as %q, %v", v, got, err)
		}
	}
	for _, bad := range []string{"", "violated", "holds on", "crashed", "crashed a b c", "broken x"} {
		if v, err := systems.ParseVerdict(bad); err == nil {
			t.Errorf("%q is read as %q", bad, v)
		}
	}
	bug := systems.Verdict{Kind: explore.Crashed, What: "bug", Place: "f"}
	if !bug.Meets(bug.Anywhere()) || bug.Anywhere().Meets(bug) || bug.Meets(systems.Verdict{}) {
		t.Error("a verdict meets the wrong ones")
	}
}
