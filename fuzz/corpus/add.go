package corpus

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ptcheck/ptcheck/systems"
)

// Added tells what became of a scenario that was added.
type Added struct {
	Path   string
	Shrunk systems.Shrunk
	// Known says that the corpus had the very same scenario already.
	Known bool
}

// Add files a scenario under a canonical name. One that goes wrong is shrunk
// first; it is to go wrong in the same way from now on. One in which nothing goes
// wrong is to stay so. What the file expects, if it expects something, must be
// what happens.
func Add(set *systems.Set, dir string, f *systems.File, tries int) (*Added, error) {
	v, err := f.Verdict()
	if err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	if f.Expect != nil && !v.Meets(*f.Expect) {
		return nil, fmt.Errorf("corpus: %s: ends as %q, but expects %q", f.Name, v, *f.Expect)
	}
	a := &Added{Shrunk: systems.Shrunk{From: f.Len(), To: f.Len()}}
	out := *f
	if v.Fails() {
		small, how, err := f.Shrink(tries)
		if err != nil {
			return nil, fmt.Errorf("corpus: %w", err)
		}
		out, a.Shrunk = *small, how
	}
	want := v.Anywhere()
	out.Expect = &want
	return a, a.save(set, dir, &out)
}

// save writes the scenario unless the very same one is there.
func (a *Added) save(set *systems.Set, dir string, f *systems.File) error {
	a.Path = filepath.Join(dir, fileName(f))
	text := f.Text()
	switch r := Check(set, a.Path, text); {
	case r.Err != nil:
		return fmt.Errorf("corpus: %s would not pass: %w", f.Name, r.Err)
	case r.Failure != "":
		return fmt.Errorf("corpus: %s would not pass: %s", f.Name, r.Failure)
	}
	if _, err := os.Stat(a.Path); err == nil {
		a.Known = true
		return nil
	}
	return Write(a.Path, text)
}

// fileName is the canonical name of a scenario: its mutant if it has one, else its
// system; its verdict; a hash of these and of its operations. What a file says about
// itself, its version included, has no part in it.
func fileName(f *systems.File) string {
	h := sha256.New()
	for line := range bytes.Lines(f.Text()) {
		if line[0] != '#' && !bytes.HasPrefix(line, []byte("version ")) {
			h.Write(line)
		}
	}
	verdict := strings.ReplaceAll(f.Expect.String(), " ", "-")
	return fmt.Sprintf("%s-%s-%x%s", cmp.Or(f.Mutant, f.System()), verdict, h.Sum(nil)[:4], Ext)
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
