package recorded

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// TestSourceOfRecording wants the lines of a kernel's source where debug data says that it
// lies and it does, and in no report where it was built.
func TestSourceOfRecording(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pgtable.c")
	if err := os.WriteFile(path, []byte("void set_pte(void)\n{\n\tstore();\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSymbols(&kernel.Reader{Sites: []kernel.Site{
		{Addr: 0x1000, Function: "set_pte", File: path, Line: 3},
		{Addr: 0x2000, Function: "set_pmd", File: "./arch/x86/mm/init.c", Line: 7},
	}})
	at := s.at(0x1000)[0]
	if strings.HasPrefix(at.File, "/") || !strings.HasSuffix(path, at.File) || !strings.Contains(reports.Source(&at), "> 3      store();\n") {
		t.Errorf("%+v:\n%s", at, reports.Source(&at))
	}
	if at = s.at(0x2000)[0]; at.Place() != "arch/x86/mm/init.c:7" || reports.Source(&at) != "" {
		t.Errorf("%+v:\n%s", at, reports.Source(&at))
	}
}
