package machines

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/seeds"
	"github.com/ptcheck/ptcheck/traces/emulator"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// bounds are those of kernels like Debian's.
func bounds() []Bounds {
	two := Bounds{Bits: 32, Levels: 2, End: 0x200c000, Features: emulator.PSE | emulator.PGE}
	pae := Bounds{Bits: 32, Levels: 3, End: 0x2135000, Features: two.Features | emulator.NX | emulator.PCID | emulator.SMEP}
	wide := Bounds{Bits: 64, Levels: 4, End: 0x4a00000, Features: pae.Features | emulator.GBPages | emulator.LA57}
	return []Bounds{two, pae, wide}
}

// TestDraw: the same seed draws the same machine, each can be and has room for the kernel, and
// everything that can be drawn is, sooner or later.
func TestDraw(t *testing.T) {
	for _, b := range bounds() {
		var kinds [6]int
		var without emulator.Features
		words, litter, odd, high := map[string]bool{}, 0, 0, 0
		for seed := range 2000 {
			m := Draw(b, 1, seed)
			if again := Draw(b, 1, seed); !bytes.Equal(m.AppendText(nil), again.AppendText(nil)) {
				t.Fatalf("seed %d draws two machines", seed)
			}
			if err := m.Check(); err != nil {
				t.Errorf("seed %d: %v", seed, err)
			}
			if len(less([]span{{16 * mib, b.End + slack}}, span{})) != 1 || !covers(memory(m), span{16 * mib, b.End}) {
				t.Errorf("seed %d: the kernel has no room:\n%s", seed, m.AppendText(nil))
			}
			for _, r := range m.Map {
				kinds[r.Kind]++
				if r.End%page != 0 {
					odd++
				}
				if r.End > 4*gib {
					high++
				}
			}
			without |= b.Features &^ m.Features
			for _, w := range strings.Fields(m.Cmdline) {
				key, _, _ := strings.Cut(w, "=")
				words[key] = true
			}
			if m.Litter != 0 {
				litter++
			}
		}
		if without != b.Features || len(words) < 5 || litter < 300 || odd < 20 || slices.Contains(kinds[1:], 0) || b.Levels > 2 && high == 0 {
			t.Errorf("%d levels: never without %v, words %v, litter %d, odd ends %d, kinds %v, above 4 GiB %d", b.Levels, b.Features&^without, words, litter, odd, kinds, high)
		}
	}
}

func covers(list []span, x span) bool {
	return slices.ContainsFunc(list, func(s span) bool { return s.start <= x.start && s.end >= x.end })
}

// TestMemory: what a kernel may use is the map in whole pages, less what the command line takes.
func TestMemory(t *testing.T) {
	m := &emulator.Machine{Map: []emulator.Range{
		{Start: 0, End: 0xa0000, Kind: emulator.Usable}, {Start: mib, End: 16*mib + 5, Kind: emulator.Usable},
		{Start: 16*mib + 5, End: 32 * mib, Kind: emulator.Usable}, {Start: 32 * mib, End: 33 * mib, Kind: emulator.Reserved},
		{Start: 33*mib + 1, End: 34*mib + 0x1fff, Kind: emulator.Usable}, {Start: 40 * mib, End: 40*mib + 0xfff, Kind: emulator.Usable},
	}}
	for cmdline, want := range map[string]string{
		"":                        "{100000 2000000} {2101000 2201000} ",
		"quiet mem=0x1400001":     "{100000 1400000} ",
		"memmap=4K$0x1000800":     "{100000 1000000} {1002000 2000000} {2101000 2201000} ",
		"mem=30M memmap=1M$15M":   "{100000 f00000} {1000000 1e00000} ",
		"memmap=exactmap mem=zzz": "",
	} {
		m.Cmdline = cmdline
		var got strings.Builder
		for _, s := range memory(m) {
			fmt.Fprintf(&got, "%x ", s)
		}
		if cmdline != "memmap=exactmap mem=zzz" && got.String() != want {
			t.Errorf("%q: %s, want %s", cmdline, got.String(), want)
		}
	}
}

// direct is a machine's direct map as leaves, as a sound kernel builds it.
func direct(e *expectation) (list []emulator.Leaf) {
	for pa := uint64(0); pa < min(e.top, 64*gib); {
		size, end := e.leaf(pa)
		if size != 0 {
			list = append(list, emulator.Leaf{VA: e.base + pa, PA: pa, Size: size, Entry: pa | e.want})
		}
		if end == ^uint64(0) {
			break
		}
		pa = end
	}
	return list
}

// tablesWith are tables of four levels that have some leaves: as a recording of them.
func tablesWith(t *testing.T, leaves []emulator.Leaf) *emulator.Tables {
	t.Helper()
	words := map[uint64]map[int]uint64{1: {}}
	level := map[uint64]int{1: 4}
	next := uint64(2)
	for _, l := range leaves {
		frame := uint64(1)
		for lv := 4; ; lv-- {
			slot := int(l.VA >> (12 + 9*(lv-1)) & 511)
			if uint64(1)<<(12+9*(lv-1)) == l.Size {
				e := l.Entry &^ 0xffffffffff000
				if lv > 1 {
					e |= 0x80
				}
				words[frame][slot] = e | l.PA
				break
			}
			if words[frame][slot] == 0 {
				words[frame][slot] = next<<12 | 0x67
				words[next], level[next] = map[int]uint64{}, lv-1
				next++
			}
			frame = words[frame][slot] >> 12
		}
	}
	var b strings.Builder
	b.WriteString("ptcheck-recording 1\n# arch amd64\n# memory 1\n# smp 1\ne820 0 1000 usable\nC 1 3 1000 80000011 20 500\nM 4\n")
	for f := uint64(1); f < next; f++ {
		root := ""
		if f == 1 {
			root = " root"
		}
		fmt.Fprintf(&b, "T %d %x%s 0\n", level[f], f, root)
		for slot := range 512 {
			if w := words[f][slot]; w != 0 {
				fmt.Fprintf(&b, "e %x 1 %x\n", slot, w)
			}
		}
	}
	b.WriteString("# end stores 0 controls 1 flushes 0 hypercalls 0 checks 1 differences 0\nsymbols 0\n")
	r, err := kernel.NewReader("test", strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	tb, err := emulator.ReadTables(r)
	if err != nil {
		t.Fatal(err)
	}
	return tb
}

// TestCheck: a sound direct map has no problem, and each way to spoil it is seen by its own rule.
func TestCheck(t *testing.T) {
	m := &emulator.Machine{Features: emulator.PSE | emulator.NX | emulator.GBPages, Map: []emulator.Range{
		{Start: 0, End: 0xa0000, Kind: emulator.Usable}, {Start: mib, End: 10*mib + 3*page, Kind: emulator.Usable},
		{Start: 12 * mib, End: 3 * gib, Kind: emulator.Usable},
	}}
	e := expect(&emulator.Kernel{Bits: 64}, 4, m, 0)
	sound := direct(e)
	find := func(pa uint64) int {
		return slices.IndexFunc(sound, func(l emulator.Leaf) bool { return l.PA == pa })
	}
	for _, x := range []struct {
		what, want string
		spoil      func(l []emulator.Leaf) []emulator.Leaf
	}{
		{"sound", "", func(l []emulator.Leaf) []emulator.Leaf { return l }},
		{"the last leaf is missing", ruleComplete, func(l []emulator.Leaf) []emulator.Leaf { return l[:len(l)-1] }},
		{"a leaf in the middle is missing", ruleComplete, func(l []emulator.Leaf) []emulator.Leaf { return slices.Delete(l, find(4*mib), find(4*mib)+1) }},
		{"a hole is mapped", ruleHoles, func(l []emulator.Leaf) []emulator.Leaf {
			return append(l, emulator.Leaf{VA: e.base + 11*mib, PA: 11 * mib, Size: page, Entry: e.want})
		}},
		{"a page behind the end is mapped", ruleHoles, func(l []emulator.Leaf) []emulator.Leaf {
			return append(l, emulator.Leaf{VA: e.base + 3*gib, PA: 3 * gib, Size: page, Entry: e.want})
		}},
		{"a page leads elsewhere", ruleTrue, func(l []emulator.Leaf) []emulator.Leaf { l[find(4*mib)].PA = 6 * mib; return l }},
		{"a page is open to user mode", ruleAttributes, func(l []emulator.Leaf) []emulator.Leaf { l[5].Entry |= bitUser; return l }},
		{"a page may be executed", ruleAttributes, func(l []emulator.Leaf) []emulator.Leaf { l[find(gib)].Entry &^= bitNX; return l }},
		{"a page is read-only", ruleAttributes, func(l []emulator.Leaf) []emulator.Leaf { l[find(gib)].Entry &^= bitWritable; return l }},
		{"a large page is two small ones", ruleLarge, func(l []emulator.Leaf) []emulator.Leaf {
			i := find(gib)
			var parts []emulator.Leaf
			for pa := gib; pa < 2*gib; pa += 2 * mib {
				parts = append(parts, emulator.Leaf{VA: e.base + pa, PA: pa, Size: 2 * mib, Entry: e.want})
			}
			return slices.Replace(l, i, i+1, parts...)
		}},
		{"a large page reaches into a hole", ruleFit, func(l []emulator.Leaf) []emulator.Leaf {
			i, j := find(10*mib), find(10*mib+2*page)
			return slices.Replace(l, i, j+1, emulator.Leaf{VA: e.base + 10*mib, PA: 10 * mib, Size: 2 * mib, Entry: e.want})
		}},
	} {
		var got []string
		for _, p := range e.check(tablesWith(t, x.spoil(slices.Clone(sound)))) {
			got = append(got, p.Rule)
		}
		if x.want == "" && len(got) > 0 || x.want != "" && !slices.Contains(got, x.want) {
			t.Errorf("%s: %v, want %q", x.what, got, x.want)
		}
		if x.want != "" && x.want != ruleFit && len(got) != 1 {
			t.Errorf("%s: %v, want nothing but %q", x.what, got, x.want)
		}
	}
}

// TestShrink: a machine with a problem becomes as small as the problem allows.
func TestShrink(t *testing.T) {
	b := bounds()[2]
	for seed := range 20 {
		f := Finding{Machine: Draw(b, 5, seed), Problem: Problem{Rule: ruleHoles}, Bounds: b}
		f.Machine.Map = append(f.Machine.Map, emulator.Range{Start: 100 * gib, End: 100*gib + 3*page + 1, Kind: emulator.Usable})
		f.shrink(3000, func(m *emulator.Machine) *Outcome {
			if n := len(m.Map); n > 0 && m.Map[n-1].End%page != 0 && m.Features.Has(emulator.PSE) {
				return &Outcome{Problems: []Problem{{Rule: ruleTrue}, {Rule: ruleHoles}}}
			}
			return &Outcome{Problems: []Problem{{Rule: ruleTrue}}}
		})
		m := f.Machine
		if !f.Minimal || len(m.Map) != 1 || m.Cmdline != "" || m.Litter != 0 || m.Features != plain(b) || m.Map[0].End%page == 0 {
			t.Errorf("seed %d: after %d tries:\n%s", seed, f.Tries, m.AppendText(nil))
		}
	}
}

// TestFile: a file reads back as it was written, and what is no machine is refused.
func TestFile(t *testing.T) {
	f := &File{Kernel: "6.1.0-50-686", SHA256: "ab", Mutant: "K01", Stop: "mem_init", Expect: []string{"a", "b"}, Says: []string{"a note"}, Digest: "cd",
		Machine: *Draw(bounds()[1], 1, 7)}
	got, err := ReadFile("f", bytes.NewReader(f.Text()))
	if err != nil || !bytes.Equal(got.Text(), f.Text()) {
		t.Errorf("%v: it reads back as\n%s\nnot as\n%s", err, got.Text(), f.Text())
	}
	for text, want := range map[string]string{
		"":                                   "f: the file is empty",
		"hello\n":                            "f:1: this is no machine",
		"ptcheck-machine 2\n":                `f:1: this is a machine of version "2"`,
		"ptcheck-machine 1\ne820 5 1 usable": "f: the range 5 to 1 is empty",
		"ptcheck-machine 1\nmemory 5\n":      `f:2: "memory 5" says nothing of a machine`,
		"ptcheck-machine 1\n cpu pse\n":      "f:2: a line that begins with a blank",
		"ptcheck-machine 1\n\ncpu 486\n":     `f:3: "486" is no feature`,
	} {
		if _, err := ReadFile("f", strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v; want %q", text, err, want)
		}
	}
}

// FuzzFile: no file makes the reader panic, and what it reads it writes.
func FuzzFile(f *testing.F) {
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	seeds.Files(f, 0, names...)
	f.Fuzz(func(t *testing.T, text []byte) {
		first, err := ReadFile("f", bytes.NewReader(text))
		if err != nil {
			return
		}
		again, err := ReadFile("f", bytes.NewReader(first.Text()))
		if err != nil || !bytes.Equal(again.Text(), first.Text()) {
			t.Errorf("%v: %q reads back as %q", err, first.Text(), again.Text())
		}
	})
}

// TestDocs: the page on driven kernels has each rule with what it demands, and what is known of a
// kernel is written up.
func TestDocs(t *testing.T) {
	driven, err := os.ReadFile("../../docs/driven.md")
	if err != nil {
		t.Fatal(err)
	}
	findings, err := os.ReadFile("../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Rules() {
		if row := fmt.Sprintf("| `%s` | %s |\n", r.Name, r.Says); !strings.Contains(string(driven), row) {
			t.Errorf("docs/driven.md lacks %s", row)
		}
		if r.Known && !strings.Contains(string(findings), "(rule `"+r.Name+"`)") {
			t.Errorf("docs/findings.md does not say what is known of %s", r.Name)
		}
	}
}

// TestMutants: there are at least twenty, each with its own name, a rule that there is, and a bug.
func TestMutants(t *testing.T) {
	rules := map[string]bool{"present-not-reallocated": true, "size-then-attributes": true, "changes-flushed": true}
	for _, r := range Rules() {
		rules[r.Name] = true
	}
	seen := map[string]bool{}
	for _, m := range Mutants() {
		if seen[m.ID] || m.Bug == "" || !rules[m.Rule] || len(m.Patches) == 0 {
			t.Errorf("%s: %q, rule %q, %d patches", m.ID, m.Bug, m.Rule, len(m.Patches))
		}
		seen[m.ID] = true
	}
	if len(seen) < 20 {
		t.Errorf("%d mutants", len(seen))
	}
}
