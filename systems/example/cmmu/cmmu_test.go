package cmmu_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/hooks/chooks"
	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/check"
	"github.com/ptcheck/ptcheck/systems/example/cmmu"
	"github.com/ptcheck/ptcheck/xen"
)

// program compiles the example.
func program(t *testing.T) *chooks.Program {
	t.Helper()
	p, err := cmmu.Build()
	if errors.Is(err, chooks.ErrNoCompiler) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// system lays a table over native's hooks, or over Xen's.
func system(t *testing.T, p *chooks.Program, table string) systems.System {
	t.Helper()
	base, family := native.Ops(), boot.OnBareMetal
	if table == "c-xen" {
		base, family = xen.Ops(), boot.UnderXen
	}
	o, err := p.Lay(table, base)
	if err != nil {
		t.Fatal(err)
	}
	return family(table, "hooks in C", func() hooks.Ops { return o })
}

// TestNative searches the C hooks of a bare machine, all of them, and TestXen those of a
// guest of Xen; in the short form with two levels of tables.
func TestNative(t *testing.T) { holds(t, "c-native") }

func TestXen(t *testing.T) { holds(t, "c-xen") }

func holds(t *testing.T, table string) {
	t.Helper()
	var options []check.Option
	if !longtest.On() {
		options = append(options, check.Levels(2))
	}
	check.Backend(t, system(t, program(t), table), options...)
}

// TestSameAsGo wants the C hooks to lead to as many states, over as many steps, as those in
// Go that they are made after.
func TestSameAsGo(t *testing.T) {
	p := program(t)
	for table, like := range map[string]systems.System{
		"c-native": boot.OnBareMetal("native", "", native.Ops),
		"c-xen":    boot.UnderXen("xen", "", xen.Ops),
	} {
		ours, theirs := headline(t, system(t, p, table)), headline(t, like)
		if ours != theirs {
			t.Errorf("%s: %s; in Go: %s", table, ours, theirs)
		}
	}
}

func headline(t *testing.T, s systems.System) string {
	t.Helper()
	r, err := check.Run(t.Context(), s, check.Depth(6))
	if err != nil || r.Finding != nil {
		t.Fatal(err, r)
	}
	return r.Searches[0].Headline()
}

// TestMistakes wants each table of mistakes.c to be found out, at the line that is marked
// with its name, whatever it does to itself.
func TestMistakes(t *testing.T) {
	p := program(t)
	marks := marks(t)
	type mistake struct {
		table, breaks, says, function string
		calls, levels                 int
	}
	for _, want := range longtest.Part(t, []mistake{
		{"c-torn", "no-torn-entry", "", "torn_set_pte", 6, 3},
		{"c-breaks", "translations-kept", "", "breaking_set_pte", 2, 2},
		{"c-raw", "crash c-crash", "SIGSEGV: it followed 0x12000", "raw_set_pte", 2, 2},
		{"c-aborts", "crash c-crash", "abort()", "helper", 2, 2},
		{"c-asserts", "crash c-crash", "assertion `!(pte.pte & _PAGE_PRESENT)' failed", "asserting_set_pte", 2, 2},
		{"c-loops", "crash hang", "has computed for 100ms", "looping_set_pte", 2, 2},
		{"c-waits", "crash hang", "operations of the machine", "waiting_set_pte", 2, 2},
		{"c-exits", "crash c-crash", "exit status 3", "exiting_set_pte", 2, 2},
		{"c-deep", "crash c-crash", "the stack is used up", "endless", 2, 2},
		{"c-sleeps", "crash hang", "waits for something that is not the machine", "sleeping_set_pte", 2, 2},
		{"c-counts", "crash c-crash", "leaves the variable stores changed", "counting_set_pte", 2, 2},
	}, 3) {
		table := want.table
		t.Run(table, func(t *testing.T) {
			r := check.Finds(t, system(t, p, table), want.breaks, want.calls, check.Levels(want.levels), check.Depth(want.calls))
			at := r.Finding.Site()
			if at == nil || at.Function != want.function || at.Place() != marks[table] || !strings.Contains(r.Finding.Crash, want.says) {
				t.Errorf("%q at %v; want %q in %s %s", r.Finding.Crash, at, want.says, want.function, marks[table])
			}
			if code := reports.Source(at); !strings.Contains(code, "mark: "+table) {
				t.Errorf("the code that is shown is not that of the line:\n%s", code)
			}
		})
	}
	for _, table := range p.Tables() {
		if holds := table == "c-native" || table == "c-xen" || table == "c-scratch"; holds != (marks[table] == "") {
			t.Errorf("table %s: marked at %q", table, marks[table])
		}
	}
}

// TestScratch wants a variable that may be lost to have its first value in each call.
func TestScratch(t *testing.T) {
	r, err := check.Run(t.Context(), system(t, program(t), "c-scratch"), check.Levels(2), check.Depth(4))
	if err != nil || r.Finding != nil {
		t.Error(err, r)
	}
}

// marks are the lines of mistakes.c with a mark, as file:line by mark.
func marks(t *testing.T) map[string]string {
	t.Helper()
	src, err := os.ReadFile("c/mistakes.c")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for i, line := range strings.Split(string(src), "\n") {
		if _, mark, ok := strings.Cut(line, "/* mark: "); ok {
			out[strings.TrimSuffix(mark, " */")] = fmt.Sprintf("systems/example/cmmu/c/mistakes.c:%d", i+1)
		}
	}
	return out
}
