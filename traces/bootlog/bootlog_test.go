package bootlog

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/seeds"
)

// old and today are the same machine as kernels of 2009 and of today tell it.
const old = `[    0.000000] BIOS-provided physical RAM map:
[    0.000000]  BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)
[    0.000000]  BIOS-e820: 000000000009fc00 - 00000000000a0000 (reserved)
[    0.000000]  BIOS-e820: 0000000000100000 - 000000001fff0000 (usable)
[    0.000000]  BIOS-e820: 000000001fff0000 - 0000000020000000 (ACPI data)
[    0.000000] Xen: nothing of the kind
[    0.000000] init_memory_mapping: 0000000000000000-000000001fff0000
[    0.000000]  0000000000 - 0000400000 page 4k
[    0.000000]  0000400000 - 001fc00000 page 2M
[    0.000000]  001fc00000 - 001fff0000 page 4k
[    0.000000] kernel direct mapping tables up to 1fff0000 @ 8000-c000
`

const today = `BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable
Jan  1 00:00:00 host kernel: [    0.000000] BIOS-e820: [mem 0x000000000009fc00-0x000000000009ffff] reserved
[    0.000000] BIOS-e820: [gap 0x00000000000a0000-0x00000000000fffff]
[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000001ffeffff] usable
[    0.000000] BIOS-e820: [mem 0x000000001fff0000-0x000000001fffffff] ACPI data
[    0.000000] init_memory_mapping: [mem 0x00000000-0x1ffeffff]
[    0.000000]  [mem 0x00000000-0x003fffff] page 4k
[    0.000000]  [mem 0x00400000-0x1fbfffff] page 2M
[    0.000000]  [mem 0x1fc00000-0x1ffeffff] page 4k
[    0.000000] BRK [0x01a3c000, 0x01a3cfff] PGTABLE
[    0.000000] RAMDISK: [mem 0x1f000000-0x1fffffff] no page 4k
`

const iomem = `00000000-00000fff : Reserved
00001000-0009fbff : System RAM
000f0000-000fffff : System ROM
00100000-1ffeffff : System RAM
  00400000-006fffff : Kernel code
  00700000-007fffff : Kernel data
  00812000-00856fff : Kernel bss
1fff0000-1fffffff : ACPI Tables
`

func mustRead(t *testing.T, text string) *Log {
	t.Helper()
	l, err := Read("x", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestForms wants the same machine from each form in which it is told.
func TestForms(t *testing.T) {
	want := &Log{
		Name: "x", RAM: []Range{{0, 0x9fc00}, {0x100000, 0x1fff0000}},
		Mappings: []Mapping{{Range{0, 0x400000}, 12}, {Range{0x400000, 0x1fc00000}, 21}, {Range{0x1fc00000, 0x1fff0000}, 12}},
	}
	for _, text := range []string{old, today} {
		if got := mustRead(t, text); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	want.RAM[0].Start, want.Mappings, want.BSS, want.End = 0x1000, nil, 0x812000, 0x857000
	got := mustRead(t, iomem)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if m := got.Machine(); m.MaxPFN != 0x1fff0 || m.BSS != 0x812000 || m.End != 0x857000 {
		t.Errorf("the machine is %+v", m)
	}
	// A kernel of 64 bits may lie where no kernel of 32 bits can.
	if m := mustRead(t, strings.ReplaceAll(iomem, "  00812000-00856fff", "  140812000-140856fff")).Machine(); m.BSS != 0 || m.End != 0 {
		t.Errorf("the kernel lies at %+v", m)
	}
}

// TestWhichMapHolds wants the map that the kernel goes by, where a log has several.
func TestWhichMapHolds(t *testing.T) {
	user := old + "user-defined physical RAM map:\nuser: [mem 0x0-0x7ffffff] usable\nmodified: [mem 0x0-0xffffff] usable\n"
	if pfn := mustRead(t, user).MaxPFN(); pfn != 0x8000 {
		t.Errorf("with mem=: %#x frames", pfn)
	}
	header := "init_memory_mapping: 00000000-08000000\nother words\n 0000000000 - 0000400000 page 4k\n"
	l := mustRead(t, header)
	if want := []Mapping{{Range{0, 0x8000000}, 0}}; !reflect.DeepEqual(l.Mappings, want) || l.MaxPFN() != 0x8000 {
		t.Errorf("a header alone: %+v", l)
	}
}

// TestRefused wants a bad line refused with its number and the reason.
func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "x: nothing about memory",
		"Linux version 6.1\n":                 "x: nothing about memory",
		"a\n BIOS-e820: 0000 - zz (usable)":   `x:2: BIOS-e820: "0000 - zz (usable)": want [mem`,
		"BIOS-e820: [mem 0x0-0xfff]":          `x:1: BIOS-e820: "[mem 0x0-0xfff]" does not say what kind`,
		"BIOS-e820: [mem 0x1000] usable":      `x:1: BIOS-e820: "0x1000": not a range`,
		"BIOS-e820: [mem 0x1000-0xff] usable": `x:1: BIOS-e820: "0x1000-0xff": it ends before it begins`,
		"BIOS-e820: [mem 0x0-0xffffffffffffffffff] usable":           `x:1: BIOS-e820: "0x0-0xffffffffffffffffff": an address has at most 52 bits`,
		"init_memory_mapping: lots":                                  `x:1: init_memory_mapping: "lots": want [mem`,
		"init_memory_mapping: 0-1000\n 0 - 1000 page 8k":             `x:2: a mapping: "8k" is no size of pages`,
		"init_memory_mapping: 0-1000\n [mem 0x0-0xz] page 4k":        `x:2: a mapping: "0x0-0xz": not a range`,
		"init_memory_mapping: 0-1000\n [mem 0x0-0xfff] or page 4k":   `x:2: a mapping: "[mem 0x0-0xfff] or page 4k": want`,
		"00001000-0009fbff : System RAM\n\nnonsense":                 `x:3: "nonsense" is no line of /proc/iomem`,
		"00001000-00000fff : System RAM\n":                           `x:1: "00001000-00000fff": it ends before it begins`,
		"00000000-00000000 : System RAM\n00000000-00000000 : ACPI\n": `x: its memory is less than a page: where all addresses are zero they are hidden`,
		"00000000-00000fff : Reserved":                               `x: nothing about memory`,
		strings.Repeat("x", maxSize+1):                               `x: larger than`,
	} {
		if _, err := Read("x", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.60q: got %v, want %s", text, err, want)
		}
	}
}

// FuzzRead reads anything: no panic, errors of one line, and what is read is sound.
func FuzzRead(f *testing.F) {
	for _, text := range []string{old, today, iomem, "user: [mem 0x0-0x7ffffff] usable"} {
		seeds.Add(f, []byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := Read("x", text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Fatalf("an error of several lines: %q", err)
			}
			return
		}
		ranges := l.RAM
		for _, m := range l.Mappings {
			ranges = append(ranges, m.Range)
		}
		for _, r := range ranges {
			if r.Start > r.End || r.End > maxAddress {
				t.Fatalf("a range %#x - %#x", r.Start, r.End)
			}
		}
		if pfn := l.MaxPFN(); pfn == 0 || pfn > maxAddress>>12 {
			t.Fatalf("%#x frames", pfn)
		}
		// Written in the form of 2009 it is the same.
		again, err := Read("x", []byte(rewritten(l)))
		if err != nil || !reflect.DeepEqual(again.RAM, l.RAM) || !reflect.DeepEqual(again.Mappings, l.Mappings) {
			t.Fatalf("%v\n%+v becomes %+v", err, l, again)
		}
	})
}

// rewritten is a log in the form of 2009, which has ranges that are empty too.
func rewritten(l *Log) string {
	var b strings.Builder
	for _, r := range l.RAM {
		fmt.Fprintf(&b, " BIOS-e820: %016x - %016x (usable)\n", r.Start, r.End)
	}
	for _, m := range l.Mappings {
		fmt.Fprintf(&b, "init_memory_mapping: %x-%x\n", m.Start, m.End)
		if m.Shift != 0 {
			fmt.Fprintf(&b, " %x - %x page %s\n", m.Start, m.End, map[uint]string{12: "4k", 21: "2M", 22: "4M", 30: "1G"}[m.Shift])
		}
	}
	return b.String()
}
