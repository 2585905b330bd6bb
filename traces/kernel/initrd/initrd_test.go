package initrd

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// TestInitIsSafeToRun executes the program for amd64: one that is not the first process
// ends at once.
func TestInitIsSafeToRun(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("needs Linux on amd64")
	}
	name := filepath.Join(t.TempDir(), "init")
	if err := os.WriteFile(name, Init(AMD64), 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(name).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("%v, output %q: want a program that ends with 0 and says nothing", err, out)
	}
}

// TestInitSegments holds that code cannot be written and nothing else executed.
func TestInitSegments(t *testing.T) {
	for _, b := range []Bits{I386, AMD64} {
		f, err := elf.NewFile(bytes.NewReader(Init(b)))
		if err != nil {
			t.Fatalf("%d bits: %v", b, err)
		}
		entry, stack := false, false
		for _, p := range f.Progs {
			if p.Flags&elf.PF_X != 0 && p.Flags&elf.PF_W != 0 {
				t.Errorf("%d bits: a segment can be written and executed", b)
			}
			in := p.Type == elf.PT_LOAD && f.Entry >= p.Vaddr && f.Entry < p.Vaddr+p.Filesz
			entry = entry || in && p.Flags&elf.PF_X != 0
			stack = stack || p.Type == elf.PT_GNU_STACK && p.Flags&elf.PF_X == 0
		}
		if !entry || !stack {
			t.Errorf("%d bits: entry in code %t, a stack without execution %t", b, entry, stack)
		}
	}
}

// TestArchive takes the archive apart again.
func TestArchive(t *testing.T) {
	a := Archive(AMD64)
	if !bytes.Equal(a, Archive(AMD64)) {
		t.Error("two archives differ")
	}
	files := map[string][]byte{}
	var names []string
	for rest := a; len(rest) >= 110; {
		if string(rest[:6]) != "070701" {
			t.Fatalf("a header begins with %q", rest[:6])
		}
		field := func(i int) int {
			v, err := strconv.ParseUint(string(rest[6+8*i:14+8*i]), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			return int(v)
		}
		size, nameSize := field(6), field(11)
		name := strings.TrimRight(string(rest[110:110+nameSize]), "\x00")
		start := (110 + nameSize + 3) &^ 3
		files[name] = rest[start : start+size]
		names = append(names, name)
		rest = rest[(start+size+3)&^3:]
	}
	if got := strings.Join(names, " "); got != "dev dev/console proc init TRAILER!!!" {
		t.Errorf("the archive holds %s", got)
	}
	if !bytes.Equal(files["init"], Init(AMD64)) {
		t.Error("init is another program")
	}
}
