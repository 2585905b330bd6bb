package search

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// questions are searches of each kind: with and without symmetry, states of words and of many
// bytes, limits that end a level inside, findings of transitions and of states.
func questions() map[string]asked {
	pvdp := systems.Values{"frames": "4", "levels": "2", "slots": "1"}
	return map[string]asked{
		"native":      {system: "native", opt: explore.Options{Depth: 4}},
		"xen":         {system: "xen", opt: explore.Options{Depth: 4}},
		"topdown":     {system: "topdown", opt: explore.Options{Depth: 6}},
		"adversary":   {system: "adversary", opt: explore.Options{Depth: 4}},
		"all":         {system: "adversary", opt: explore.Options{Depth: 4, FindAll: true}},
		"life":        {system: "life", opt: explore.Options{Depth: 3}},
		"small pvdp":  {system: "pvdp", values: systems.Values{"frames": "3", "levels": "2", "slots": "1"}},
		"pvdp":        {system: "pvdp", values: pvdp, opt: explore.Options{Depth: 7}},
		"max-states":  {system: "native", opt: explore.Options{MaxStates: 1000}},
		"few states":  {system: "xen", opt: explore.Options{MaxStates: 5}},
		"states, all": {system: "adversary", opt: explore.Options{MaxStates: 4000, FindAll: true}},
	}
}

// TestSameAsOneMachine searches with the functions that Beam runs, each bundle once or twice.
func TestSameAsOneMachine(t *testing.T) {
	for name, a := range questions() {
		j := a.job(t)
		want := beside(t, j)
		for shards, times := range map[int]int{1: 1, 3: 2, 8: 1} {
			t.Run(fmt.Sprintf("%s, %d shards, %d attempts", name, shards, times), func(t *testing.T) {
				got, err := run(t.Context(), j, t.TempDir(), shards, attempts(times))
				if err != nil {
					t.Fatal(err)
				}
				same(t, got, want)
			})
		}
	}
}

// TestPrism has the embedded runner run some of them.
func TestPrism(t *testing.T) {
	for name, shards := range map[string]int{"native": 3, "adversary": 8, "life": 1} {
		t.Run(name, func(t *testing.T) {
			a := questions()[name]
			j := a.job(t)
			got, err := run(t.Context(), j, t.TempDir(), shards, onBeam("prism"))
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, beside(t, j))
		})
	}
}

// TestPlantedBugs plants the bug of each system that is found soonest, and holds the scenario
// files to each other.
func TestPlantedBugs(t *testing.T) {
	first := map[string]mutants.Mutant{}
	for _, m := range mutants.All() {
		if old, ok := first[m.SystemName()]; !ok || m.Steps < old.Steps {
			first[m.SystemName()] = m
		}
	}
	if len(first) < 5 {
		t.Fatalf("bugs of %d systems only", len(first))
	}
	for system, m := range first {
		t.Run(system+" "+m.ID, func(t *testing.T) {
			a := asked{system: system, values: m.Values, bug: m.ID, opt: explore.Options{Depth: m.Steps, MaxStates: 20000}}
			j := a.job(t)
			want := beside(t, j)
			got, err := run(t.Context(), j, t.TempDir(), 3, attempts(1))
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, want)
			if g, w := scenarios(t, j.Search, got), scenarios(t, j.Search, want); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
		})
	}
}

// scenarios are the scenario files of what a search has found.
func scenarios(t *testing.T, s *systems.Search, r explore.Result) string {
	t.Helper()
	o := systems.Outcome{Search: s, Result: r}
	var all strings.Builder
	for _, f := range r.Findings {
		file, err := o.Explain(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(file.Text())
	}
	return all.String()
}

// TestResume ends a search after each level, and before the level's end is written down.
func TestResume(t *testing.T) {
	a := questions()["small pvdp"]
	j := a.job(t)
	want := beside(t, j)
	for levels := range want.Diameter + 1 {
		dir := t.TempDir()
		if _, err := run(t.Context(), j, dir, 3, oneLevel(attempts(1), levels)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("%d levels: %v", levels, err)
		}
		got, err := run(t.Context(), j, dir, 3, attempts(1))
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, want)
		if got, err = run(t.Context(), j, dir, 3, oneLevel(nil, 0)); err != nil {
			t.Fatal(err) // it is over: nothing is run
		}
		same(t, got, want)
	}
}

// TestDeeper goes on, in the same folder, from where a limit ended a search.
func TestDeeper(t *testing.T) {
	dir := t.TempDir()
	for _, o := range []explore.Options{{MaxStates: 100}, {Depth: 2}, {MaxStates: 700}, {Depth: 4}} {
		a := asked{system: "native", opt: o}
		j := a.job(t)
		got, err := run(t.Context(), j, dir, 3, attempts(1))
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, beside(t, j))
	}
}

// TestRefused holds that a folder that does not fit is refused by one sentence.
func TestRefused(t *testing.T) {
	a := questions()["small pvdp"]
	a.opt.Depth = 3
	j := a.job(t)
	other := asked{system: "pvdp", values: systems.Values{"frames": "2", "levels": "2", "slots": "1"}}
	for name, x := range map[string]struct {
		spoil  func(t *testing.T, dir string)
		ask    asked
		shards int
		want   string
	}{
		"question": {nil, other, 3, "answers another question: it is of --frames=3, not of --frames=2"},
		"shards":   {nil, a, 4, "has 3 shards, not 4"},
		"missing":  {onFile("front-*", os.Remove), a, 3, "a file of the search is missing"},
		"short":    {onFile("run-*", func(f string) error { return os.Truncate(f, 3) }), a, 3, "it is damaged"},
		"manifest": {onFile("manifest-*", func(f string) error { return os.Truncate(f, 30) }), a, 3, "it is damaged, or was not written"},
		"flipped":  {onFile("front-*", flip), a, 3, "front-"},
		"version":  {onFile("manifest-*", version), a, 3, "is of another version of this program"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if _, err := run(t.Context(), j, dir, 3, attempts(1)); err != nil {
				t.Fatal(err)
			}
			if x.spoil != nil {
				x.spoil(t, dir)
			}
			x.ask.opt.Depth = 5
			_, err := run(t.Context(), x.ask.job(t), dir, x.shards, attempts(1))
			if err == nil || !strings.Contains(err.Error(), x.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want %q in one line", err, x.want)
			}
		})
	}
}

// onFile does something to the first file of a pattern.
func onFile(pattern string, do func(string) error) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(names) == 0 {
			t.Fatal(names, err)
		}
		if err := do(names[0]); err != nil {
			t.Fatal(err)
		}
	}
}

// flip changes a byte in the middle of a file.
func flip(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	text[len(text)/2] ^= 4
	return os.WriteFile(name, text, 0o600)
}

// version makes a manifest one of another program.
func version(name string) error {
	f, err := openFolder(context.Background(), filepath.Dir(name))
	if err != nil {
		return err
	}
	m, err := f.load(context.Background())
	if err != nil {
		return err
	}
	m.Program = "another"
	return errors.Join(os.Remove(name), seal(context.Background(), f.fs, f.dir, fmt.Sprintf("manifest-%06d", m.Level), m))
}

// TestOtherWorkers holds that a worker of another version says so.
func TestOtherWorkers(t *testing.T) {
	a := questions()["small pvdp"]
	_, err := run(t.Context(), a.job(t), t.TempDir(), 3, func(ctx context.Context, l level) error {
		l.expand.Question.Program = "another"
		return attempts(1)(ctx, l)
	})
	if err == nil || !strings.Contains(err.Error(), "another version of the program than the driver") {
		t.Error(err)
	}
}

// TestTakenOver holds that a run whose folder another one has taken over writes nothing more.
func TestTakenOver(t *testing.T) {
	a := questions()["small pvdp"]
	dir := t.TempDir()
	_, err := run(t.Context(), a.job(t), dir, 3, func(ctx context.Context, l level) error {
		if err := attempts(1)(ctx, l); err != nil {
			return err
		}
		_, err := openFolder(ctx, dir)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "another run has taken over") {
		t.Error(err)
	}
}
