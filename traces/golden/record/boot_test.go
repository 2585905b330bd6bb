package record

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/traces/golden"
)

const goldens = "../../../testdata/goldens"

// files lists the golden dumps.
func files(tb testing.TB) []string {
	var out []string
	err := filepath.WalkDir(goldens, func(path string, d fs.DirEntry, err error) error {
		if err == nil && (strings.HasSuffix(path, ".json") || strings.HasSuffix(path, ".json.gz")) {
			out = append(out, path)
		}
		return err
	})
	if err != nil || len(out) == 0 {
		tb.Fatalf("no golden dumps under %s: %v", goldens, err)
	}
	return out
}

// TestGoldens boots every configuration of the recordings and compares
// everything that they hold.
func TestGoldens(t *testing.T) {
	for _, path := range longtest.Part(t, files(t), 7) {
		want, err := golden.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(want.Name, func(t *testing.T) {
			got, err := Run(want.Name, &want.Config, Options{})
			if err != nil {
				t.Fatal(err)
			}
			for i, d := range golden.Compare(want, got) {
				if i == 10 {
					t.Error("... and more")
					break
				}
				t.Error(d)
			}
		})
	}
}
