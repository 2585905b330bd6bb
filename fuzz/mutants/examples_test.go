package mutants

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/ptcheck/ptcheck/reports"
)

var update = flag.Bool("update", false, "rewrite docs/examples")

// TestExamples makes the reports in docs/examples again and compares them.
// Rewrite them with: go test ./fuzz/mutants -run Examples -update
func TestExamples(t *testing.T) {
	for _, id := range []string{"B03", "B08", "X43"} {
		list, err := Find([]string{id})
		if err != nil {
			t.Fatal(err)
		}
		r, err := list[0].Run(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		run, err := list[0].Report(&r)
		if err != nil {
			t.Fatal(err)
		}
		files, err := reports.Files(reports.New("example", run))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			compareExample(t, filepath.Join("../../docs/examples", id, f.Name), f.Data)
		}
	}
}

func compareExample(t *testing.T, path string, data []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, data) {
		t.Errorf("%s is not what the code makes now; if source lines have moved: go test ./fuzz/mutants -run Examples -update", path)
	}
}
