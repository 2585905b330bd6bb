// Package check searches a backend from a Go test: one call, and the test fails
// with a counterexample to read.
//
//	func TestMyBackend(t *testing.T) {
//		check.Backend(t, system.OnBareMetal("mine", "my platform", mine.Ops))
//	}
package check

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// Option changes what is searched.
type Option func(*config)

type config struct {
	system kernel.Options
	search explore.Options
	save   string
}

// Depth bounds the number of calls in a row; without it the search goes on until
// nothing new is found.
func Depth(calls int) Option { return func(c *config) { c.search.Depth = calls } }

// Timeout fails a test whose search has not ended by then.
func Timeout(d time.Duration) Option { return func(c *config) { c.search.Timeout = d } }

// Workers is the number of goroutines; no result depends on it.
func Workers(n int) Option { return func(c *config) { c.search.Workers = n } }

// Levels keeps to geometries of these numbers of table levels, 2 to 4.
func Levels(levels ...int) Option { return func(c *config) { c.system.Levels = levels } }

// Lowmem is the number of frames of low memory.
func Lowmem(frames int) Option { return func(c *config) { c.system.Lowmem = frames } }

// Budget bounds the operations of a call (loads, stores, hypercalls, flushes): one that
// takes more is found as "crash hang". Without it a generous bound follows from the size
// of memory.
func Budget(operations int) Option { return func(c *config) { c.system.Budget = operations } }

// Patience is how long a call may take on the clock before the test fails because of a
// hook that never returns, [kernel.Patience] without it.
func Patience(d time.Duration) Option { return func(c *config) { c.system.Patience = d } }

// Twice makes every call twice from the same state, and fails if it does not come to the
// same both times: the hooks remember something of their own. Without it only the calls of
// some states are made twice: of the first ones, and of one in 256 of the others.
func Twice() Option { return func(c *config) { c.system.Recheck = 1 } }

// Patch replaces functions of the kernel: it plants a bug.
func Patch(patch func(*hooks.Ops, *hooks.Funcs)) Option {
	return func(c *config) { c.system.Patch = patch }
}

// Save writes a counterexample into a folder as a scenario file, for ptcheck
// replay and ptcheck show. They know the backends of [system.Backends].
func Save(dir string) Option { return func(c *config) { c.save = dir } }

// Result is what a search found out.
type Result struct {
	explore.Result
	System *kernel.System
	// Finding is the shortest counterexample, nil if there is none.
	Finding *reports.Finding
	// Breaks is the ID of the rule that it breaks, or "crash KIND"; "" for none.
	Breaks string
	// Scenario is the counterexample as a scenario file.
	Scenario []byte

	whole bool // all numbers of levels were searched
}

// Run searches a backend's system for the shortest counterexample.
func Run(ctx context.Context, b kernel.Backend, opts ...Option) (*Result, error) {
	var c config
	for _, o := range opts {
		o(&c)
	}
	s, err := b.New(c.system)
	if err != nil {
		return nil, fmt.Errorf("check: %s: %w", b.Name, err)
	}
	found, err := kernel.Search(ctx, func() explore.Model { return s.NewModel() }, c.search)
	if err != nil {
		return nil, fmt.Errorf("check: %s: %w", b.Name, err)
	}
	r := &Result{Result: found, System: s, whole: c.system.Levels == nil}
	if len(found.Findings) == 0 {
		return r, nil
	}
	if err := r.explain(&c); err != nil {
		return nil, fmt.Errorf("check: %s: %w", b.Name, err)
	}
	return r, nil
}

// explain turns the first finding into a report and a scenario.
func (r *Result) explain(c *config) (err error) {
	f := r.Findings[0]
	path := make([]kernel.Call, len(f.Path))
	for i, code := range f.Path {
		path[i] = kernel.CallOf(code)
	}
	if r.Finding, err = r.System.Explain(f.Init, path); err != nil {
		return err
	}
	if r.Breaks = r.Finding.Rule; f.Kind == explore.Crashed {
		r.Breaks = "crash " + model.CrashKind(f.Rule).String()
	}
	r.Scenario = r.System.Scenario(f.Init, path, r.Finding.Headline())
	if c.save == "" {
		return nil
	}
	name := filepath.Join(c.save, fmt.Sprintf("ptcheck-%s-%s.pt", r.System.Name, strings.ReplaceAll(r.Breaks, " ", "-")))
	r.Finding.Replay = "ptcheck replay " + name
	return os.WriteFile(name, r.Scenario, 0o644)
}

// Untested lists the rules and calls that the search never put to the test.
func (r *Result) Untested() []string {
	run := reports.Run{Coverage: r.System.Coverage(r.Counters)}
	return run.Vacuous()
}

// Backend searches a backend's system exhaustively. The test fails with the
// report of a shortest counterexample; also when the search ends before its time,
// or when a complete one of the whole family never made a call or never put a rule
// to the test.
func Backend(t testing.TB, b kernel.Backend, opts ...Option) {
	t.Helper()
	r, err := Run(t.Context(), b, opts...)
	switch {
	case err != nil:
		t.Fatal(failure(err))
	case r.Finding != nil:
		t.Fatalf("%s\n%s", b.Name, text(r))
	case r.Stopped != explore.StopNone && r.Stopped != explore.StopDepth:
		t.Fatalf("%s: stopped by %v after %d states, nothing found so far", b.Name, r.Stopped, r.States)
	case r.Complete && r.whole && len(r.Untested()) > 0:
		t.Fatalf("%s: never put to the test: %s", b.Name, strings.Join(r.Untested(), ", "))
	}
	t.Logf("%s holds (complete: %t, %d states, %d transitions, diameter %d)", b.Name, r.Complete, r.States, r.Transitions, r.Diameter)
}

// Finds searches a backend with a planted bug. The test fails unless the
// shortest counterexample breaks the rule named (or is a death, "crash KIND") in
// so many calls.
func Finds(t testing.TB, b kernel.Backend, rule string, calls int, opts ...Option) *Result {
	t.Helper()
	r, err := Run(t.Context(), b, opts...)
	switch {
	case err != nil:
		t.Fatal(failure(err))
	case r.Finding == nil:
		t.Fatalf("%s: nothing found in %d states; want %s", b.Name, r.States, rule)
	case r.Breaks != rule || len(r.Finding.Calls) != calls:
		t.Fatalf("%s: %s after %d calls; want %s after %d\n%s", b.Name, r.Breaks, len(r.Finding.Calls), rule, calls, text(r))
	}
	return r
}

// failure tells why there is no answer. Of a hook that never returns there is a stack and a
// way to it.
func failure(err error) string {
	var stuck *kernel.Stuck
	if !errors.As(err, &stuck) {
		return err.Error()
	}
	text := "check: " + stuck.Text()
	if s := stuck.Scenario(); s != nil {
		text += fmt.Sprintf("scenario:\n%s", s)
	}
	return text
}

// text is the report of a counterexample with its scenario.
func text(r *Result) string {
	var b strings.Builder
	_ = reports.WriteFinding(&b, r.Finding, false) // a Builder takes everything
	fmt.Fprintf(&b, "\nscenario:\n%s", r.Scenario)
	return b.String()
}
