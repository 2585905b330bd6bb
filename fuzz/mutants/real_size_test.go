package mutants

import (
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
)

// findingAt boots a machine of real size with a bug, and says what is found first, as
// [Mutant.Catch] does, "" for nothing, and which frame that is about.
func findingAt(t *testing.T, c systems.EarlyStart, change systems.Change) (how string, f model.Frame) {
	t.Helper()
	b := boot.Early("real", "machines of real size", func() []systems.EarlyStart { return []systems.EarlyStart{c} })
	s, err := b.New(kernel.Options{Change: change})
	if err != nil {
		t.Fatal(err)
	}
	x := invariants.New(s.Rules())
	x.Begin(s.Inits[0].State)
	w := kerneltest.NewWholeBoot(s, 0, x)
	w.Plant(change)
	for call, ok := w.Next(); ok; call, ok = w.Next() {
		died := w.Call(call)
		switch {
		case x.Violated >= 0:
			f, _ = x.Detail.Frame()
			return x.Rules()[x.Violated].ID, f
		case died != nil:
			return "crash " + died.Kind.String(), 0
		}
	}
	return "", 0
}

// otherAtRealSize are bugs that do something else on machines of real size, and what.
func otherAtRealSize() map[string]string {
	return map[string]string{
		"latest-table": "needs a buffer right behind a table in use: memory is roomier",
		"brim-refused": "needs memory that just fits",
		"B24":          "up to the next large page behind the list nothing is in use",
		"B35-full":     "tables for the whole range do not fit into memory: the kernel panics",
		"slot-flush":   "changes-flushed is first",
	}
}

// TestMutantsAtRealSize plants the bugs of later 64-bit kernels in machines of real size: the
// same rule finds each of them as on the small machines.
func TestMutantsAtRealSize(t *testing.T) {
	list := slices.DeleteFunc(All(), func(m Mutant) bool {
		later := m.SystemName() == boot.Buffer().Name || m.SystemName() == boot.TopDown().Name
		return !later || m.Levels() != 4 || m.Catch == ""
	})
	others, high := otherAtRealSize(), 0
	part := longtest.Part(t, list, 4)
	for _, m := range part {
		topDown := m.SystemName() == boot.TopDown().Name
		var found []string
		caught := false
		for _, c := range boot.RealSize(topDown, 1<<14) {
			how, f := findingAt(t, c, m.Change)
			if found = append(found, how); how == m.Catch {
				caught = true
				if f >= 64 {
					high++
				}
			}
		}
		if why, other := others[m.ID]; caught == other {
			t.Errorf("%s: found %q, want %s; other than on small machines: %q", m.ID, found, m.Catch, why)
		}
	}
	t.Logf("%d bugs, found by the same rule with a frame from 64 on: %d times", len(part), high)
	if len(list) < 30 || high < len(part)/3 {
		t.Error("too few")
	}
}
