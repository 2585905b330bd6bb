// Package starter writes modules to start from: a backend of one's own, in C or in Go, that
// runs at once.
package starter

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/systems/example/cmmu"
)

// Language is what the hooks are written in. It is the name of a folder of files.
type Language string

// The languages.
const (
	C  Language = "c"
	Go Language = "go"
)

// Module is a module that is to be written.
type Module struct {
	Dir      string // a folder that is empty or not there
	Path     string // the module's path; "": example.com/ and the name of the folder
	Language Language
	// Source is the folder of ptcheck's own module, which the new one is to use; "": it
	// requires the release Version.
	Source, Version string
}

//go:embed files
var files embed.FS

// ptcheck is the path of this module.
const ptcheck = "github.com/ptcheck/ptcheck"

// Write writes the module and returns the names of its files, in order. Errors are one
// line; nothing is written where the folder or a name will not do.
func Write(m Module) ([]string, error) {
	if err := m.complete(); err != nil {
		return nil, err
	}
	out, err := m.files()
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range out {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		to := filepath.Join(m.Dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return nil, fmt.Errorf("%w", err)
		}
		if err := wholefile.Write(to, out[name]); err != nil {
			return nil, fmt.Errorf("%w", err)
		}
	}
	return names, nil
}

// modulePath is what a module's path looks like (go.dev/ref/mod, module paths), in ASCII as
// the go tool has it.
var modulePath = regexp.MustCompile(`^[A-Za-z0-9_~-][A-Za-z0-9._~-]*(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*$`)

// complete checks the module and fills in its path.
func (m *Module) complete() error {
	switch entries, err := os.ReadDir(m.Dir); {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return fmt.Errorf("%s is no folder that can be read: %w", m.Dir, err)
	case len(entries) > 0:
		return fmt.Errorf("%s is not empty: it has %s", m.Dir, entries[0].Name())
	}
	given := m.Path != ""
	if !given {
		dir, err := filepath.Abs(m.Dir)
		if err != nil {
			return err
		}
		m.Path = "example.com/" + filepath.Base(dir)
	}
	switch {
	case (!modulePath.MatchString(m.Path) || badElement(m.Path)) && !given:
		return fmt.Errorf("the folder's name makes no module path (%q): say --module", m.Path)
	case !modulePath.MatchString(m.Path) || badElement(m.Path):
		return fmt.Errorf("%q is no module path: want words of letters, digits and -._~ with slashes between them", m.Path)
	case m.Path == ptcheck || strings.HasPrefix(m.Path, ptcheck+"/"):
		return fmt.Errorf("%s is ptcheck's own: take another module path", m.Path)
	}
	return nil
}

// badElement reports whether the go tool takes an element of a path for something else, or
// for nothing.
func badElement(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), func(e string) bool {
		return strings.HasPrefix(e, "-") || strings.HasSuffix(e, ".") || e == "vendor" || e == "internal" || e == "testdata" || strings.HasPrefix(e, "_")
	})
}

// files are those of the module by name.
func (m *Module) files() (map[string][]byte, error) {
	out := map[string][]byte{}
	folder := path.Join("files", string(m.Language))
	entries, err := files.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		t, err := template.ParseFS(files, path.Join(folder, e.Name()))
		if err != nil {
			return nil, err
		}
		var text bytes.Buffer
		if err := t.Execute(&text, struct{ Name string }{path.Base(m.Path)}); err != nil {
			return nil, err
		}
		out[strings.TrimSuffix(e.Name(), ".txt")] = text.Bytes()
	}
	if m.Language == C {
		if out["c/mmu.c"], err = cmmu.MMU(); err != nil {
			return nil, err
		}
	}
	return out, m.modFiles(out)
}

// modFiles adds go.mod and, where ptcheck's is at hand, go.sum.
func (m *Module) modFiles(out map[string][]byte) error {
	head := fmt.Sprintf("module %s\n\ngo 1.26.0\n\n", m.Path)
	if m.Source == "" {
		out["go.mod"] = fmt.Appendf(nil, "%srequire %s %s\n", head, ptcheck, m.Version)
		return nil
	}
	dir, err := filepath.Abs(m.Source)
	if err != nil {
		return err
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return fmt.Errorf("%s is no source of ptcheck's: %w", m.Source, err)
	}
	if first, _, _ := strings.Cut(string(mod), "\n"); strings.TrimSpace(first) != "module "+ptcheck {
		return fmt.Errorf("%s is no source of ptcheck's: its go.mod begins with %q", m.Source, first)
	}
	sum, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil {
		return err
	}
	// All that ptcheck needs, so that nothing is to be looked up; go mod tidy takes out
	// what is not wanted.
	_, needs, _ := strings.Cut(string(mod), "\nrequire (")
	needs, _, _ = strings.Cut(needs, "\ntool ")
	out["go.sum"] = sum
	out["go.mod"] = fmt.Appendf(nil, "%srequire %s v0.0.0\n\nreplace %s => %s\n\nrequire (%s", head, ptcheck, ptcheck, strconv.Quote(filepath.ToSlash(dir)), needs)
	return nil
}
