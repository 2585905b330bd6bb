package symbols

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/ptcheck/ptcheck/internal/seeds"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// order is where a kernel keeps the addresses of its symbols.
type order int

const (
	offsetsFirst order = iota // to 6.3
	offsetsLast               // from 6.4
)

// syms are the symbols of a made-up kernel: enough for a table.
func syms(bits int) []kernel.Symbol {
	base := uint64(0xc1000000)
	var list []kernel.Symbol
	if bits == 64 {
		base = 0xffffffff81000000
		list = append(list, kernel.Symbol{Addr: 0, Type: 'A', Name: "fixed_percpu_data"}, kernel.Symbol{Addr: 0x1000, Type: 'A', Name: "cpu_tss"})
	}
	for i := range 256*24 + 17 {
		list = append(list, kernel.Symbol{Addr: base + uint64(i)*16, Type: "Tt"[i%2], Name: fmt.Sprintf("a_function_%d", i)})
	}
	return list
}

// tableOf is the kernel's table of symbols, as scripts/kallsyms.c writes it.
func tableOf(list []kernel.Symbol, bits int, o order) []byte {
	le := binary.LittleEndian
	var out, names, tokens []byte
	var markers []uint32
	for i, s := range list {
		if i%markEach == 0 {
			markers = append(markers, uint32(len(names)))
		}
		text := string(s.Type) + s.Name
		text = strings.ReplaceAll(text, "function", "\x01") // a token of several letters
		names = append(append(names, byte(len(text))), text...)
	}
	var index []uint16
	for c := range 256 {
		index = append(index, uint16(len(tokens)))
		switch {
		case c == 1:
			tokens = append(tokens, "function\x00"...)
		case c >= ' ' && c <= '~':
			tokens = append(tokens, byte(c), 0)
		default:
			tokens = append(tokens, "??\x00"...)
		}
	}
	align := func() {
		for len(out)%(bits/8) != 0 {
			out = append(out, 0)
		}
	}
	base := list[0].Addr
	if bits == 64 {
		base = 0xffffffff81000000
	}
	offsets := func() {
		align()
		for _, s := range list {
			off := uint32(s.Addr - base)
			switch {
			case bits == 64 && s.Addr < 1<<32:
				off = uint32(s.Addr)
			case bits == 64:
				off = uint32(-1 - int64(s.Addr-base))
			}
			out = le.AppendUint32(out, off)
		}
		if bits == 64 {
			align()
			out = le.AppendUint64(out, base)
		} else {
			out = le.AppendUint32(out, uint32(base))
		}
	}
	out = append(out, "some bytes in front of it"...)
	if o == offsetsFirst {
		offsets()
	}
	align()
	out = le.AppendUint32(out, uint32(len(list)))
	align()
	out = append(out, names...)
	align()
	for _, m := range markers {
		out = le.AppendUint32(out, m)
	}
	align()
	out = append(out, tokens...)
	align()
	for _, i := range index {
		out = le.AppendUint16(out, i)
	}
	if o == offsetsLast {
		offsets()
	}
	return append(out, make([]byte, 64)...)
}

// vmlinux is an ELF file with one segment at an address.
func vmlinux(bits int, addr uint64, content []byte) []byte {
	var b bytes.Buffer
	id := [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1}
	w := func(v ...interface{ part() }) {
		for _, x := range v {
			binary.Write(&b, binary.LittleEndian, x)
		}
	}
	n := uint64(len(content))
	if bits == 64 {
		w(h64{Ident: id, Type: 2, Machine: uint16(elf.EM_X86_64), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1},
			p64{Type: 1, Flags: 5, Off: 120, Vaddr: addr, Filesz: n, Memsz: n})
	} else {
		id[4] = byte(elf.ELFCLASS32)
		w(h32{Ident: id, Type: 2, Machine: uint16(elf.EM_386), Version: 1, Phoff: 52, Ehsize: 52, Phentsize: 32, Phnum: 1},
			p32{Type: 1, Flags: 5, Off: 84, Vaddr: uint32(addr), Filesz: uint32(n), Memsz: uint32(n)})
	}
	b.Write(content)
	return b.Bytes()
}

type (
	h64 elf.Header64
	p64 elf.Prog64
	h32 elf.Header32
	p32 elf.Prog32
)

func (h64) part() {}
func (p64) part() {}
func (h32) part() {}
func (p32) part() {}

func kernelOf(bits int, o order) []byte {
	addr := uint64(0xc1000000)
	if bits == 64 {
		addr = 0xffffffff81000000
	}
	text := []byte("Linux version %s\n\x00Linux version 6.1.0-x (who@where) # SMP\n\x00Linux version 6.1.0-x (who@where) #1 SMP\n\x00")
	for len(text)%8 != 0 {
		text = append(text, 0)
	}
	return vmlinux(bits, addr, append(text, tableOf(syms(bits), bits, o)...))
}

// bzImage wraps a compressed kernel.
func bzImage(payload []byte) []byte {
	b := make([]byte, 1024)
	b[setupSectors] = 1
	b[bootFlag], b[bootFlag+1] = 0x55, 0xaa
	copy(b[headerMagic:], "HdrS")
	binary.LittleEndian.PutUint16(b[bootVersion:], 0x20f)
	binary.LittleEndian.PutUint32(b[payloadOffset:], 16)
	binary.LittleEndian.PutUint32(b[payloadLength:], uint32(len(payload)))
	return append(append(b, make([]byte, 16)...), payload...)
}

// sized appends what a build appends: the kernel's size.
func sized(packed []byte, n int) []byte {
	return binary.LittleEndian.AppendUint32(packed, uint32(n))
}

func TestSymbolsOfBothOrders(t *testing.T) {
	for _, bits := range []int{32, 64} {
		for _, o := range []order{offsetsFirst, offsetsLast} {
			img, err := Open(kernelOf(bits, o))
			if err != nil {
				t.Fatal(err)
			}
			got, err := img.Symbols()
			if err != nil {
				t.Fatalf("%d bits, order %d: %v", bits, o, err)
			}
			if want := syms(bits); !slices.Equal(got, want) {
				t.Errorf("%d bits, order %d: %d symbols, %d wanted, the first %v, %v", bits, o, len(got), len(want), got[0], got[2])
			}
			if want := "Linux version 6.1.0-x (who@where) #1 SMP"; img.Banner != want || img.Bits != bits {
				t.Errorf("banner %q, %d bits", img.Banner, img.Bits)
			}
		}
	}
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

func zstandard(t testing.TB, b []byte) []byte {
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return e.EncodeAll(b, nil)
}

// lz4Of is a legacy frame that holds literals, and copies of what was just there.
func lz4Of(b []byte) []byte {
	out := []byte(lz4Magic)
	for len(b) > 0 {
		n := min(len(b), 1<<16)
		block := lz4Literals(nil, b[:n], 0)
		out = append(binary.LittleEndian.AppendUint32(out, uint32(len(block))), block...)
		b = b[n:]
	}
	return out
}

// lz4Literals appends a sequence of literals; with a low half of the token a copy follows.
func lz4Literals(out, b []byte, low byte) []byte {
	if len(b) < 15 {
		out = append(out, byte(len(b))<<4|low)
	} else {
		out = append(out, 0xf0|low)
		n := len(b) - 15
		for ; n >= 255; n -= 255 {
			out = append(out, 255)
		}
		out = append(out, byte(n))
	}
	return append(out, b...)
}

func TestPackedKernels(t *testing.T) {
	raw := kernelOf(64, offsetsFirst)
	packed := map[string][]byte{"as it is": raw, "gzip": gzipped(raw), "bzImage, gzip": bzImage(sized(gzipped(raw), len(raw))),
		"bzImage, zstd": bzImage(sized(zstandard(t, raw), len(raw))), "bzImage, lz4": bzImage(sized(lz4Of(raw), len(raw)))}
	if path, err := exec.LookPath("xz"); err == nil {
		cmd := exec.Command(path, "--check=crc32", "--x86", "--lzma2=dict=1MiB", "-c")
		cmd.Stdin = bytes.NewReader(raw)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		packed["bzImage, xz"] = bzImage(sized(out, len(raw)))
	} else {
		t.Log("no xz: kernels compressed with it are not tried")
	}
	for name, file := range packed {
		img, err := Open(file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(img.ELF, raw) {
			t.Errorf("%s: %d bytes, want %d", name, len(img.ELF), len(raw))
		}
	}
}

func TestLZ4Copies(t *testing.T) {
	block := lz4Literals(nil, []byte("abc"), 2) // and a copy of 6 bytes
	block = append(block, 3, 0)                 // from 3 bytes back
	block = lz4Literals(block, []byte("end"), 0)
	if got, err := lz4Decode(block); string(got) != "abcabcabcend" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range [][]byte{{0x12}, {0x10, 'a', 9, 0}, {0x10, 'a', 0, 0}, {0xf0, 255}, {0x1f, 'a', 1, 0, 255}} {
		if got, err := lz4Decode(bad); err == nil {
			t.Errorf("% x: no error, %q", bad, got)
		}
	}
}

func TestRefusals(t *testing.T) {
	raw := kernelOf(64, offsetsFirst)
	short := bzImage(gzipped(raw))
	old := bzImage(gzipped(raw))
	binary.LittleEndian.PutUint16(old[bootVersion:], 0x205)
	arm := bytes.Clone(raw)
	arm[18] = byte(elf.EM_ARM)
	for _, x := range []struct {
		file []byte
		want string
	}{
		{nil, "no kernel"},
		{[]byte("#!/bin/sh\n"), "no kernel"},
		{short[:len(short)-10], "truncated"},
		{old, "2.05"},
		{bzImage([]byte("\x89LZO\x00rest")), "lzo"},
		{bzImage(gzipped([]byte("nothing"))), "no kernel"},
		{gzipped(raw)[:5000], "uncompressed"},
		{arm, "not for x86"},
		{raw[:200], "truncated"},
	} {
		if _, err := Open(x.file); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%d bytes: %v, want something of %q", len(x.file), err, x.want)
		}
	}
	img, err := Open(vmlinux(64, 0xffffffff81000000, []byte("no table here")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := img.Symbols(); err == nil {
		t.Error("symbols of a kernel that has none")
	}
}

// TestSlide moves a kernel and finds it again, although other addresses are noise.
func TestSlide(t *testing.T) {
	code := make([]byte, 1<<16)
	for _, at := range []int{0x123, 0x1800, 0x77f0, 0x9000} {
		copy(code[at:], "\x0f\x22\xd8")
	}
	copy(code[0x4321:], "\x0f\x01\x3f")
	for _, bits := range []int{32, 64} {
		base := uint64(0xc1000000)
		if bits == 64 {
			base = 0xffffffff81000000
		}
		img, err := Open(vmlinux(bits, base, code))
		if err != nil {
			t.Fatal(err)
		}
		d := img.Digest()
		for _, by := range []uint64{0, 0x1e00000} {
			places := map[uint64]Instruction{base + by + 0x123: LoadCR, base + by + 0x77f0: LoadCR, base + by + 0x4321: Invlpg,
				0x100142: LoadCR, 0xfec3d: LoadCR}
			if got, ok := d.Slide(places); got != by || !ok {
				t.Errorf("%d bits: moved by %#x (%t), want %#x", bits, got, ok, by)
			}
		}
		if got, ok := d.Slide(map[uint64]Instruction{0x100142: LoadCR}); ok {
			t.Errorf("%d bits: moved by %#x: one place says nothing", bits, got)
		}
	}
}

func TestMoved(t *testing.T) {
	img, err := Open(kernelOf(64, offsetsLast))
	if err != nil {
		t.Fatal(err)
	}
	d := img.Digest()
	for i, s := range d.Moved(0x200000) {
		want := d.Symbols[i].Addr
		if s.Type != 'A' {
			want += 0x200000
		}
		if s.Addr != want {
			t.Fatalf("%s at %#x, want %#x", s.Name, s.Addr, want)
		}
	}
}

// TestLines compiles a program in which one function is inlined into another.
func TestLines(t *testing.T) {
	cc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc")
	}
	dir := t.TempDir()
	src := filepath.Join(dir, "x.c")
	const text = `volatile int out;
static inline __attribute__((always_inline)) void inner(int v)
{
	out = v * 3;
}
__attribute__((noinline)) void outer(int v)
{
	inner(v);
}
int main(void) { outer(2); return 0; }
`
	if err := os.WriteFile(src, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "x")
	if out, err := exec.Command(cc, "-g", "-O1", "-no-pie", "-o", bin, src).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l, err := OpenLines(bin)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := elf.Open(bin)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(s elf.Symbol) bool { return s.Name == "outer" })
	var chains []string
	for at := list[i].Value; at < list[i].Value+list[i].Size; at++ {
		sites, err := l.At(at)
		if err != nil {
			t.Fatal(err)
		}
		var words []string
		for _, s := range sites {
			words = append(words, fmt.Sprintf("%s:%d", s.Function, s.Line))
		}
		chains = append(chains, strings.Join(words, " < "))
	}
	if !slices.Contains(chains, "inner:4 < outer:8") {
		t.Errorf("chains %q", slices.Compact(chains))
	}
	if sites, err := l.At(1); len(sites) > 0 || err != nil {
		t.Errorf("%v, %v at an address of no code", sites, err)
	}
}

func TestLinesRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(name, kernelOf(64, offsetsFirst), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLines(name); err == nil {
		t.Error("lines of a file without debug data")
	}
}

// FuzzKernel reads damaged kernels: each is read or refused.
func FuzzKernel(f *testing.F) {
	raw := kernelOf(64, offsetsFirst)
	seeds.Add(f, raw)
	seeds.Add(f, kernelOf(32, offsetsLast))
	seeds.Add(f, bzImage(gzipped(raw)))
	seeds.Add(f, bzImage(lz4Of(raw[:4096])))
	f.Fuzz(func(t *testing.T, file []byte) {
		img, err := Open(file)
		if err != nil {
			return
		}
		d := img.Digest()
		if !slices.IsSortedFunc(d.Symbols, func(a, b kernel.Symbol) int {
			switch {
			case a.Addr < b.Addr:
				return -1
			case a.Addr > b.Addr:
				return 1
			}
			return 0
		}) {
			t.Error("the symbols are not in order")
		}
		d.Slide(map[uint64]Instruction{0xffffffff81000123: LoadCR})
	})
}
