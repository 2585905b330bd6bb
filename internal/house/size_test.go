package house

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFuzzIsSmall holds that fuzz has less than a tenth of the lines of Go code, tests
// apart: what is not about chance and memory belongs elsewhere.
func TestFuzzIsSmall(t *testing.T) {
	all, fuzz := goLines(t, root), goLines(t, filepath.Join(root, "fuzz"))
	t.Logf("fuzz has %d of %d lines", fuzz, all)
	if fuzz == 0 || 10*fuzz >= all {
		t.Errorf("fuzz has %d of %d lines of Go code: want less than a tenth", fuzz, all)
	}
}

// goLines counts the lines of Go files below a folder, tests apart.
func goLines(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		n += bytes.Count(src, []byte("\n"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
