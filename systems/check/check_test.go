package check_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/check"
	"github.com/ptcheck/ptcheck/xen"
)

// recorder is a test that notes how it ends.
type recorder struct {
	testing.TB
	died string
}

func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}
func (r *recorder) Fatal(args ...any)   { r.Fatalf("%s", fmt.Sprint(args...)) }
func (r *recorder) Fatalf(format string, args ...any) {
	r.died = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// outcome runs a test of a test and returns what it died of.
func outcome(t *testing.T, test func(testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(r)
	}()
	<-done
	return r.died
}

func bare() systems.System { return boot.OnBareMetal("mine", "my own", native.Ops) }

// skipPresent is a kernel that keeps leaves that are there already.
func skipPresent(_ *hooks.Ops, f *hooks.Funcs) {
	f.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
		if !k.Read(pte).Is(model.Present) {
			hooks.MapPage(k, pte, pfn)
		}
	}
}

func TestBackend(t *testing.T) {
	paravirt := boot.UnderXen("mine", "my own", xen.Ops)
	for _, x := range []struct {
		name string
		test func(testing.TB)
		want []string // parts of what it dies of; none: it passes
	}{
		{"holds", func(t testing.TB) { check.Backend(t, bare(), check.Levels(2)) }, nil},
		{"holds under Xen", func(t testing.TB) { check.Backend(t, paravirt, check.Levels(4)) }, nil},
		{"holds to a depth", func(t testing.TB) { check.Backend(t, bare(), check.Depth(3)) }, nil},
		{"a planted bug", func(t testing.TB) { check.Backend(t, bare(), check.Levels(2), check.Patch(skipPresent)) },
			[]string{"violated: leaf-rewritten", "map_lowmem f0", "scenario:", "system mine"}},
		{"a bug planted as data", func(t testing.TB) {
			check.Backend(t, bare(), check.Levels(2), check.Change(systems.Change{Kernel: skipPresent}))
		}, []string{"violated: leaf-rewritten"}},
		{"no such scope", func(t testing.TB) { check.Backend(t, bare(), check.Levels(4)) }, []string{"no start-of-day"}},
		{"no such levels", func(t testing.TB) { check.Backend(t, bare(), check.Levels(5)) }, []string{"--levels: 5: want 2 to 4"}},
		{"no such setting", func(t testing.TB) { check.Backend(t, bare(), check.Set("profile", "ideal")) }, []string{"--profile means nothing to system mine"}},
		{"under one profile", func(t testing.TB) { check.Backend(t, paravirt, check.Levels(2), check.Set("profile", "xen-3.1")) }, nil},
		{"half done", func(t testing.TB) {
			check.Backend(t, boot.OnBareMetal("mine", "my own", func() hooks.Ops {
				o := native.Ops()
				o.SetPGD, o.FlushTLB = nil, nil
				return o
			}))
		}, []string{"hooks that are not set: SetPGD, FlushTLB"}},
		{"out of time", func(t testing.TB) { check.Backend(t, bare(), check.Timeout(time.Nanosecond)) }, []string{"stopped by timeout"}},
		{"found", func(t testing.TB) {
			check.Finds(t, bare(), "leaf-rewritten", 2, check.Levels(2), check.Patch(skipPresent))
		}, nil},
		{"not found", func(t testing.TB) { check.Finds(t, bare(), "leaf-rewritten", 2, check.Levels(2)) }, []string{"nothing found"}},
		{"found later", func(t testing.TB) {
			check.Finds(t, bare(), "leaf-rewritten", 1, check.Levels(2), check.Patch(skipPresent))
		}, []string{"after 2 calls; want leaf-rewritten after 1"}},
		{"a bound", func(t testing.TB) { check.Finds(t, bare(), "crash hang", 1, check.Levels(2), check.Budget(3)) }, nil},
		{"a hang", func(t testing.TB) {
			check.Finds(t, bare(), "crash hang", 2, check.Levels(2), check.Patch(func(o *hooks.Ops, _ *hooks.Funcs) {
				o.SetPTE[model.VariantLate] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
					for k.Read(ptep) != pte {
					}
				}
			}))
		}, nil},
		{"a panic", func(t testing.TB) {
			check.Backend(t, bare(), check.Levels(2), check.Patch(func(o *hooks.Ops, _ *hooks.Funcs) {
				o.SetPTE[model.VariantLate] = func(*hooks.Kernel, model.VA, model.Entry) { panic("boom") }
			}))
		}, []string{"crashed: go-panic boom", "code: check_test.TestBackend.", "systems/check/check_test.go:", "calls (2)", "scenario:"}},
		{"hidden state", func(t testing.TB) {
			n := 0
			check.Backend(t, bare(), check.Levels(2), check.Twice(), check.Workers(1), check.Patch(func(o *hooks.Ops, _ *hooks.Funcs) {
				o.SetPTE[model.VariantLate] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
					if n++; n%2 == 0 {
						k.Write(ptep, pte)
					}
				}
			}))
		}, []string{"map_lowmem f0, from 2level-", "the hook gave two different results for the same state"}},
		{"a death", func(t testing.TB) {
			check.Finds(t, bare(), "crash null-call", 2, check.Levels(2), check.Patch(func(o *hooks.Ops, _ *hooks.Funcs) {
				o.SetPTE[model.VariantLate] = nil
			}))
		}, nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			died := outcome(t, x.test)
			if (died == "") != (x.want == nil) {
				t.Fatalf("died of %q, want %q", died, x.want)
			}
			for _, part := range x.want {
				if !strings.Contains(died, part) {
					t.Errorf("%q lacks %q", died, part)
				}
			}
		})
	}
}

// TestSaved runs a saved counterexample again.
func TestSaved(t *testing.T) {
	r := check.Finds(t, bare(), "leaf-rewritten", 2, check.Levels(2), check.Patch(skipPresent), check.Save(t.TempDir()), check.Command("go run ./cmd/mine"))
	if r.Finding.Replay != "go run ./cmd/mine replay "+r.Saved || filepath.Base(r.Saved) != "ptcheck-mine-leaf-rewritten.pt" {
		t.Errorf("saved as %s, to be replayed with %q", r.Saved, r.Finding.Replay)
	}
	text, err := os.ReadFile(r.Saved)
	if err != nil {
		t.Fatal(err)
	}
	set, err := systems.NewSet(nil, bare())
	if err != nil {
		t.Fatal(err)
	}
	f, err := set.Parse(r.Saved, text)
	if err != nil {
		t.Fatal(err)
	}
	f.Scenario = f.Scenario.With(systems.Change{Kernel: skipPresent})
	if v, err := f.Verdict(); err != nil || v.String() != "violated leaf-rewritten" {
		t.Errorf("%v, %v", v, err)
	}
}

// reported is the JSON report in a folder that holds all that the report names.
func reported(t *testing.T, dir string) *reports.Report {
	t.Helper()
	for _, f := range reports.Formats() {
		if info, err := os.Stat(filepath.Join(dir, f.File)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r reports.Report
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	for _, run := range r.Runs {
		for _, f := range run.Findings {
			_, name, ok := strings.Cut(f.Replay, " replay ")
			if text, err := os.ReadFile(filepath.Join(dir, name)); !ok || err != nil || string(text) != f.Scenario {
				t.Errorf("%q: %v\n%s", f.Replay, err, text)
			}
		}
	}
	return &r
}

// TestReports writes what was found out into folders: that of the environment, and the
// one that a test asks for.
func TestReports(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PTCHECK_REPORT", dir)
	bug := []check.Option{check.Levels(2), check.Patch(skipPresent)}
	if died := outcome(t, func(t testing.TB) { check.Backend(t, bare(), bug...) }); died == "" {
		t.Error("passes")
	}
	r := reported(t, filepath.Join(dir, t.Name()))
	if len(r.Runs) != 1 || r.Runs[0].Verdict != reports.Violated || len(r.Runs[0].Findings) != 1 {
		t.Errorf("%+v", r.Runs)
	}
	mine := t.TempDir()
	check.Backend(t, bare(), check.Levels(2), check.Reports(mine))
	if r := reported(t, mine); len(r.Runs) != 1 || r.Runs[0].Verdict != reports.Holds || r.Runs[0].Stats == nil || r.Tool.Version == "" {
		t.Errorf("%+v", r)
	}
}

// several is a system with a search for each number of levels.
type several struct{ systems.System }

func (s several) Searches(v systems.Values, c systems.Change) ([]*systems.Search, error) {
	var out []*systems.Search
	for _, levels := range []string{"2", "3"} {
		list, err := s.System.Searches(systems.Values{"levels": levels}, c)
		if err != nil {
			return nil, err
		}
		list[0].Part, list[0].Depth = levels+"level", 2
		out = append(out, list...)
	}
	return out, nil
}

// TestSeveralSearches makes all searches of a system, each to its depth, and stops at
// the first that finds something.
func TestSeveralSearches(t *testing.T) {
	r, err := check.Run(t.Context(), several{bare()})
	if err != nil || len(r.Searches) != 2 || r.Finding != nil || r.Searches[1].Headline() == "" {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, o := range r.Searches {
		if o.Result.Diameter != 2 || o.Word() != reports.Holds {
			t.Errorf("%s: %s", o.Search.Title(), o.Headline())
		}
	}
	r = check.Finds(t, several{bare()}, "leaf-rewritten", 2, check.Patch(skipPresent), check.Save(t.TempDir()))
	if len(r.Searches) != 1 || filepath.Base(r.Saved) != "ptcheck-mine-2level-leaf-rewritten.pt" {
		t.Errorf("%d searches, saved as %s", len(r.Searches), r.Saved)
	}
}
