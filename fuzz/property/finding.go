package property

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ptcheck/ptcheck/fuzz/corpus"
	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model/explore/shrink"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// Scenario is what the life has done, as a scenario file. mutant is the ID of what is
// planted in it, "" for nothing.
func (l *Life) Scenario(mutant string) (*systems.File, error) {
	set, err := mutants.Set()
	if err != nil {
		return nil, err
	}
	x, err := set.Find(l.Sys.Name)
	if err != nil {
		return nil, err
	}
	b, ok := x.(*kernel.Backend)
	if !ok {
		return nil, fmt.Errorf("property: system %s has no kernel", l.Sys.Name)
	}
	s, err := b.Scenario(l.Sys.Bounds(), l.Sys.Inits[l.start].Name, l.Made, systems.Change{})
	if err != nil {
		return nil, err
	}
	return set.New(s, mutant)
}

// Scenario is what the guest has done, as a scenario file.
func (g *Guest) Scenario(mutant string) (*systems.File, error) {
	s, err := g.Model.Scenario(g.Made)
	if err != nil {
		return nil, err
	}
	return FileOf(s, mutant)
}

// FileOf is a scenario as a file, with a mutant planted unless its ID is empty.
func FileOf(s systems.Scenario, mutant string) (*systems.File, error) {
	set, err := mutants.Set()
	if err != nil {
		return nil, err
	}
	return set.New(s, mutant)
}

// Folder is where findings are saved: what the environment variable
// PTCHECK_FINDINGS names, else a folder for temporary files.
func Folder() string {
	return cmp.Or(os.Getenv("PTCHECK_FINDINGS"), filepath.Join(os.TempDir(), "ptcheck-findings"))
}

// Filed is a finding that has been shrunk and saved.
type Filed struct {
	Path   string
	Shrunk systems.Shrunk
	// Ruled says that a rule is broken or the kernel dies; otherwise only the property
	// sees what is wrong.
	Ruled bool
}

// Replay is the one command that replays the finding, in the folder of the module.
func (f *Filed) Replay() string {
	if f.Ruled {
		return "go run ./cmd/ptcheck replay " + f.Path
	}
	return "PTCHECK_REPLAY=" + f.Path + " go test ./fuzz/property -run TestReplay"
}

// String says where a finding is and how to replay it.
func (f *Filed) String() string {
	return fmt.Sprintf("%d operations, %d before shrinking: %s\nreplay it: %s", f.Shrunk.To, f.Shrunk.From, f.Path, f.Replay())
}

// File shrinks what a property has found, and saves it as a scenario in a folder.
// What no rule sees is judged by the property: judge says what is wrong with a
// scenario, nil if nothing is. problem is what the property said.
func File(dir string, t *systems.File, problem error, judge func(*systems.File) error) (*Filed, error) {
	v, err := t.Verdict()
	if err != nil {
		return nil, fmt.Errorf("property: %w: %w", problem, err)
	}
	t.About = append(t.About, "found by a property test")
	f := &Filed{Ruled: v.Fails(), Shrunk: systems.Shrunk{From: t.Len(), To: t.Len()}}
	if !f.Ruled {
		small, how, err := shrinkBy(t, judge)
		if err != nil {
			return nil, fmt.Errorf("property: %w: %w", problem, err)
		}
		small.About = append(t.About, "no rule sees it, but the property: "+judge(small).Error())
		t, f.Shrunk = small, how
	}
	set, err := mutants.Set()
	if err != nil {
		return nil, err
	}
	a, err := corpus.Add(set, dir, t, 0)
	if err != nil {
		return nil, fmt.Errorf("property: %w: %w", problem, err)
	}
	if f.Path, err = filepath.Abs(a.Path); err != nil { // tests run in the folder of their package
		return nil, fmt.Errorf("property: %w: %w", problem, err)
	}
	if f.Ruled {
		f.Shrunk = a.Shrunk
	}
	return f, nil
}

// judged is the world in which a property judges scenarios: some of the operations
// of one, by their numbers. Its scope is all there is.
type judged struct {
	t     *systems.File
	judge func(*systems.File) error
}

var _ shrink.World[struct{}, int] = judged{}

// maxJudged bounds how often a property judges: each time is a boot.
const maxJudged = 2000

func shrinkBy(t *systems.File, judge func(*systems.File) error) (*systems.File, systems.Shrunk, error) {
	w := judged{t, judge}
	all := make([]int, t.Len())
	for i := range all {
		all[i] = i
	}
	r, err := shrink.Shrink(w, shrink.Input[struct{}, int]{Ops: all}, maxJudged)
	if err != nil {
		return nil, systems.Shrunk{}, errors.New("the scenario does not show it")
	}
	small, err := t.Only(r.Ops)
	return small, systems.Shrunk{From: len(all), To: len(r.Ops), Tries: r.Tries, Minimal: r.Minimal}, err
}

// Try implements [shrink.World].
func (w judged) Try(_ struct{}, keep []int) ([]int, bool) {
	t, err := w.t.Only(keep)
	if err != nil {
		return keep, false
	}
	v, err := t.Verdict()
	return keep, err == nil && !v.Fails() && w.judge(t) != nil
}

// Scopes implements [shrink.World].
func (judged) Scopes(struct{}) []struct{} { return nil }

// CompareScopes implements [shrink.World].
func (judged) CompareScopes(_, _ struct{}) int { return 0 }

// Compare implements [shrink.World].
func (judged) Compare(a, b int) int { return cmp.Compare(a, b) }

// Alphabet implements [shrink.World]: operations are left out, not replaced.
func (judged) Alphabet(struct{}, []int) []int { return nil }

// Rewrites implements [shrink.World].
func (judged) Rewrites(struct{}, []int) [][]int { return nil }
