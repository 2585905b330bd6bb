package seeds

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestElsewhere builds a target of the module and runs it in the folder of its source and outside
// it: there it adds what it has itself, and no files, and it does not fail. The seeds are written
// where the variable says, each once.
func TestElsewhere(t *testing.T) {
	const source, target = "../../model/script", "FuzzRoundTrip"
	program := filepath.Join(t.TempDir(), "target")
	if out, err := exec.Command("go", "test", "-c", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := func(folder string) int {
		seeds := t.TempDir()
		cmd := exec.Command(program, "-test.run=^"+target+"$")
		cmd.Dir, cmd.Env = folder, append(os.Environ(), Env+"="+seeds)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("in %s: %v\n%s", folder, err, out)
		}
		files, err := filepath.Glob(filepath.Join(seeds, target, "*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	if outside, inside := run(t.TempDir()), run(source); outside != 1 || inside < 3 {
		t.Errorf("%d seeds outside the source, %d in it", outside, inside)
	}
}
