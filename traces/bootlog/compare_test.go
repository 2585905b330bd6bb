package bootlog

import (
	"reflect"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/traces/golden"
	"github.com/ptcheck/ptcheck/traces/golden/record"
	"github.com/ptcheck/ptcheck/traces/pagemap"
)

// booted boots the machine of a log, with what a configuration says, and compares.
func booted(t *testing.T, l *Log, config string) ([]Difference, *golden.Config) {
	t.Helper()
	c, err := golden.ReadConfigOn("x.json", []byte(config), l.Machine())
	if err != nil {
		t.Fatal(err)
	}
	f, err := record.Run("x", c, record.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := pagemap.Of(f)
	if err != nil {
		t.Fatal(err)
	}
	return l.Compare(m, c.PageOffset, c.MaxLowPFN), c
}

// TestCompareBoot compares what a kernel told with a boot of the same machine: pages of
// another size are told, and memory that only one of them maps.
func TestCompareBoot(t *testing.T) {
	l := mustRead(t, today)
	small := Mapped{true, 12}
	want := []Difference{
		{Range{0, 0x400000}, small, Mapped{true, 21}, true},
		{Range{0x1fc00000, 0x1fff0000}, small, Mapped{true, 21}, true},
	}
	got, c := booted(t, l, "{}")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	var b strings.Builder
	if same, err := l.WriteDifferences(&b, got, c.MaxLowPFN); !same || err != nil || !strings.Contains(b.String(), "  0x00000000-0x003fffff  log: 4k, boot: 2M\n") {
		t.Errorf("told as %v, %v:\n%s", same, err, b.String())
	}
	// Without large pages, and under Xen, the boot has small ones: those of the log are not.
	for _, config := range []string{`{"pse": 0}`, `{"flavour": "xen", "bootmem_first_pfn": "0x600"}`} {
		if got, _ = booted(t, l, config); len(got) != 1 || got[0].Boot != small || got[0].Start != 0x400000 || got[0].End != 0x1fc00000 {
			t.Errorf("%s: %+v", config, got)
		}
	}
}

// TestCompareHoles cuts a hole into what the kernel told, where there is no memory, and
// ends it early.
func TestCompareHoles(t *testing.T) {
	l := mustRead(t, today)
	l.RAM = []Range{{0, 0x9fc00}, {0x100000, 0x10000000}, {0x18000000, 0x1fff0000}}
	l.Mappings = []Mapping{{Range{0, 0x10000000}, 0}, {Range{0xf000000, 0x11000000}, 0}, {Range{0x18000000, 0x1f000000}, 0}}
	want := []Difference{
		{Range{0x11000000, 0x18000000}, Mapped{}, Mapped{true, 21}, false},
		{Range{0x1f000000, 0x1fff0000}, Mapped{}, Mapped{true, 21}, true},
	}
	got, c := booted(t, l, "{}")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	var b strings.Builder
	same, err := l.WriteDifferences(&b, got, c.MaxLowPFN)
	for _, line := range []string{
		"up to 0x1ffeffff: not the same is mapped\n",
		"  0x11000000-0x17ffffff  log: not mapped, boot: 2M (no memory, says the firmware)\n",
		"  0x1f000000-0x1ffeffff  log: not mapped, boot: 2M\n",
	} {
		if same || err != nil || !strings.Contains(b.String(), line) {
			t.Errorf("%v, %v: %q is missing:\n%s", same, err, line, b.String())
		}
	}
}
