package property

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ptcheck/ptcheck/fuzz/corpus"
	"github.com/ptcheck/ptcheck/model/explore/shrink"
	"github.com/ptcheck/ptcheck/systems/trial"
)

// Scenario is what the life has done, as a trial. mutant is the ID of what is
// planted in it, "" for nothing.
func (l *Life) Scenario(mutant string) (*trial.Trial, error) {
	lowmem, stale := l.Sys.Bounds()
	return trial.Boot(l.Sys.Name, mutant, lowmem, stale, l.Sys.Inits[0].Name, l.Made)
}

// Scenario is what the guest has done, as a trial.
func (g *Guest) Scenario(mutant string) (*trial.Trial, error) {
	a := g.Model.Adversary()
	return trial.Guest(a.Name, mutant, a.Profile().Name, a.Frames(), a.Levels(), a.Slots(), g.Made)
}

// Folder is where findings are saved: what the environment variable
// PTCHECK_FINDINGS names, else a folder for temporary files.
func Folder() string {
	return cmp.Or(os.Getenv("PTCHECK_FINDINGS"), filepath.Join(os.TempDir(), "ptcheck-findings"))
}

// Filed is a finding that has been shrunk and saved.
type Filed struct {
	Path   string
	Shrunk trial.Shrunk
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
func File(dir string, t *trial.Trial, problem error, judge func(*trial.Trial) error) (*Filed, error) {
	t.About = append(t.About, "found by a property test")
	f := &Filed{Ruled: t.Run().Fails(), Shrunk: trial.Shrunk{From: t.Len(), To: t.Len()}}
	if !f.Ruled {
		small, how, err := shrinkBy(t, judge)
		if err != nil {
			return nil, fmt.Errorf("property: %w: %w", problem, err)
		}
		small.About = append(t.About, "no rule sees it, but the property: "+judge(small).Error())
		t, f.Shrunk = small, how
	}
	a, err := corpus.Add(dir, t, 0)
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
	t     *trial.Trial
	judge func(*trial.Trial) error
}

var _ shrink.World[struct{}, int] = judged{}

// maxJudged bounds how often a property judges: each time is a boot.
const maxJudged = 2000

func shrinkBy(t *trial.Trial, judge func(*trial.Trial) error) (*trial.Trial, trial.Shrunk, error) {
	w := judged{t, judge}
	all := make([]int, t.Len())
	for i := range all {
		all[i] = i
	}
	r, err := shrink.Shrink(w, shrink.Input[struct{}, int]{Ops: all}, maxJudged)
	if err != nil {
		return nil, trial.Shrunk{}, errors.New("the scenario does not show it")
	}
	small, err := t.Only(r.Ops)
	return small, trial.Shrunk{From: len(all), To: len(r.Ops), Tries: r.Tries, Minimal: r.Minimal}, err
}

// Try implements [shrink.World].
func (w judged) Try(_ struct{}, keep []int) ([]int, bool) {
	t, err := w.t.Only(keep)
	return keep, err == nil && !t.Run().Fails() && w.judge(t) != nil
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
