package lab

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
)

// guestSource reads a file of the guest that runs scripts on the real Xen.
func guestSource(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../traces/xenlab/guest", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// guestOperations are the operations of that guest: the letters of their operands by
// name.
func guestOperations(t *testing.T) map[string]string {
	rows := map[string]string{}
	for _, m := range regexp.MustCompile(`\{ "([^"]+)", "([A-Z+]*)", op_\w+ \}`).FindAllStringSubmatch(guestSource(t, "ops.c"), -1) {
		rows[m[1]] = m[2]
	}
	if len(rows) < 10 {
		t.Fatalf("%d operations in ops.c", len(rows))
	}
	return rows
}

// letters are the operands of an operation as ops.c has them.
func letters(s *script.Spec) string {
	var b strings.Builder
	for _, k := range s.Args {
		b.WriteByte(map[script.Kind]byte{script.KindAddr: 'A', script.KindEntry: 'E', script.KindFrame: 'F',
			script.KindFrameOrZero: 'Z', script.KindNumber: 'N', script.KindWord: 'W'}[k])
	}
	if s.Repeat > 0 {
		b.WriteByte('+')
	}
	return b.String()
}

// TestGuestsHaveTheSameOperations compares the guest on the real Xen with the language
// and with the executor here: each runs what the others run.
func TestGuestsHaveTheSameOperations(t *testing.T) {
	rows := guestOperations(t)
	for name := range rows {
		if script.Lookup(name) == nil {
			t.Errorf("ops.c has %s, which the language has not", name)
		}
	}
	for _, s := range script.Specs() {
		kinds, there := rows[s.Name]
		if there && kinds != letters(&s) {
			t.Errorf("%s: operands %s in ops.c, %s in the language", s.Name, kinds, letters(&s))
		}
		if s.OnXen != there {
			t.Errorf("%s: OnXen is %v; in ops.c: %v", s.Name, s.OnXen, there)
		}
		if s.Header {
			continue // what the file says of itself is no operation
		}
		play, err := Run(Config{Bits: 64}, []byte(s.Example+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		if syntax := slices.Contains(play.Lines, "R 1 "+s.Example+" = syntax"); syntax == there {
			t.Errorf("%s: for the executor a mistake: %v; in ops.c: %v", s.Name, syntax, there)
		}
	}
}

// TestCommandsOfMMUExt compares the guest's numbers of mmuext_op's commands with the
// table of operations.
func TestCommandsOfMMUExt(t *testing.T) {
	inC := map[uint64]bool{}
	for _, m := range regexp.MustCompile(`\bEXT_\w+\s*= (\d+)`).FindAllStringSubmatch(guestSource(t, "abi.h"), -1) {
		n, err := strconv.ParseUint(m[1], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		inC[n] = true
	}
	inTable := map[uint64]bool{0: true} // the pin of an L1
	for _, v := range model.Verbs() {
		if v.OnXen && v.MMUExt != 0 {
			inTable[uint64(v.MMUExt)] = true
		}
	}
	if !maps.Equal(inC, inTable) {
		t.Errorf("abi.h has the commands %v, the table of operations %v", slices.Sorted(maps.Keys(inC)), slices.Sorted(maps.Keys(inTable)))
	}
}
