package corpus

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/systems"
)

// MutantFile is the name of a mutant's file, without its folder. That of a legal
// variation says in which system it is planted.
func MutantFile(m *mutants.Mutant) string {
	if m.Catch == "" {
		return m.ID + "-" + m.SystemName() + Ext
	}
	return m.ID + Ext
}

// MutantText is the corpus file of a mutant: the shortest way to the rule that
// must catch it, of a harmless change a whole boot.
func MutantText(ctx context.Context, set *systems.Set, m *mutants.Mutant) ([]byte, error) {
	way, err := wayOf(ctx, m)
	if err != nil {
		return nil, err
	}
	f, err := set.New(way, m.ID)
	if err != nil {
		return nil, err
	}
	v, err := f.Verdict()
	if err != nil {
		return nil, err
	}
	v = v.Anywhere()
	f.Expect, f.About = &v, []string{m.ID + ": " + m.What}
	if m.Source != "" {
		f.About = append(f.About, m.Source)
	}
	return f.Text(), nil
}

// wayOf searches for the shortest scenario of a mutant.
func wayOf(ctx context.Context, m *mutants.Mutant) (systems.Scenario, error) {
	if m.Catch == "" {
		return wholeBoot(m)
	}
	r, err := m.Run(ctx)
	if err != nil {
		return nil, err
	}
	if !r.Caught {
		return nil, fmt.Errorf("corpus: mutant %s is not caught as the catalogue says", m.ID)
	}
	return m.Scenario(&r)
}

// Mutants are those that the corpus has a file of: all mutants, and each legal variation
// in the first system that it fits. Those of the hypervisor have no boot to make: they are
// searched only.
func Mutants() ([]mutants.Mutant, error) {
	harmless, err := mutants.Harmless()
	if err != nil {
		return nil, err
	}
	out, seen := mutants.All(), map[string]bool{}
	for _, m := range harmless {
		if !seen[m.ID] && !m.Change.OfHypervisor() {
			out = append(out, m)
		}
		seen[m.ID] = true
	}
	return out, nil
}

// AddMutants writes the files of all mutants and harmless changes, and returns
// their paths.
func AddMutants(ctx context.Context, set *systems.Set, dir string) ([]string, error) {
	list, err := Mutants()
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, m := range list {
		text, err := MutantText(ctx, set, &m)
		if err != nil {
			return paths, err
		}
		path := filepath.Join(dir, MutantFile(&m))
		if err := Write(path, text); err != nil {
			return paths, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}
