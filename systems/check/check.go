// Package check searches a system from a Go test: one call, and the test fails with a
// counterexample to read.
//
//	func TestMine(t *testing.T) {
//		check.Backend(t, boot.OnBareMetal("mine", "my platform", mine.Ops))
//	}
//
// Any [systems.System] will do. Where the environment variable PTCHECK_REPORT names a
// folder, absolute or below that of the package, [Backend] writes there what it found
// out, in every format of package reports, in a folder for each test.
package check

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// Result is what the searches of a system found out.
type Result struct {
	// Searches are all searches, up to the first that found something.
	Searches []*systems.Outcome
	// Finding is the shortest counterexample, nil if there is none.
	Finding *reports.Finding
	// Breaks is the ID of the rule that it breaks, or "crash KIND"; "" for none.
	Breaks string
	// Scenario is the counterexample as a scenario file.
	Scenario []byte
	// Saved is the path of that file, "" if it was not to be saved.
	Saved string

	whole bool // nothing narrowed the searches
}

// Run makes the searches of a system, until one finds something. The error says that
// a search could not be made, or its finding not be explained or written.
func Run(ctx context.Context, s systems.System, opts ...Option) (*Result, error) {
	c := newConfig(opts)
	r, err := c.run(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("check: %s: %w", s.About().Name, err)
	}
	return r, nil
}

func (c *config) run(ctx context.Context, s systems.System) (*Result, error) {
	v, err := systems.CheckValues(s, c.values)
	if err != nil {
		return nil, err
	}
	searches, err := s.Searches(v, c.change)
	if err != nil {
		return nil, err
	}
	if len(searches) == 0 {
		return nil, fmt.Errorf("there is nothing to search: the system is only replayed")
	}
	r := &Result{whole: !v.Narrows(s)}
	for _, x := range searches {
		o, err := c.search(ctx, x)
		if err != nil {
			return nil, err
		}
		r.Searches = append(r.Searches, o)
		if len(o.Result.Findings) > 0 {
			if err := r.explain(c, o); err != nil {
				return nil, err
			}
			break
		}
	}
	return r, c.report(r)
}

// search makes one search, to the depth asked for or that of its own.
func (c *config) search(ctx context.Context, x *systems.Search) (*systems.Outcome, error) {
	o := c.engine
	o.NoSymmetry = !x.Symmetric
	if !c.depthGiven {
		o.Depth = max(0, x.Depth)
	}
	found, err := x.Run(ctx, o)
	if t := systems.Trouble(nil); errors.As(err, &t) {
		err = c.halted(x, t)
	}
	return &systems.Outcome{Search: x, Result: found, Strategy: o.Strategy, Depth: o.Depth}, err
}

// halted is trouble with the way to it, which is saved like a counterexample.
type halted struct {
	systems.Trouble
	way *systems.File // nil: none is known
}

// Unwrap returns the trouble.
func (h *halted) Unwrap() error { return h.Trouble }

// halted is the error for trouble that a search has met with.
func (c *config) halted(x *systems.Search, t systems.Trouble) error {
	way, err := x.WayTo(t)
	if err == nil && way != nil && c.save != "" {
		err = wholefile.Write(filepath.Join(c.save, x.WayName(t)), way.Text())
	}
	return errors.Join(&halted{t, way}, err)
}

// explain turns the first finding of a search into a report and a scenario.
func (r *Result) explain(c *config, o *systems.Outcome) error {
	f, err := o.Explain(o.Result.Findings[0])
	if t := systems.Trouble(nil); errors.As(err, &t) {
		return c.halted(o.Search, t)
	}
	if err != nil {
		return err
	}
	r.Finding, r.Scenario = o.Findings[0], f.Text()
	if r.Breaks = r.Finding.Rule; r.Breaks == "" {
		r.Breaks = "crash " + r.Finding.Kind
	}
	if c.save == "" {
		return nil
	}
	r.Saved = filepath.Join(c.save, o.ScenarioName(r.Finding))
	r.Finding.Replay = c.command + " replay " + r.Saved
	return wholefile.Write(r.Saved, r.Scenario)
}

// Untested lists the rules and calls that no search put to the test.
func (r *Result) Untested() []string {
	var out []string
	for _, o := range r.Searches {
		out = append(out, o.Vacuous()...)
	}
	return out
}

// Backend makes the searches of a system. The test fails with the report of a shortest
// counterexample; also when a search ends before its time, or when a complete one of
// the whole system never made a call or never put a rule to the test.
func Backend(t testing.TB, s systems.System, opts ...Option) {
	t.Helper()
	r, err := Run(t.Context(), s, append(environment(t.Name()), opts...)...)
	switch {
	case err != nil:
		t.Fatal(failure(err))
	case r.Finding != nil:
		t.Fatalf("%s\n%s", s.About().Name, text(r))
	}
	for _, o := range r.Searches {
		if o.Word() != reports.Holds {
			t.Fatalf("%s: %s", o.Search.Title(), o.Headline())
		}
		if untested := o.Vacuous(); o.Result.Complete && r.whole && len(untested) > 0 {
			t.Fatalf("%s: never put to the test: %s", o.Search.Title(), strings.Join(untested, ", "))
		}
		t.Logf("%s: %s", o.Search.Title(), o.Headline())
	}
}

// Finds searches a system with a planted bug. The test fails unless the shortest
// counterexample breaks the rule named (or is a death, "crash KIND") in so many calls.
func Finds(t testing.TB, s systems.System, rule string, calls int, opts ...Option) *Result {
	t.Helper()
	name := s.About().Name
	r, err := Run(t.Context(), s, opts...)
	switch {
	case err != nil:
		t.Fatal(failure(err))
	case r.Finding == nil:
		t.Fatalf("%s: nothing found by %d searches; want %s", name, len(r.Searches), rule)
	case r.Breaks != rule || len(r.Finding.Calls) != calls:
		t.Fatalf("%s: %s after %d calls; want %s after %d\n%s", name, r.Breaks, len(r.Finding.Calls), rule, calls, text(r))
	}
	return r
}

// failure tells why there is no answer. Of a hook that no verdict can come of there are a
// stack and a way to it.
func failure(err error) string {
	var at *halted
	if !errors.As(err, &at) {
		return err.Error()
	}
	text := "check: " + systems.Story(at.Trouble)
	if at.way != nil {
		text += fmt.Sprintf("\nscenario:\n%s", at.way.Text())
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
