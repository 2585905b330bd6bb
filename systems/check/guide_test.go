package check_test

import (
	"github.com/ptcheck/ptcheck/systems/boot"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/check"
)

// guideOps are the hooks of docs/your-backend.md, with their mistake.
func guideOps() hooks.Ops {
	o := native.Ops()
	o.Name = "mine"
	o.SetPTE[model.VariantLate] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		if k.Read(ptep).Is(model.Present) {
			return // it is mapped already
		}
		native.SetPTE(k, ptep, pte)
	}
	return o
}

// TestGuide compares the counterexample in docs/your-backend.md with the one that
// its reader gets.
func TestGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/your-backend.md")
	if err != nil {
		t.Fatal(err)
	}
	r := check.Finds(t, boot.OnBareMetal("mine", "my platform", guideOps), "leaf-rewritten", 2)
	var report strings.Builder
	if err := reports.WriteFinding(&report, r.Finding, false); err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(report.String(), "\n\nstart of day")
	_, calls, _ := strings.Cut(rest, "calls (2):")
	calls, _, _ = strings.Cut(calls, "\n\n")
	// Lines of the source move; what stands there does not.
	numbers := regexp.MustCompile(`(\.go):\d+`)
	for line := range strings.Lines(head + "\ncalls (2):" + calls) {
		if strings.TrimSpace(line) != "" && !strings.Contains(numbers.ReplaceAllString(string(guide), "$1"), "    "+numbers.ReplaceAllString(strings.TrimRight(line, "\n"), "$1")+"\n") {
			t.Errorf("the guide lacks %q", line)
		}
	}
}
