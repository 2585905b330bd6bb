// Package seeds gives fuzz targets the inputs that they start from. Where targets are built to
// run elsewhere, as OSS-Fuzz does, the files of the source are not there, and what a target adds
// by itself is not seen: the build packs the seeds beside each.
package seeds

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Env names a folder that each target writes its seeds to, in a folder of its own.
const Env = "PTCHECK_SEEDS"

// Here reports whether a test runs in the folder of its source.
func Here() bool {
	sources, err := filepath.Glob("*_test.go")
	return err == nil && len(sources) > 0
}

// Files adds the contents of files, or their first most bytes if most is not 0. Outside the
// folder of the source there are none.
func Files(f *testing.F, most int, names ...string) {
	f.Helper()
	if !Here() {
		return
	}
	if len(names) == 0 {
		f.Fatal("there are no seeds")
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if most > 0 {
			data = data[:min(len(data), most)]
		}
		Add(f, data)
	}
}

// Add adds an input to a target of one argument.
func Add(f *testing.F, data []byte) {
	f.Helper()
	f.Add(data)
	dir := os.Getenv(Env)
	if dir == "" {
		return
	}
	dir = filepath.Join(dir, f.Name())
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%x", sha256.Sum256(data))[:16]), data, 0o644)
	}
	if err != nil {
		f.Fatal(err)
	}
}
