package property_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/commands"
	"pgregory.net/rapid"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/fuzz/property"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/drawn"
	"github.com/ptcheck/ptcheck/systems/pvdp"
)

// TestMutantTable measures which mutants the properties find with the default
// number of checks: rows of docs/properties.md, written to the file that the
// environment variable PTCHECK_MUTANT_TABLE names. PTCHECK_MUTANT_SEEDS is the
// number of seeds, 10 if unset, PTCHECK_MUTANT_IDS the mutants, all if unset. It is
// slow, and skipped without the variable.
func TestMutantTable(t *testing.T) {
	path := os.Getenv("PTCHECK_MUTANT_TABLE")
	if path == "" {
		t.Skip("PTCHECK_MUTANT_TABLE is not set")
	}
	seeds := 10
	if n, err := strconv.Atoi(os.Getenv("PTCHECK_MUTANT_SEEDS")); err == nil {
		seeds = n
	}
	flags := map[string]string{"rapid.nofailfile": "true", "rapid.shrinktime": "0s"}
	for name, value := range flags {
		defer restore(t, name)()
		set(t, name, value)
	}
	defer restore(t, "rapid.seed")()
	list, err := mutants.Find(strings.Fields(os.Getenv("PTCHECK_MUTANT_IDS")))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, m := range list {
		r, g := rapidFinds(t, &m, seeds, &finding{}), gopterFinds(&m, seeds, &finding{})
		fmt.Fprintf(&b, "%s\t%s\t%s\n", m.ID, r, g)
		t.Logf("%s: rapid %s, gopter %s", m.ID, r, g)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func set(t *testing.T, name, value string) {
	t.Helper()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
}

// restore returns what gives a flag its present value back.
func restore(t *testing.T, name string) func() {
	old := flag.Lookup(name).Value.String()
	return func() { set(t, name, old) }
}

// kinds are the families that a mutant of a kernel shows in.
func kinds(m *mutants.Mutant) []drawn.Kind {
	var out []drawn.Kind
	for _, k := range drawn.Kinds() {
		if k.Backend == m.SystemName() && (m.Levels() == 0 || k.Levels == m.Levels()) {
			out = append(out, k)
		}
	}
	return out
}

// rapidFinds counts the seeds for which some property of rapid fails.
func rapidFinds(t *testing.T, m *mutants.Mutant, seeds int, f *finding) string {
	var props []func(*rapid.T)
	for _, kind := range kinds(m) {
		props = append(props, lives(kind, m.Change.Kernel, f))
	}
	if m.SystemName() == pvdp.Reference().About().Name {
		p := model.Plain()
		p.Mutant = m.Change.Hypervisor
		props = append(props, contained(func(d drawn.Draw) (*property.Guest, error) { return property.PVDP(d, p, m.Levels()) }, f))
	}
	if len(props) == 0 {
		s, err := m.Search()
		if err != nil {
			t.Fatal(err)
		}
		props = append(props, wanders(s.Model))
	}
	return share(props, seeds, func(prop func(*rapid.T), seed int) int {
		set(t, "rapid.seed", fmt.Sprint(seed))
		return falsified(prop)
	})
}

// falsified is the number of checks that rapid needs for a counterexample, 0 if it
// finds none.
func falsified(prop func(*rapid.T)) int {
	tb := &quiet{done: make(chan struct{})}
	checks, first := 0, 0
	go func() {
		defer close(tb.done)
		rapid.Check(tb, func(t *rapid.T) {
			checks++
			passed := false
			defer func() {
				if !passed && first == 0 {
					first = checks
				}
			}()
			prop(t)
			passed = true
		})
	}()
	<-tb.done
	if !tb.failed {
		return 0
	}
	return first
}

// quiet is a test that only notes whether it has failed.
type quiet struct {
	rapid.TB
	failed bool
	done   chan struct{}
}

func (q *quiet) Helper()               {}
func (q *quiet) Name() string          { return "mutant" }
func (q *quiet) Logf(string, ...any)   {}
func (q *quiet) Log(...any)            {}
func (q *quiet) Errorf(string, ...any) { q.failed = true }
func (q *quiet) Failed() bool          { return q.failed }
func (q *quiet) Fail()                 { q.failed = true }
func (q *quiet) FailNow()              { q.failed = true; runtime.Goexit() }

// gopterFinds counts the seeds for which some conformance fails.
func gopterFinds(m *mutants.Mutant, seeds int, f *finding) string {
	var props []commands.Commands
	for _, kind := range kinds(m) {
		props = append(props, addressSpace(kind, m.Change.Kernel, f))
	}
	if m.SystemName() == pvdp.Reference().About().Name {
		p := model.Plain()
		p.Mutant = m.Change.Hypervisor
		props = append(props, ownership(*p, m.Levels(), f))
	}
	return share(props, seeds, func(c commands.Commands, seed int) int {
		p := gopter.DefaultTestParametersWithSeed(int64(seed))
		p.MaxShrinkCount = 0
		r := commands.Prop(c).Check(p)
		if r.Status != gopter.TestFailed {
			return 0
		}
		return r.Succeeded + 1
	})
}

// share says for how many seeds one of several properties fails, and how many
// checks that takes: the median of the seeds that find something. fails returns
// the number of checks, 0 for none.
func share[T any](props []T, seeds int, fails func(T, int) int) string {
	if len(props) == 0 {
		return "-\t-"
	}
	var checks []int
	for seed := 1; seed <= seeds; seed++ {
		before := 0
		for _, p := range props {
			if n := fails(p, seed); n > 0 {
				checks = append(checks, before+n)
				break
			}
			before += 100
		}
	}
	if len(checks) == 0 {
		return fmt.Sprintf("0/%d\t-", seeds)
	}
	slices.Sort(checks)
	return fmt.Sprintf("%d/%d\t%d", len(checks), seeds, checks[len(checks)/2])
}

// TestMutantsFound holds that the properties can fail: a few mutants, one of each
// kind of system, are found.
func TestMutantsFound(t *testing.T) {
	defer restore(t, "rapid.nofailfile")()
	defer restore(t, "rapid.shrinktime")()
	defer restore(t, "rapid.seed")()
	set(t, "rapid.nofailfile", "true")
	set(t, "rapid.shrinktime", "0s")
	list, err := mutants.Find([]string{"B02", "B08", "X43"})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		if r := rapidFinds(t, &m, 1, &finding{}); !strings.HasPrefix(r, "1/1") {
			t.Errorf("rapid does not find %s", m.ID)
		}
		if r := gopterFinds(&m, 1, &finding{}); !strings.HasPrefix(r, "1/1") {
			t.Errorf("gopter does not find %s", m.ID)
		}
	}
}
