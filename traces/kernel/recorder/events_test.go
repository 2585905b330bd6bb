package recorder

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/traces/kernel"
	"github.com/ptcheck/ptcheck/traces/kernel/symbols"
)

// TestEventsInPieces writes lines in pieces of every size: what is noted is the same.
func TestEventsInPieces(t *testing.T) {
	const text = "C 100 3 1000 80050033 20 d01\nS 200 1 2 0 67 8 1 ffff @300,400\nI 500 f000\n# end stores 1 checks 1\n"
	want := []uint64{0x100, 0x200, 0x300, 0x400, 0x500}
	for n := 1; n <= len(text); n++ {
		e, err := newEvents(filepath.Join(t.TempDir(), "e"))
		if err != nil {
			t.Fatal(err)
		}
		for rest := []byte(text); len(rest) > 0; rest = rest[min(n, len(rest)):] {
			if _, err := e.Write(rest[:min(n, len(rest))]); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.close(); err != nil {
			t.Fatal(err)
		}
		if got := slices.Sorted(maps.Keys(e.code)); !slices.Equal(got, want) {
			t.Errorf("pieces of %d: code %x, want %x", n, got, want)
		}
		if e.places[0x100] != symbols.LoadCR || e.places[0x500] != symbols.Invlpg || len(e.places) != 2 {
			t.Errorf("pieces of %d: places %v", n, e.places)
		}
		if got := e.readTotals(); !slices.Equal(got, kernel.Totals{{Name: "stores", Count: 1}, {Name: "checks", Count: 1}}) {
			t.Errorf("pieces of %d: totals %v", n, got)
		}
	}
}

func TestNeededSymbols(t *testing.T) {
	list := []kernel.Symbol{{Addr: 0x100, Type: 'T', Name: "_text"}, {Addr: 0x200, Type: 't', Name: "unused"}, {Addr: 0x300, Type: 't', Name: "f"},
		{Addr: 0x300, Type: 'T', Name: "alias"}, {Addr: 0x400, Type: 'D', Name: "data"}, {Addr: 0x500, Type: 'D', Name: "swapper_pg_dir"}, {Addr: 0x600, Type: 'T', Name: "last"}}
	var names []string
	for _, s := range needed(list, []uint64{0x50, 0x310, 0x410, 0x700}) {
		names = append(names, s.Name)
	}
	if want := []string{"_text", "f", "alias", "swapper_pg_dir", "last"}; !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}

func TestConsoleOfXen(t *testing.T) {
	c := readConsole([]byte("(XEN) Xen version 4.17.7 (Debian) (gcc)\n(XEN) Xen-e820 RAM map:\n(XEN)  [0000000000000000, 000000000009fbff] (usable)\r\n"+
		"(XEN)  [0000000000100000, 000000001ffdffff] (ACPI NVS)\n(XEN) other\n(XEN)  [0000000020000000, 000000002ffdffff] (usable)\n"+
		"[    0.0] BIOS-e820: [mem 0x0000000000000000-0x0000000000000fff] usable\n"), true)
	want := []kernel.Range{{Start: 0, End: 0x9fc00, Kind: "usable"}, {Start: 0x100000, End: 0x1ffe0000, Kind: "nvs"}}
	if c.xen != "4.17.7" || !slices.Equal(c.e820, want) {
		t.Errorf("%q, %v", c.xen, c.e820)
	}
	if got := c.end(true, false); got != "the machine ended before the first process ran" {
		t.Error(got)
	}
}

// TestArguments holds what QEMU gets: commas that it would cut at are doubled.
func TestArguments(t *testing.T) {
	m := Machine{Memory: 5 * GiB, SMP: 1, Append: "a=1,2", Xen: "x"}
	args := m.arguments([]string{"frames=1"})
	for _, want := range []string{"kernel console=hvc0 ignore_loglevel panic=-1 a=1,,2,initrd", "./ptrec.so,frames=1", "5120"} {
		if !slices.Contains(args, want) {
			t.Errorf("no argument %q in %q", want, args)
		}
	}
	if got := m.frames(); got != 6*GiB/pageBytes {
		t.Errorf("%d frames", got)
	}
	m.SMP = 2
	if slices.Contains(m.arguments(nil), "-icount") {
		t.Error("a clock that counts instructions, with two processors")
	}
}
