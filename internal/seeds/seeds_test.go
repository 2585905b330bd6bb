package seeds

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// FuzzItself is a target to try the package with.
func FuzzItself(f *testing.F) {
	Files(f, 7, "seeds.go")
	Add(f, []byte("one"))
	f.Fuzz(func(*testing.T, []byte) {})
}

// TestElsewhere runs a target's program outside its source: it adds what it has, and no files. The
// seeds are written where the variable says.
func TestElsewhere(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		folder string
		want   []string
	}{{t.TempDir(), []string{"one"}}, {".", []string{"// Pack", "one"}}} {
		seeds := t.TempDir()
		cmd := exec.Command(program, "-test.run=^FuzzItself$")
		cmd.Dir, cmd.Env = x.folder, append(os.Environ(), Env+"="+seeds)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		files, err := filepath.Glob(filepath.Join(seeds, "FuzzItself", "*"))
		if err != nil || len(files) != len(x.want) {
			t.Fatalf("in %s: %q, %v", x.folder, files, err)
		}
		got := map[string]bool{}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got[string(data)] = true
		}
		for _, w := range x.want {
			if !got[w] {
				t.Errorf("in %s: no seed %q", x.folder, w)
			}
		}
	}
}
