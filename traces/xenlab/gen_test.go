package xenlab

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model/script"
)

func TestGenerateIsDeterministic(t *testing.T) {
	for seed := range uint64(5) {
		a, b := Generate(seed, 2000, Profile{}), Generate(seed, 2000, Profile{})
		if !bytes.Equal(a, b) {
			t.Errorf("seed %d: two scripts", seed)
		}
		if bytes.Equal(a, Generate(seed+1, 2000, Profile{})) {
			t.Errorf("seeds %d and %d: the same script", seed, seed+1)
		}
	}
}

func TestGenerateLength(t *testing.T) {
	for _, n := range []int{0, 1, 2, 10, 100, 3001} {
		ops := operations(Generate(7, n, Profile{}))
		if len(ops) < n || len(ops) > n+60 {
			t.Errorf("n=%d: %d operations", n, len(ops))
		}
		if n > 0 && (ops[0][0] != "reset" || ops[len(ops)-1][0] != "reset") {
			t.Errorf("n=%d: first %v, last %v, want resets", n, ops[0], ops[len(ops)-1])
		}
	}
}

// TestGenerateCovers wants every operation that the guest has, except those that
// change the output's form or print no answer.
func TestGenerateCovers(t *testing.T) {
	seen := map[string]int{}
	for _, op := range operations(Generate(1, 30000, Profile{})) {
		seen[op[0]]++
	}
	never := []string{"quiet", "bench"}
	for _, s := range script.Specs() {
		switch n := seen[s.Name]; {
		case s.OnXen && !s.Header && !slices.Contains(never, s.Name):
			if n < 10 {
				t.Errorf("%s: %d times in 30000 operations", s.Name, n)
			}
		case n > 0:
			t.Errorf("%s: %d times", s.Name, n)
		}
	}
}

func TestScenarioLengths(t *testing.T) {
	length, over := 0, 0
	ops := operations(Generate(3, 20000, Profile{}))
	for _, op := range ops[:len(ops)-60] {
		if op[0] != "reset" {
			length++
			continue
		}
		if length > 90 {
			over++
		}
		if length > 0 && length < 25 {
			t.Errorf("a scenario of %d operations", length)
		}
		length = 0
	}
	if over > 0 {
		t.Errorf("%d scenarios are longer than 90 operations", over)
	}
}

func TestProfile(t *testing.T) {
	for _, theme := range Themes() {
		script := Generate(5, 300, Profile{Themes: []string{theme}})
		for line := range strings.Lines(string(script)) {
			if title, ok := strings.CutPrefix(line, "t "); ok && !strings.HasSuffix(title, theme+"\n") {
				t.Errorf("theme %s: title %q", theme, title)
			}
		}
	}
	script := string(Generate(5, 20000, Profile{NoStale: true, NoTitles: true}))
	for _, never := range []string{"\nt ", "\nmapnf "} {
		if strings.Contains(script, never) {
			t.Errorf("the profile excludes %q", never)
		}
	}
}

// TestGenerateSafety checks the rules of gen_names.go as far as single
// operations show them.
func TestGenerateSafety(t *testing.T) {
	for seed := range uint64(20) {
		for i, op := range operations(Generate(seed, 10000, Profile{})) {
			if err := checkSafety(op); err != nil {
				t.Fatalf("seed %d, operation %d, %q: %v", seed, i+1, strings.Join(op, " "), err)
			}
		}
	}
}

// TestGenerateRoots wants no entry 511 but the guest's in scenarios that make
// pool frames the root.
func TestGenerateRoots(t *testing.T) {
	roots := 0
	for line := range strings.SplitSeq(string(Generate(8, 100000, Profile{})), "reset\n") {
		ops := operations([]byte(line))
		if !slices.ContainsFunc(ops, func(op []string) bool { return op[0] == "cr3" && op[1][0] == 'f' }) {
			continue
		}
		roots++
		for _, op := range ops {
			for i := 2; i+1 < len(op) && op[0] != "get"; i += 2 {
				if op[i] == "511" && !strings.HasPrefix(op[i+1], "k3:") {
					t.Errorf("%q where pool frames are roots", strings.Join(op, " "))
				}
			}
		}
	}
	if roots < 100 {
		t.Errorf("%d scenarios have roots", roots)
	}
}

func checkSafety(op []string) error {
	switch op[0] {
	case "mu", "mua", "mus":
		for i := 2; i+1 < len(op); i += 2 {
			if err := checkUpdate(op[1], op[i], op[i+1]); err != nil {
				return err
			}
		}
	case "map", "mapnf":
		return checkPage(op[1], op[2])
	case "w", "w4", "x", "or", "r":
		return checkStore(op[1], op[2], op[3:])
	case "cr3!":
		if strings.HasPrefix(op[1], "f") && op[1] != name(guestL4) {
			return fmt.Errorf("an unchecked switch")
		}
	case "dump", "copy":
		if from := op[len(op)-1]; from == "h" || from == "k1" {
			return fmt.Errorf("not the scenario's page")
		}
	}
	return nil
}

// checkUpdate knows which entries of the boot tables are free, and what the
// others may become.
func checkUpdate(table, slot, entry string) error {
	n, err := strconv.Atoi(slot)
	if err != nil {
		return err
	}
	switch table {
	case "k1":
		if n < firstSlot || n >= firstSlot+storeSlots {
			return fmt.Errorf("not the entry of a page for stores")
		}
	case "k2", "k3", "k4":
		free := map[string][]int{"k2": freeK2, "k3": freeK3, "k4": freeK4}[table]
		own := map[string]string{"k2": "0 k1:PWU", "k3": "510 k2:PWU", "k4": "511 k3:PWU"}[table]
		moved := fmt.Sprintf("%d %s:PWU", ownL3, name(guestL2))
		if !slices.Contains(free, n) && !strings.HasPrefix(slot+" "+entry, own) && slot+" "+entry != moved {
			return fmt.Errorf("an entry that the guest needs")
		}
	}
	if notOurs(entry) && n != sideSlot-2 {
		return fmt.Errorf("a page that is not the scenario's")
	}
	if strings.HasPrefix(entry, "k1:") && !strings.Contains(entry, "W") && n != sideSlot && table != "k2" {
		return fmt.Errorf("k1 where stores may go")
	}
	return nil
}

func checkPage(at, entry string) error {
	if notOurs(entry) && at != fmt.Sprintf("s%d", pageSlot) {
		return fmt.Errorf("a page that is not the scenario's")
	}
	if strings.HasPrefix(entry, "k1:") && !strings.Contains(entry, "W") && at != fmt.Sprintf("s%d", k1Slot) {
		return fmt.Errorf("k1 where stores may go")
	}
	if strings.HasPrefix(entry, "k") && strings.Contains(entry, "W") && at[0] == 's' && at != fmt.Sprintf("s%d", kSlot) {
		return fmt.Errorf("a boot table writable where stores may go")
	}
	return nil
}

func checkStore(at, slot string, value []string) error {
	n, err := strconv.Atoi(slot)
	if err != nil {
		return err
	}
	if at == fmt.Sprintf("s%d", k1Slot) && (n < firstSlot || n >= firstSlot+storeSlots) {
		return fmt.Errorf("a store to the guest's own entries")
	}
	if at == fmt.Sprintf("s%d", pageSlot) {
		return fmt.Errorf("an access to a page that is not the scenario's")
	}
	for _, v := range value {
		if notOurs(v) {
			return fmt.Errorf("a page that is not the scenario's")
		}
		if at == fmt.Sprintf("s%d", kSlot) && strings.Contains(v, ":") {
			return fmt.Errorf("an entry in a boot table that the guest needs again")
		}
	}
	return nil
}

func notOurs(entry string) bool {
	frame, _, isEntry := strings.Cut(entry, ":")
	return isEntry && (frame == "h" || slices.Contains(devices, frame))
}

// operations returns the words of the operations of a script.
func operations(script []byte) [][]string {
	var ops [][]string
	for line := range strings.Lines(string(script)) {
		if operation(line) != "" {
			ops = append(ops, strings.Fields(line))
		}
	}
	return ops
}
