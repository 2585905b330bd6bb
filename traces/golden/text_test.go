package golden

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestIndex compares the hashes of each dump with INDEX.tsv.
func TestIndex(t *testing.T) {
	text, err := os.ReadFile(goldenDir + "/INDEX.tsv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")[1:]
	files := goldenFiles(t)
	if len(lines) != len(files) {
		t.Fatalf("%d lines for %d files", len(lines), len(files))
	}
	for _, line := range lines {
		path, _, _ := strings.Cut(line, "\t")
		i := slices.IndexFunc(files, func(f string) bool { return strings.Contains(f, "/"+path+".json") })
		if i < 0 {
			t.Fatalf("no file for %s", path)
		}
		f := mustRead(t, files[i])
		own := strings.Join([]string{path, string(f.Config.Flavour), string(f.Config.Mode), f.Outcome,
			f.Hash.Tables, f.Hash.Reachable, f.Hash.Trace}, "\t")
		if own != line {
			t.Errorf("index has %q, file %q", line, own)
		}
	}
}

// slowCanonical is the canonical text written plainly after the format text.
func slowCanonical(tables []Table) string {
	var b strings.Builder
	for _, t := range tables {
		r := 0
		if t.Reachable {
			r = 1
		}
		fmt.Fprintf(&b, "T %08x L%d W%d R%d\n", t.PA, t.Level, t.Width, r)
		for _, e := range t.Entries {
			fmt.Fprintf(&b, "E %d %016x\n", e.Index, e.Raw)
		}
	}
	return b.String()
}

func TestCanonical(t *testing.T) {
	tables := mustRead(t, zapSample).Tables
	tables = append(tables, Table{PA: 0x123456789000, Level: 1, Width: 8, Entries: []Entry{{511, 1 << 63}}})
	var b bytes.Buffer
	if err := Canonical(&b, tables); err != nil {
		t.Fatal(err)
	}
	if b.String() != slowCanonical(tables) {
		t.Error("not the canonical text")
	}
	pr, pw := io.Pipe()
	_ = pr.Close()
	if err := Canonical(pw, tables); err == nil {
		t.Error("a failing writer is not reported")
	}
}

func TestCompress(t *testing.T) {
	entries := []Entry{{0, 5}, {1, 7}, {2, 9}, {3, 9}, {5, 1}, {6, 1}, {9, ^uint64(0)}, {10, 1}}
	want := []Run{{0, 3, 5, 2}, {3, 1, 9, 0}, {5, 2, 1, 0}, {9, 2, ^uint64(0), 2}}
	if got := Compress(entries); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var list []Entry
		for i := range 64 {
			if rng.IntN(4) > 0 {
				list = append(list, Entry{i, 1 + rng.Uint64N(3)})
			}
		}
		if back := Expand(Compress(list)); !slices.Equal(back, list) {
			t.Fatalf("%v becomes %v", list, back)
		}
	}
}

func TestTraceText(t *testing.T) {
	var tr Trace
	tr.SetupStart()
	tr.Bootmem(0x56d, PurposePMD)
	tr.AllocPD(0x56d)
	tr.SetPMD(0x1000, 0x67)
	tr.SetPMD(0x1008, 0x1067)
	tr.AllocPT(1)
	tr.SetPTE(0x123456789000, 1<<63)
	tr.SetPGD(0x4f3018, 1)
	tr.UpdateVA(0xc0000000, 0x61)
	tr.NewBaseptr(0x100000)
	tr.SetupDone()
	tr.PinL3(2)
	tr.LoadCR3(0x4f3000)
	tr.Zap()
	tr.HVReject("some text")
	want := `setup_start
bootmem 56d pmd
alloc_pd 56d
set_pmd 00001000 0000000000000067
set_pmd 00001008 0000000000001067
alloc_pt 1
set_pte 123456789000 8000000000000000
set_pgd 004f3018 0000000000000001
update_va c0000000 0000000000000061
new_baseptr 100000
setup_done
pin_l3 2
load_cr3 004f3000
zap
hv_reject some text
`
	var b bytes.Buffer
	n, err := tr.WriteTo(&b)
	if err != nil || n != int64(len(want)) || b.String() != want {
		t.Errorf("%d bytes, %v, text:\n%s", n, err, b.String())
	}
	if got := tr.Line(3); got != "set_pmd 00001000 0000000000000067" {
		t.Errorf("line 3 is %q", got)
	}
	if ops := tr.Fold(); len(ops) != tr.Len()-1 || ops[3].Count != 2 {
		t.Errorf("folded: %v", ops)
	}
}

// TestTraceHash takes the hash of a trace worked out by hand.
func TestTraceHash(t *testing.T) {
	f := mustRead(t, rejectSample)
	if got := rejectTrace("l2e-pse 00000000200770e3").Hash(); got != f.Hash.Trace {
		t.Errorf("got %s, want %s", got, f.Hash.Trace)
	}
}

// bigBoot is as many tables as a boot of 896 MiB with 4 KiB pages has.
func bigBoot() []Table {
	tables := make([]Table, 449)
	for i := range tables {
		t := &tables[i]
		*t = Table{PA: uint64(0x500+i) << PageShift, Level: 1, Width: 8, Reachable: true}
		for j := range 512 {
			t.Entries = append(t.Entries, Entry{j, uint64(i<<9|j)<<PageShift | 0x163})
		}
	}
	return tables
}

func BenchmarkHashTables(b *testing.B) {
	tables := bigBoot()
	for b.Loop() {
		HashTables(tables)
	}
}

func BenchmarkTrace(b *testing.B) {
	for b.Loop() {
		var tr Trace
		for i := range uint64(230_000) {
			tr.SetPTE(0x500000+i*8, i<<PageShift|0x163)
		}
		tr.Hash()
	}
}

func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		mustRead(b, zapSample)
	}
}
