package corpus

import (
	"github.com/ptcheck/ptcheck/systems/all"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/systems/trial"
)

// MutantFile is the name of a mutant's file, without its folder. Harmless changes
// have one for each system.
func MutantFile(m *mutants.Mutant) string {
	if m.Catch == "" {
		return m.ID + "-" + m.System + Ext
	}
	return m.ID + Ext
}

// MutantText is the corpus file of a mutant: the shortest way to the rule that
// must catch it, of a harmless change a whole boot.
func MutantText(ctx context.Context, m *mutants.Mutant) ([]byte, error) {
	text, err := scenarioOf(ctx, m)
	if err != nil {
		return nil, err
	}
	t, err := trial.Parse(m.ID, fmt.Appendf(nil, "mutant %s\n%s", m.ID, text))
	if err != nil {
		return nil, err
	}
	v := t.Run().Anywhere()
	t.Expect, t.About = &v, []string{m.ID + ": " + m.What}
	if m.Source != "" {
		t.About = append(t.About, m.Source)
	}
	return t.Text()
}

// scenarioOf searches for the shortest scenario of a mutant.
func scenarioOf(ctx context.Context, m *mutants.Mutant) ([]byte, error) {
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
	_, text, err := m.Explain(&r)
	return text, err
}

// Mutants are those that the corpus has a file of: all mutants, and the harmless
// changes of kernels. Those of the hypervisor have no boot to make: they are
// searched only.
func Mutants() []mutants.Mutant {
	harmless := slices.DeleteFunc(mutants.Harmless(), func(m mutants.Mutant) bool { return !slices.Contains(all.Names(), m.System) })
	return append(mutants.All(), harmless...)
}

// AddMutants writes the files of all mutants and harmless changes, and returns
// their paths.
func AddMutants(ctx context.Context, dir string) ([]string, error) {
	var paths []string
	for _, m := range Mutants() {
		text, err := MutantText(ctx, &m)
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
