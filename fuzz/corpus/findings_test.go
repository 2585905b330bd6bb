package corpus

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/fuzz/drive"
	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// planted are mutants that every engine must find, each in another way of going
// wrong.
func planted() []string {
	return []string{"B02", "B03", "B08", "B41", "L18", "L01", "no-zap", "X43", "X02-unused", "L15", "L06", "zap-for-ever", "short-list"}
}

// setOf is the systems that come with ptcheck and their mutants.
func setOf(t *testing.T) *systems.Set {
	t.Helper()
	set, err := mutants.Set()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func mutantOf(t *testing.T, id string) mutants.Mutant {
	t.Helper()
	m, err := mutants.Find([]string{id})
	if err != nil {
		t.Fatal(err)
	}
	return m[0]
}

// filed adds a finding to a corpus of its own and holds what came out: a file
// that passes, shorter than what went in or as short, and hardly longer than the
// shortest way there is.
func filed(t *testing.T, engine string, m mutants.Mutant, f *systems.File) {
	t.Helper()
	v, err := f.Verdict()
	if err != nil || !v.Fails() {
		t.Errorf("%s: %s: found nothing: %v", engine, m.ID, err)
		return
	}
	set := setOf(t)
	a, err := Add(set, t.TempDir(), f, 0)
	if err != nil {
		t.Errorf("%s: %s: %v", engine, m.ID, err)
		return
	}
	r := Run(context.Background(), set, []string{a.Path})[0]
	if r.Err != nil || r.Failure != "" || !r.Verdict.Meets(v) || r.Mutant != m.ID {
		t.Errorf("%s: %s: %+v", engine, m.ID, r)
	}
	ways, err := m.Shortest(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	shortest, ok := ways[v.What]
	if !ok {
		shortest = m.Steps + 1 // the search has not got that far
	}
	t.Logf("%s: %s: %v by %d operations, %d before, shortest %d, %d tries", engine, m.ID, v, a.Shrunk.To, a.Shrunk.From, shortest, a.Shrunk.Tries)
	if a.Shrunk.To > shortest+1 {
		text, _ := os.ReadFile(a.Path)
		t.Errorf("%s: %s: %d operations, the shortest way has %d\n%s", engine, m.ID, a.Shrunk.To, shortest, text)
	}
}

// TestRandomWalksShrink walks at random with bugs planted.
func TestRandomWalksShrink(t *testing.T) {
	for _, id := range longtest.Part(t, planted(), 2) {
		m := mutantOf(t, id)
		if m.Change.OfHypervisor() {
			continue // its findings come by bytes
		}
		list, err := m.System.Searches(systems.Values{"failures": "false"}, m.Change)
		if err != nil {
			t.Fatal(err)
		}
		r, err := list[0].Run(context.Background(),
			explore.Options{Strategy: explore.RandomWalk, Walks: 20_000, Depth: 60, Seed: 7})
		if err != nil || len(r.Findings) == 0 {
			t.Errorf("%s: random walks find nothing: %v", id, err)
			continue
		}
		way, err := list[0].Scenario(r.Findings[0])
		if err != nil {
			t.Fatal(err)
		}
		f, err := setOf(t).New(way, id)
		if err != nil {
			t.Fatal(err)
		}
		filed(t, "random walk", m, f)
	}
}

// targetOf is the fuzz target that takes a mutant.
func targetOf(t *testing.T, id string) (string, drive.Target) {
	t.Helper()
	for _, name := range drive.Targets() {
		if d, err := drive.Open(name, id); err == nil {
			return name, d
		}
	}
	t.Fatalf("%s: no target takes it", id)
	return "", nil
}

// TestFuzzFindingsShrink drives the fuzz targets by random bytes with bugs
// planted, and imports the input that finds one from a file of Go's fuzzing.
func TestFuzzFindingsShrink(t *testing.T) {
	for _, id := range longtest.Part(t, planted(), 2) {
		m := mutantOf(t, id)
		name, d := targetOf(t, id)
		r := rand.New(rand.NewPCG(5, 6))
		in := make([]byte, 121)
		for n := 0; ; n++ {
			for i := range in {
				in[i] = byte(r.Uint32())
			}
			if d.Run(in).Kind != explore.Moved {
				break
			}
			if n == 100_000 {
				t.Fatalf("%s: %d inputs find nothing", id, n)
			}
		}
		path := filepath.Join(t.TempDir(), name, "0123456789abcdef")
		tr, err := Import(setOf(t), path, fmt.Appendf(nil, "%s\n[]byte(%q)\n", goFuzz, in), "", id)
		if err != nil {
			t.Fatal(err)
		}
		filed(t, "fuzz", m, tr)
	}
}

// TestLogsShrink imports what a property test prints.
func TestLogsShrink(t *testing.T) {
	log := strings.Join([]string{
		"--- FAIL: TestBoot (0.01s)",
		"    boot_test.go:30: [rapid] failed after 3 tests: broken",
		"    boot_test.go:12: [rapid] draw system: \"system xen\"",
		"    boot_test.go:12: [rapid] draw start: \"start 3level-xen-3.1-16f-12mapped-3stale-nx\"",
		"    boot_test.go:14: [rapid] draw call: \"setup_start\"",
		"    boot_test.go:14: [rapid] draw call: \"map_lowmem f3\"",
		"    boot_test.go:20: leaf-rewritten is broken", "FAIL", "",
	}, "\n")
	m := mutantOf(t, "B08")
	tr, err := Import(setOf(t), "log", []byte(log), "", "B08")
	if err != nil {
		t.Fatal(err)
	}
	filed(t, "log", m, tr)
}

// TestTracesShrink replays whole boots, in the kernel's own order, with bugs
// planted.
func TestTracesShrink(t *testing.T) {
	const trace = "system %s\nstart %s\nsetup_start\n%srange fixmap\nmap_all\n%s"
	lowmem := ""
	for f := range 8 {
		lowmem += fmt.Sprintf("map_lowmem f%d\n", f)
	}
	for _, x := range []struct{ id, system, start, lowmem, end string }{
		{"no-zap", "native", "2level-8f", lowmem, "fixmap 2\nsetup_done\nalias 3\nload_root\nfixmap 2\nzap\n"},
		{"L01", "xen", "3level-xen-3.1-16f-12mapped-3stale-nx", lowmem, "setup_done\nload_root\nzap\nfixmap 2\npgd_alloc\nactivate\n"},
	} {
		text := fmt.Sprintf("mutant %s\n"+trace, x.id, x.system, x.start, x.lowmem, x.end)
		tr, err := setOf(t).Parse("trace", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		filed(t, "trace", mutantOf(t, x.id), tr)
	}
}
