package corpus

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/lab"
	"github.com/ptcheck/ptcheck/systems/trial"
)

// Ext is how the names of scenario files end.
const Ext = ".pt"

// Result is what became of one file.
type Result struct {
	Name   string // of the file
	Mutant string // "" for none
	// Verdict is how it ended.
	Verdict trial.Verdict
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

// Run checks files, several at a time; the results are in the order of the names.
func Run(names []string) []Result {
	results := make([]Result, len(names))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(names); i = int(next.Add(1)) - 1 {
				src, err := os.ReadFile(names[i])
				if err != nil {
					results[i] = Result{Name: names[i], Err: fmt.Errorf("corpus: %w", err)}
					continue
				}
				results[i] = Check(names[i], src)
			}
		})
	}
	wg.Wait()
	return results
}

// Check carries out one file and compares with what it expects.
func Check(name string, src []byte) Result {
	r := Result{Name: name}
	f, err := script.Parse(name, src)
	switch {
	case err != nil:
		r.Err = err
	case !system.IsBoot(f):
		r.checkScript(f, src)
	default:
		r.checkTrial(f)
	}
	return r
}

// checkTrial checks a scenario of boot calls or of a hostile guest.
func (r *Result) checkTrial(f *script.File) {
	t, err := trial.Read(f)
	var answer *trial.AnswerError
	var early *system.EarlyError
	switch {
	case errors.As(err, &answer) || errors.As(err, &early):
		r.Failure = err.Error()
		return
	case err != nil:
		r.Err = err
		return
	case t.Expect == nil:
		r.Err = fmt.Errorf("%s:1: no line \"expect VERDICT\"", r.Name)
		return
	}
	r.Mutant, r.Verdict = t.Mutant, t.Run()
	if !r.Verdict.Meets(*t.Expect) {
		r.Failure = fmt.Sprintf("%s: ends as %q, want %q", r.Name, r.Verdict, *t.Expect)
		return
	}
	if t.Mutant == "" {
		return
	}
	if v := t.RunSound(); v.Fails() {
		r.Failure = fmt.Sprintf("%s: ends as %q without mutant %s, want %q", r.Name, v, t.Mutant, trial.Verdict{})
	}
}

// checkScript checks a script for a guest on Xen by the answers written in it.
func (r *Result) checkScript(f *script.File, src []byte) {
	i := slices.IndexFunc(f.Lines, func(l script.Line) bool { return l.Op != nil && system.IsHeader(l.Op) })
	if i >= 0 {
		r.Err = &script.Error{File: r.Name, Line: i + 1, Col: 1, Msg: f.Lines[i].Op.Name + " goes with a line \"system NAME\""}
		return
	}
	if !slices.ContainsFunc(f.Lines, func(l script.Line) bool { return l.HasWant }) {
		r.Err = fmt.Errorf("%s:1: neither a system nor an expected answer (#= ANSWER)", r.Name)
		return
	}
	c, err := lab.ConfigOf(f)
	if err != nil {
		r.Err = err
		return
	}
	play, err := lab.Run(c, src)
	if err != nil {
		r.Err = fmt.Errorf("%s: %w", r.Name, err)
		return
	}
	for _, m := range lab.Check(f, play.Answers(f)) {
		r.Failure = (&trial.AnswerError{Name: r.Name, Line: m.Line, Want: m.Want, Got: m.Got}).Error()
		return
	}
}
