package xenlab

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestGuestFilesHaveNoCircle compiles the guest's C files one by one: each uses symbols
// of those before it in the list, or of the assembly files, only.
func TestGuestFilesHaveNoCircle(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skipf("SKIPPED, NOTHING IS TESTED: %v", err)
	}
	present, err := filepath.Glob("guest/*.c")
	if err != nil || len(present) != len(guestFiles()) {
		t.Errorf("%d of %d C files are built (%v)", len(guestFiles()), len(present), err)
	}
	known := map[string]bool{}
	for _, file := range append([]string{"notes.S", "x86_64.S"}, guestFiles()...) {
		symbols := symbolsOf(t, file)
		for _, s := range symbols {
			known[s.Name] = known[s.Name] || s.Section != elf.SHN_UNDEF
		}
		for _, s := range symbols {
			if !known[s.Name] && filepath.Ext(file) == ".c" {
				t.Errorf("%s uses %s of a file after it", file, s.Name)
			}
		}
	}
}

// symbolsOf are the global symbols of a file of the guest.
func symbolsOf(t *testing.T, file string) []elf.Symbol {
	t.Helper()
	object := filepath.Join(t.TempDir(), "guest.o")
	out, err := exec.CommandContext(t.Context(), "gcc", "-m64", "-mcmodel=kernel", "-O2", "-ffreestanding", "-fno-pic", "-fno-stack-protector",
		"-DVIRT_BASE=0xffffffff80000000", "-c", filepath.Join("guest", file), "-o", object).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := os.Open(object)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	e, err := elf.NewFile(f)
	if err != nil {
		t.Fatal(err)
	}
	all, err := e.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(s elf.Symbol) bool { return elf.ST_BIND(s.Info) != elf.STB_GLOBAL })
}
