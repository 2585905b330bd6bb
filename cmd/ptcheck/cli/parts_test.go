package cli

import (
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

// TestBudgets searches parts that have a budget of their own: using it up is an answer,
// and the verdict says how far it went; a limit that is asked for is none.
func TestBudgets(t *testing.T) {
	args := []string{"explore", "life-native", "--save=", "--depth=8", "--combine=2"}
	if !longtest.On() {
		args = append(args, "--levels=3")
	}
	code, out, errs := ptcheck(t, args...)
	if code != exitHolds || strings.Count(out, "until its budget of states was spent") != 2 || !strings.Contains(out, "life-native pairs of themes: holds to depth") {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	if code, out, errs = ptcheck(t, append(args, "--max-states=4000")...); code != exitStopped || strings.Contains(out, "budget") {
		t.Errorf("with a limit: exit %d, %s%s", code, out, errs)
	}
	code, out, errs = ptcheck(t, append(args, "--themes=fork+pages", "--levels=2", "--depth=3")...)
	if code != exitHolds || !strings.Contains(out, "scope: 1 booted machines") {
		t.Errorf("one combination: exit %d, %s%s", code, out, errs)
	}
	if code, out, errs = ptcheck(t, append(args, "--themes=fork+nothing")...); code != exitUsage || !strings.Contains(errs, `"nothing": want fork`) {
		t.Errorf("no such theme: exit %d, %s%s", code, out, errs)
	}
}
