package corpus

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ptcheck/ptcheck/systems/trial"
)

// Added tells what became of a scenario that was added.
type Added struct {
	Path   string
	Shrunk trial.Shrunk
	// Known says that the corpus had the very same scenario already.
	Known bool
}

// Replay is the one command that replays the file.
func (a *Added) Replay() string { return "ptcheck replay " + a.Path }

// Add files a scenario under a canonical name. One that goes wrong is shrunk
// first; it is to go wrong in the same way from now on. One in which nothing goes
// wrong is to stay so. What the trial expects, if it expects something, must be
// what happens.
func Add(dir string, t *trial.Trial, tries int) (*Added, error) {
	v := t.Run()
	if t.Expect != nil && !v.Meets(*t.Expect) {
		return nil, fmt.Errorf("corpus: %s: ends as %q, but expects %q", t.Name, v, *t.Expect)
	}
	a := &Added{Shrunk: trial.Shrunk{From: t.Len(), To: t.Len()}}
	if v.Fails() {
		small, how, err := t.Shrink(tries)
		if err != nil {
			return nil, fmt.Errorf("corpus: %w", err)
		}
		t, a.Shrunk = small, how
	}
	want := v.Anywhere()
	t.Expect = &want
	return a, a.save(dir, t)
}

// save writes the trial unless the very same scenario is there.
func (a *Added) save(dir string, t *trial.Trial) error {
	text, err := t.Text()
	if err != nil {
		return err
	}
	a.Path = filepath.Join(dir, fileName(t, text))
	switch r := Check(a.Path, text); {
	case r.Err != nil:
		return fmt.Errorf("corpus: %s would not pass: %w", t.Name, r.Err)
	case r.Failure != "":
		return fmt.Errorf("corpus: %s would not pass: %s", t.Name, r.Failure)
	}
	if _, err := os.Stat(a.Path); err == nil {
		a.Known = true
		return nil
	}
	return Write(a.Path, text)
}

// fileName is the canonical name of a scenario: its mutant if it has one, else its
// system; its verdict; a hash of its operations.
func fileName(t *trial.Trial, text []byte) string {
	h := sha256.New()
	for line := range bytes.Lines(text) {
		if line[0] != '#' {
			h.Write(line)
		}
	}
	verdict := strings.ReplaceAll(t.Expect.String(), " ", "-")
	return fmt.Sprintf("%s-%s-%x%s", cmp.Or(t.Mutant, t.System()), verdict, h.Sum(nil)[:4], Ext)
}

// Write writes a scenario file whole or not at all.
func Write(name string, text []byte) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("corpus: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".corpus-*")
	if err != nil {
		return fmt.Errorf("corpus: %w", err)
	}
	_, err = tmp.Write(text)
	for _, step := range []func() error{func() error { return tmp.Chmod(0o644) }, tmp.Close, func() error { return os.Rename(tmp.Name(), name) }} {
		if e := step(); err == nil {
			err = e
		}
	}
	if err != nil {
		os.Remove(tmp.Name())
		return fmt.Errorf("corpus: %w", err)
	}
	return nil
}
