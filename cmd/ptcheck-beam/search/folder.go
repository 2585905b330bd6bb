package search

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-beam/states"
)

// folder is a working directory. Files in it are never changed once written; which of them
// count says the newest manifest.
type folder struct {
	fs    filesystem.Interface
	dir   string
	token string // of the run that works here
}

// kinds are what the names of a search's files begin with.
func kinds() []string { return []string{"front-", "run-", "report-", "manifest-"} }

// ownerName is the file with the token of the run that works in a folder.
const ownerName = "owner"

// openFolder takes possession of a working directory: a run that was there before notices
// when it wants to write a manifest.
func openFolder(ctx context.Context, dir string) (*folder, error) {
	fs, err := filesystem.New(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("--workdir: %w", err)
	}
	f := &folder{fs: fs, dir: strings.TrimSuffix(dir, "/"), token: rand.Text()}
	if err := writeFile(ctx, fs, states.Join(f.dir, ownerName), []byte(f.token)); err != nil {
		return nil, fmt.Errorf("--workdir: %w", err)
	}
	return f, nil
}

// list lists the files of a kind, the last first.
func (f *folder) list(ctx context.Context, kind string) ([]string, error) {
	names, err := f.fs.List(ctx, states.Join(f.dir, kind+"*"))
	slices.Sort(names)
	slices.Reverse(names)
	return names, err
}

// load reads the newest manifest that is whole, nil if there is none.
func (f *folder) load(ctx context.Context) (*manifest, error) {
	names, err := f.list(ctx, "manifest-")
	if err != nil {
		return nil, err
	}
	var damaged error
	for _, name := range names {
		m := new(manifest)
		if err = unseal(ctx, f.fs, name, m); err == nil {
			return m, nil
		}
		damaged = errors.Join(damaged, err)
	}
	return nil, damaged
}

// complete makes sure that all files of a manifest are there, in their length.
func (f *folder) complete(ctx context.Context, m *manifest) error {
	for _, x := range m.files() {
		switch n, err := f.fs.Size(ctx, states.Join(f.dir, x.Name)); {
		case err != nil:
			return fmt.Errorf("a file of the search is missing: %w", err)
		case n != x.Bytes:
			return fmt.Errorf("%s has %d bytes, not %d: it is damaged", states.Join(f.dir, x.Name), n, x.Bytes)
		}
	}
	return nil
}

// commit writes a manifest, and removes what it does not name.
func (f *folder) commit(ctx context.Context, m *manifest) error {
	text, err := readFile(ctx, f.fs, states.Join(f.dir, ownerName))
	if err != nil {
		return err
	}
	if string(text) != f.token {
		return fmt.Errorf("another run has taken over %s", f.dir)
	}
	if err := seal(ctx, f.fs, f.dir, fmt.Sprintf("manifest-%06d", m.Level), m); err != nil {
		return err
	}
	return f.sweep(ctx, m)
}

// sweep removes files that are no longer needed, or were written by bundles that failed.
func (f *folder) sweep(ctx context.Context, m *manifest) error {
	remover, ok := f.fs.(filesystem.Remover)
	if !ok {
		return nil
	}
	needed := map[string]bool{}
	for _, x := range m.files() {
		needed[x.Name] = true
	}
	newest := fmt.Sprintf("manifest-%06d", m.Level)
	for _, kind := range kinds() {
		names, err := f.list(ctx, kind)
		if err != nil {
			return err
		}
		for _, name := range names {
			base := path.Base(strings.ReplaceAll(name, `\`, "/"))
			if needed[base] || strings.HasPrefix(base, newest) {
				continue
			}
			if err := remover.Remove(ctx, name); err != nil {
				return fmt.Errorf("%s is no longer needed and cannot be removed: %w", name, err)
			}
		}
	}
	return nil
}

// report reads a report of which one attempt at least is whole: all that are say the same.
func (f *folder) report(ctx context.Context, name string) (*told, error) {
	names, err := f.list(ctx, name+"-")
	if err != nil {
		return nil, err
	}
	failed := fmt.Errorf("there is no report %s", name)
	for _, name := range names {
		t := new(told)
		if err := unseal(ctx, f.fs, name, t); err != nil {
			failed = err
			continue
		}
		return t, nil
	}
	return nil, failed
}
