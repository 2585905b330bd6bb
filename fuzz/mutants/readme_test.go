package mutants

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadmeCounts holds the figures of the README together with the lists themselves.
func TestReadmeCounts(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	corpus, err := filepath.Glob("../corpus/*.pt")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf("%d planted bugs", len(All())),
		fmt.Sprintf("%d legal variations", len(Variations())),
		fmt.Sprintf("corpus of %d scenarios", len(corpus)),
	} {
		if !strings.Contains(strings.Join(strings.Fields(string(text)), " "), want) {
			t.Errorf("README.md does not say %q", want)
		}
	}
}
