package mutants

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/all"
)

// catalogue are the names of the real bugs that were collected: B of booting
// kernels, L of life after boot, X of the hypervisor. Numbers that are missing
// were no page-table bugs.
const catalogue = `
	B01 B02 B03 B04 B05 B06 B08 B09 B10 B11 B13 B14 B15 B17 B18 B20 B21 B22 B24 B25 B26 B27 B28 B29 B30
	B32 B33 B35 B36 B37 B38 B39 B40 B41 B42 B43 B44
	L01 L02 L03 L04 L05 L06 L07 L08 L09 L11 L12 L13 L14 L15 L16 L18 L19 L21 L22 L23 L24 L25
	X01 X02 X03 X04 X05 X06 X07 X08 X09 X10 X11 X12 X13 X14 X15 X16 X17 X18 X20 X21 X22 X23 X24 X26 X27 X28
	X29 X31 X32 X33 X34 X35 X36 X37 X38 X39 X40 X41 X42 X43 X44 X47 X49 X50 X51 X52 X53 X55`

// section returns the items of a list in docs/mutants.md under the headings that
// contain some words.
func section(t *testing.T, heading string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/mutants.md")
	if err != nil {
		t.Fatal(err)
	}
	var items []string
	for _, part := range strings.Split(string(text), "\n## ")[1:] {
		head, body, _ := strings.Cut(part, "\n")
		if !strings.Contains(head, heading) {
			continue
		}
		for _, item := range strings.Split(body, "\n* ")[1:] {
			item, _, _ = strings.Cut(item, "\n\n")
			items = append(items, item)
		}
	}
	return items
}

// TestCatalogueIsCovered wants each real bug planted, or left out with a reason,
// and not both.
func TestCatalogueIsCovered(t *testing.T) {
	left := map[string]bool{}
	for _, item := range section(t, "left out") {
		ids, reason, ok := strings.Cut(item, ":")
		if !ok || len(strings.Fields(reason)) < 5 {
			t.Errorf("docs/mutants.md: %q: want IDs, a colon and a reason", item)
		}
		for _, id := range strings.Split(ids, ", ") {
			left[id] = true
		}
	}
	bugs := strings.Fields(catalogue)
	for _, id := range bugs {
		planted := slices.ContainsFunc(All(), func(m Mutant) bool { return strings.HasPrefix(m.ID, id) })
		if planted == left[id] {
			t.Errorf("%s: planted %v, left out %v", id, planted, left[id])
		}
	}
	for id := range left {
		if !slices.Contains(bugs, id) {
			t.Errorf("docs/mutants.md leaves out %s, which is not in the catalogue", id)
		}
	}
}

// everyRuleIsNeeded wants of each rule a mutant that it alone catches, unless
// docs/mutants.md says why there is none.
func everyRuleIsNeeded(t *testing.T, results []Result) {
	rules := invariants.All()
	for _, s := range all.Systems() {
		if b, ok := s.(systems.Ruled); ok {
			rules = append(rules, b.OwnRules()...)
		}
	}
	var ids []string
	for _, r := range rules {
		if !r.OnlyTraces() { // package recorded breaks those that judge recordings alone
			ids = append(ids, r.ID)
		}
	}
	alone := map[string]bool{}
	for _, k := range KillsOf(ids, results) {
		alone[k.Rule] = len(k.Sole) > 0
	}
	excused := map[string]bool{}
	for _, item := range section(t, "Rules that others subsume") {
		id, _, _ := strings.Cut(strings.TrimPrefix(item, "`"), "`")
		excused[id] = true
		if !slices.Contains(ids, id) {
			t.Errorf("docs/mutants.md excuses %q, which is no rule", id)
		}
	}
	for _, id := range ids {
		if alone[id] == excused[id] {
			t.Errorf("%s: a mutant that it alone catches: %v; excused in docs/mutants.md: %v", id, alone[id], excused[id])
		}
	}
}
