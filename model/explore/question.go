package explore

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Setting is a part of the question that a search answers: a name such as --themes, and a value in the words of
// whoever asks. Two searches ask the same if they have the same settings, in whatever order.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// String returns the setting as NAME=VALUE. It may come from a file, so what a terminal might take for a
// command is quoted.
func (s Setting) String() string { return printable(s.Name) + "=" + printable(s.Value) }

// printable returns s, quoted if it has characters that cannot be printed.
func printable(s string) string {
	if q := strconv.Quote(s); q != `"`+s+`"` {
		return q
	}
	return s
}

// engineSettings are the settings that the engine knows by itself.
func engineSettings(findAll, symmetry bool, stateSize int, inits []int) []Setting {
	from := "all"
	if inits != nil {
		from = strings.Trim(fmt.Sprint(inits), "[]")
	}
	return []Setting{
		{"initial states", from},
		{"find all", fmt.Sprint(findAll)},
		{"symmetry", fmt.Sprint(symmetry)},
		{"state size", fmt.Sprint(stateSize)},
	}
}

// Asked returns all that the answer of a search depends on: the Question, what the engine adds to it, and the
// options that decide what is found or counted. Limits of time and memory, which only cut an answer short, and
// ways of searching that come to the same are not in it, nor are the initial states: they say which part of
// the answer a run gives.
func (o Options) Asked() []Setting {
	return slices.Concat(o.Question, []Setting{
		{"--depth", fmt.Sprint(o.Depth)},
		{"--max-states", fmt.Sprint(o.MaxStates)},
		{"--all", fmt.Sprint(o.FindAll)},
		{"--strategy", o.Strategy.String()},
		{"--seed", fmt.Sprint(o.Seed)},
		{"--walks", fmt.Sprint(o.Walks)},
		{"--store", o.Store.String()},
		{"symmetric states counted apart", fmt.Sprint(o.NoSymmetry)},
	})
}

// Differ returns the first setting in which two questions differ, nil and nil if they are the same. One of the
// two is nil where a question does not have the setting of the other.
func Differ(was, is []Setting) (a, b *Setting) {
	before := map[string]*Setting{}
	for i := range was {
		before[was[i].Name] = &was[i]
	}
	for i := range is {
		old, ok := before[is[i].Name]
		if !ok || *old != is[i] {
			return old, &is[i]
		}
		delete(before, is[i].Name)
	}
	for i := range was {
		if s, ok := before[was[i].Name]; ok {
			return s, nil
		}
	}
	return nil, nil
}

// checkQuestion refuses settings that do not tell searches apart.
func (o Options) checkQuestion() error {
	if o.Checkpoint != "" && len(o.Question) == 0 {
		return refuse("question", "a checkpoint needs one, lest a search that asks another goes on from it")
	}
	seen := map[string]bool{"": true}
	for _, s := range slices.Concat(engineSettings(false, false, 0, nil), o.Question) {
		if seen[s.Name] {
			return refuse("question", fmt.Sprintf("setting %q has no name, or that of another", s.Name))
		}
		seen[s.Name] = true
	}
	return nil
}

// question returns all that defines the search.
func (s *search) question() []Setting {
	w := s.workers[0]
	return slices.Concat(s.opt.Question, engineSettings(s.opt.FindAll, w.canon != nil, w.size, s.opt.Inits))
}

// sameQuestion refuses a checkpoint that was made for another question than the present one.
func sameQuestion(was, is []Setting) error {
	switch old, now := Differ(was, is); {
	case old != nil && now != nil:
		return refuse("resume", fmt.Sprintf("the checkpoint was made for %s, this search has %s", old, now))
	case now != nil:
		return refuse("resume", fmt.Sprintf("the checkpoint was made by a search without %s", now))
	case old != nil:
		return refuse("resume", fmt.Sprintf("the checkpoint was made for %s, this search has no such setting", old))
	}
	return nil
}

// ThisProgram identifies the code that runs, by a hash of its executable. Everything that decides what a packed
// state means and what comes after it is in there: the model and its packing, the rules, the code under test,
// the engine. A version could be forgotten, and a revision says nothing of what was not committed.
func ThisProgram() (string, error) { return thisProgram() }

// thisProgram hashes once: what runs does not change while it runs.
var thisProgram = sync.OnceValues(func() (string, error) {
	exe, err := openSelf()
	if err != nil {
		return "", fmt.Errorf("explore: this program: %w", err)
	}
	defer exe.Close()
	h := sha256.New()
	if _, err := io.Copy(h, exe); err != nil {
		return "", fmt.Errorf("explore: this program: %w", err)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:16]), nil
})

// openSelf opens the executable; where that is possible the very file that runs, even if another has been put
// in its place since.
func openSelf() (*os.File, error) {
	f, err := os.Open("/proc/self/exe")
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	name, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return os.Open(name)
}
