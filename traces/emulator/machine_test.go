package emulator

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

const plainText = "cpu pse pge nx\ncmdline nopti mem=200M\nlitter db63\ne820 0 9fc00 usable\ne820 9fc00 a0000 reserved\ne820 100000 10000123 usable\ne820 10000123 10001000 acpi\n"

// TestMachineText: a machine reads back as it was written.
func TestMachineText(t *testing.T) {
	m, err := ReadMachine("m.txt", strings.NewReader("# a machine\n\n"+plainText))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(m.AppendText(nil)); got != plainText {
		t.Errorf("it reads back as\n%s\nnot as\n%s", got, plainText)
	}
	if m.RAM() != 0x9fc00+0x10000123-0x100000 || !m.Features.Has(PSE|NX) || m.Features.Has(LA57) {
		t.Errorf("it is %+v", m)
	}
}

// TestMachineMistakes: what is no machine is refused, with file, line and reason.
func TestMachineMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"e820 0 z usable\n":    `m.txt:1: "z" is no hexadecimal number`,
		"e820 0 1000\n":        "m.txt:1: want START END KIND",
		"\ne820 0 1000 heap\n": `m.txt:2: "heap" is no kind of memory`,
		"cpu pse mmx\n":        `m.txt:1: "mmx" is no feature; there are pse, pge`,
		"litter x\n":           "m.txt:1: ",
		"ram 0 1\n":            `m.txt:1: "ram 0 1" says nothing of a machine`,
		"e820 0 0 usable\n":    "m.txt: the range 0 to 0 is empty",
		"e820 0 2000 usable\ne820 1000 3000 nvs\n":  "m.txt: the range from 1000 begins before",
		"cmdline " + strings.Repeat("a", 3000):      "m.txt: the command line has more than 2047 bytes",
		strings.Repeat("e820 0 1000 usable\n", 200): "m.txt: ",
	} {
		if _, err := ReadMachine("m.txt", strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: %v; want %q", text, err, want)
		}
	}
}

// TestCPUID: each feature is a bit of CPUID that its absence takes away.
func TestCPUID(t *testing.T) {
	find := func(f Features, eax uint32) [4]uint32 {
		for _, l := range f.cpuid() {
			if l.eax == eax {
				return l.answer
			}
		}
		return [4]uint32{}
	}
	all := Features(1<<features - 1)
	for _, x := range []struct {
		f         Features
		leaf      uint32
		reg, bit_ int
	}{{PSE, 1, 3, 3}, {PGE, 1, 3, 13}, {PCID, 1, 2, 17}, {SMEP, 7, 1, 7}, {LA57, 7, 2, 16}, {NX, 0x80000001, 3, 20}, {GBPages, 0x80000001, 3, 26}} {
		with, without := find(all, x.leaf)[x.reg], find(all&^x.f, x.leaf)[x.reg]
		if with^without != 1<<x.bit_ || with>>x.bit_&1 != 1 {
			t.Errorf("%v: %x with it, %x without", x.f, with, without)
		}
	}
	if find(LA57, 0x80000008)[0] != 52|57<<8 || find(0, 0x80000008)[0] != 46|48<<8 {
		t.Error("the widths of addresses are wrong")
	}
}

// TestZeroPage: the kernel gets the map and the command line where the boot protocol has them.
func TestZeroPage(t *testing.T) {
	m, err := ReadMachine("m.txt", strings.NewReader(plainText))
	if err != nil {
		t.Fatal(err)
	}
	b := (&Kernel{Setup: []byte{4, 5, 6}}).zeroPage(m)
	le := binary.LittleEndian
	if b[0x1e8] != 4 || b[0x1f1] != 4 || le.Uint32(b[0x228:]) != commandLine || le.Uint64(b[0x2d0+40:]) != 0x100000 ||
		le.Uint64(b[0x2d0+48:]) != 0x10000123-0x100000 || le.Uint32(b[0x2d0+56:]) != 1 || le.Uint32(b[0x2d0+76:]) != 3 {
		t.Errorf("boot_params are wrong: % x", b[0x1e8:0x320])
	}
	var sum byte
	for _, c := range mpPointer() {
		sum += c
	}
	if sum != 0 {
		t.Error("the MP pointer's checksum is wrong")
	}
}

// TestIdentity: the loader's tables map the first 4 GiB one to one, with four levels and five.
func TestIdentity(t *testing.T) {
	for _, five := range []bool{false, true} {
		tb := &Tables{Levels: 4, CR3: loaderRoot, words: map[uint64]*[512]uint64{}}
		if five {
			tb.Levels = 5
		}
		b := identity(five)
		for i := 0; i < len(b); i += 8 {
			tb.table(uint64(loaderRoot+i) >> 12)[i%4096/8] = binary.LittleEndian.Uint64(b[i:])
		}
		var n uint64
		tb.Leaves(func(l Leaf) bool {
			if l.VA != l.PA || l.VA != n || l.Size != 2<<20 {
				t.Errorf("a leaf of %x at %x leads to %x", l.Size, l.VA, l.PA)
			}
			n += l.Size
			return true
		})
		if n != 4<<30 {
			t.Errorf("%x bytes are mapped", n)
		}
	}
	m := &Machine{Features: LA57, Cmdline: "quiet no5lvl"}
	if m.fiveLevels() || !(&Machine{Features: LA57}).fiveLevels() || (&Machine{}).fiveLevels() {
		t.Error("five levels are not turned on when they should be")
	}
}

// patchable is a kernel with two functions at 1 MiB.
func patchable() *Kernel {
	k := &Kernel{Bits: 32, offset: 0xc0000000, symbols: map[string]uint64{"f": 0xc0100000, "g": 0xc0100008}}
	k.segments = []segment{{0x100000, []byte{0x90, 0x0f, 0x22, 0xd8, 0x01, 0x0f, 0x22, 0xc0, 0x0f, 0x22, 0xd8, 0xc3}}}
	for name, addr := range k.symbols {
		k.sorted = append(k.sorted, symbolAt(addr, name))
	}
	k.sorted = append(k.sorted, symbolAt(0xc010000c, "end"))
	slices.SortFunc(k.sorted, bySymbolAddress)
	return k
}

// TestPatched: a pattern is found in its function alone, as often as is said, and nothing else
// changes.
func TestPatched(t *testing.T) {
	k := patchable()
	changed, err := k.Patched("f", "0f 22 ?? 01", 1, 1, "1f $2")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := changed.segments[0].bytes, []byte{0x90, 0x0f, 0x1f, 0xd8, 0x01, 0x0f, 0x22, 0xc0, 0x0f, 0x22, 0xd8, 0xc3}; !slices.Equal(got, want) {
		t.Errorf("it is % x, want % x", got, want)
	}
	if k.segments[0].bytes[2] != 0x22 || changed.Original() != k || k.Original() != k {
		t.Error("the kernel itself was changed")
	}
	if twice, err := k.Patched("f", "0f 22 ??", 2, 0, "90"); err != nil || twice.segments[0].bytes[1] != 0x90 || twice.segments[0].bytes[5] != 0x90 {
		t.Errorf("two places: %v", err)
	}
	for _, x := range []struct{ function, find, put, want string }{
		{"f", "0f 22", "90", "f has 2 places like"},
		{"g", "0f 23", "90", "g has 0 places like"},
		{"h", "0f", "90", "it has no function h"},
		{"f", "0f zz", "90", "is no pattern"},
		{"f", "90", "90 90", "it is too long"},
		{"f", "90", "$1", "is no byte"},
	} {
		if _, err := k.Patched(x.function, x.find, 1, 0, x.put); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%+v: %v", x, err)
		}
	}
}

// TestFunction: an address is named by the symbol before it, before paging as well.
func TestFunction(t *testing.T) {
	k := patchable()
	k.Start, k.End = 0x100000, 0x10000c
	for addr, want := range map[uint64]string{0xc0100003: "f", 0x100009: "g", 0xc0100008: "g", 0x50: ""} {
		if name, _ := k.Function(addr); name != want {
			t.Errorf("%x lies in %q, want %q", addr, name, want)
		}
	}
}
