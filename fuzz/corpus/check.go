package corpus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/ptcheck/ptcheck/systems"
)

// Ext is how the names of scenario files end.
const Ext = ".pt"

// Result is what became of one file.
type Result struct {
	Name   string // of the file
	Mutant string // "" for none
	// Verdict is how it ended.
	Verdict systems.Verdict
	// Failure says what is not as the file expects, "" if all is well.
	Failure string
	// Err says why the file cannot be used at all; it names file, line and reason.
	Err error
}

// Files returns the scenario files of a folder, in the order of their names.
func Files(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && filepath.Ext(e.Name()) == Ext {
			names = append(names, filepath.Join(dir, e.Name()))
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("corpus: %s: no scenario files (*%s)", dir, Ext)
	}
	return names, nil
}

// Run checks files, several at a time; the results are in the order of the names. If
// ctx is cancelled, they are those of the first names, as far as it has come: a file that
// is still being read or carried out is not waited for.
func Run(ctx context.Context, set *systems.Set, names []string) []Result {
	type one struct {
		i int
		r Result
	}
	done := make(chan one, len(names)) // so that nobody waits who is not waited for
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		go func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(names) {
					return
				}
				done <- one{i, checkFile(set, names[i])}
			}
		}()
	}
	results, known := make([]Result, len(names)), make([]bool, len(names))
	for range names {
		select {
		case d := <-done:
			results[d.i], known[d.i] = d.r, true
		case <-ctx.Done():
			if first := slices.Index(known, false); first >= 0 {
				return results[:first]
			}
		}
	}
	return results
}

func checkFile(set *systems.Set, name string) Result {
	src, err := os.ReadFile(name)
	if err != nil {
		return Result{Name: name, Err: fmt.Errorf("corpus: %w", err)}
	}
	return Check(set, name, src)
}

// Check carries out one file and compares with what it expects: answers, and how it
// ends. With a mutant it must be silent without.
func Check(set *systems.Set, name string, src []byte) Result {
	r := Result{Name: name}
	f, err := set.Parse(name, src)
	if err != nil {
		r.Err = err
		return r
	}
	r.Mutant = f.Mutant
	if f.Expect == nil && !f.HasWants() {
		r.Err = fmt.Errorf("%s:1: neither a line \"expect VERDICT\" nor an expected answer (#= ANSWER)", name)
		return r
	}
	p, err := f.Play(systems.PlayOptions{Place: true})
	var early *systems.EarlyError
	switch {
	case errors.As(err, &early):
		r.Failure = err.Error()
	case err != nil:
		r.Err = err
	default:
		r.Verdict = p.Verdict
		r.Failure = failure(f, p)
	}
	return r
}

// failure says what of a run is not as a file expects. A file that expects answers
// alone may end in any way.
func failure(f *systems.File, p *systems.Play) string {
	if err := f.Check(p); err != nil {
		return err.Error()
	}
	if f.Expect != nil && !p.Verdict.Meets(*f.Expect) {
		return fmt.Sprintf("%s: ends as %q, want %q", f.Name, p.Verdict, *f.Expect)
	}
	if f.Mutant == "" {
		return ""
	}
	switch v, err := f.Sound().Verdict(); {
	case err != nil:
		return fmt.Sprintf("%s: without mutant %s: %v", f.Name, f.Mutant, err)
	case v.Fails():
		return fmt.Sprintf("%s: ends as %q without mutant %s, want %q", f.Name, v, f.Mutant, systems.Verdict{})
	}
	return ""
}
