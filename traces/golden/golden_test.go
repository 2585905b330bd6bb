package golden

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// goldenDir holds the dumps, relative to this package.
const goldenDir = "../../testdata/goldens"

// goldenFiles lists all dumps.
func goldenFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(goldenDir, "*", "*.json*"))
	if err != nil || len(files) != 159 {
		t.Fatalf("found %d goldens (%v), want 159", len(files), err)
	}
	return files
}

// mustRead reads a dump.
func mustRead(t testing.TB, path string) *File {
	t.Helper()
	f, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// mustText returns the unpacked text of a file.
func mustText(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Ext(path) == ".gz" {
		if data, err = gunzip(data); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

func TestRoundTrip(t *testing.T) {
	for _, path := range goldenFiles(t) {
		f := mustRead(t, path)
		var out bytes.Buffer
		if err := f.Write(&out); err != nil {
			t.Fatal(err)
		}
		want := bytes.TrimSuffix(mustText(t, path), []byte{'\n'})
		if !bytes.Equal(bytes.TrimSuffix(out.Bytes(), []byte{'\n'}), want) {
			t.Errorf("%s: not the same bytes after reading and writing", path)
		}
	}
}
