package check_test

import (
	"fmt"
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/native"
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

func bare() kernel.Backend { return boot.OnBareMetal("mine", "my own", native.Ops) }

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
		{"no such scope", func(t testing.TB) { check.Backend(t, bare(), check.Levels(4)) }, []string{"no start-of-day"}},
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

// TestSaved runs a saved counterexample again, on a backend of the list.
func TestSaved(t *testing.T) {
	dir := t.TempDir()
	b, _ := all.FindBackend("shadow")
	r := check.Finds(t, b, "leaf-rewritten", 2, check.Levels(2), check.Patch(skipPresent), check.Save(dir))
	name := strings.TrimPrefix(r.Finding.Replay, "ptcheck replay ")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	f, err := script.Parse(name, text)
	if err != nil {
		t.Fatal(err)
	}
	play, err := all.Run(f, kernel.Options{Patch: skipPresent})
	if err != nil || !play.Failed || play.Answers[len(play.Answers)-1].Text != "violated leaf-rewritten" {
		t.Errorf("%v, %+v", err, play)
	}
}
