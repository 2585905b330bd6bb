package image_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/traces/image"
	"github.com/ptcheck/ptcheck/traces/image/imagetest"
)

// sample is a memory of some megabytes with a few frames that are not zero.
func sample() *imagetest.Memory {
	m := imagetest.New(2500)
	for i, f := range []uint64{0, 3, 4, 511, 512, 2047, 2499} {
		p := m.Frame(f)
		for k := range 40 * (i + 1) {
			p[k] = byte(k*7 + i)
		}
		p[image.PageSize-1] = byte(i)
	}
	return m
}

// forms writes a memory in each form.
func forms(mem *imagetest.Memory, m *imagetest.Machine) map[string][]byte {
	out := map[string][]byte{"elf": imagetest.ELF(mem, m)}
	for name, how := range map[string]imagetest.Packing{"raw": 0, "zlib": imagetest.Zlib, "lzo": imagetest.LZO, "snappy": imagetest.Snappy, "zstd": imagetest.Zstd} {
		dump := imagetest.Kdump(mem, m, how)
		out["kdump "+name] = dump
		out["flattened "+name] = imagetest.Flatten(dump, 777)
	}
	return out
}

func read(t testing.TB, name string, data []byte) *image.Image {
	t.Helper()
	m, err := image.Read(name, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestForms holds that each form, of both widths, gives the same frames, processors and
// notes.
func TestForms(t *testing.T) {
	mem := sample()
	for _, long := range []bool{false, true} {
		mode := image.TwoLevel
		if long {
			mode = image.FourLevel
		}
		machine := imagetest.Machine{Long: long, CPUs: []image.CPU{imagetest.CPU(mode, 0x3000)}, Info: "OSRELEASE=6.1\nSYMBOL(swapper_pg_dir)=c0003000\n"}
		for name, data := range forms(mem, &machine) {
			m := read(t, name, data)
			if m.Memory() != mem.Frames<<image.PageShift || !m.Whole || m.Long != long || len(m.CPUs) != 1 || m.CPUs[0] != machine.CPUs[0] || m.Info["OSRELEASE"] != "6.1" {
				t.Errorf("%s, long %t: %d bytes, whole %t, long %t, %+v, %v", name, long, m.Memory(), m.Whole, m.Long, m.CPUs, m.Info)
			}
			checkFrames(t, name, m, mem)
		}
	}
}

func checkFrames(t *testing.T, name string, m *image.Image, mem *imagetest.Memory) {
	t.Helper()
	for f := range mem.Frames + 2 {
		var page, want image.Page
		there, err := m.Page(f, &page)
		if p := mem.Stored[f]; p != nil {
			want = *p
		}
		has, _ := m.Has(f)
		switch {
		case err != nil || page != want || has != there:
			t.Fatalf("%s: frame %#x: %v, %v, other contents %t", name, f, there, err, page != want)
		case (there == image.Absent) != (f >= mem.Frames):
			t.Fatalf("%s: frame %#x: %v of %#x frames", name, f, there, mem.Frames)
		case there == image.Excluded && mem.Stored[f] != nil:
			t.Fatalf("%s: frame %#x was left out", name, f)
		}
	}
}

// TestPaging holds where the tables begin, by what each image tells.
func TestPaging(t *testing.T) {
	mem := sample()
	for _, x := range []struct {
		name string
		imagetest.Machine
		root uint64
		want string
	}{
		{"two-level", imagetest.Machine{CPUs: []image.CPU{imagetest.CPU(image.TwoLevel, 0x3000)}}, 0, "two-level 0x3000 CPU 0"},
		{"PAE", imagetest.Machine{CPUs: []image.CPU{imagetest.CPU(image.PAE, 0x3020)}}, 0, "PAE 0x3020 CPU 0"},
		{"PCID", imagetest.Machine{Long: true, CPUs: []image.CPU{imagetest.CPU(image.FourLevel, 0x3006)}}, 0, "4-level 0x3000 CPU 0"},
		{"LA57", imagetest.Machine{Long: true, CPUs: []image.CPU{imagetest.CPU(image.FiveLevel, 0x3000)}}, 0, "5-level 0x3000 CPU 0"},
		{"several", imagetest.Machine{Long: true, CPUs: []image.CPU{imagetest.CPU(4, 0x3000), {}, imagetest.CPU(4, 0x4000), imagetest.CPU(4, 0x3000)}}, 0,
			"4-level 0x3000 CPU 0, CPU 3; 0x4000 CPU 2"},
		{"long by its registers", imagetest.Machine{CPUs: []image.CPU{imagetest.CPU(image.FourLevel, 0x3000)}}, 0, "4-level 0x3000 CPU 0"},
		{"vmcore", imagetest.Machine{Long: true, Info: "SYMBOL(swapper_pg_dir)=ffffffff81003000\nNUMBER(phys_base)=-16777216\n"}, 0, "4-level 0x3000 swapper_pg_dir"},
		{"vmcore 5", imagetest.Machine{Long: true, Info: "SYMBOL(init_top_pgt)=ffffffff80003000\nNUMBER(pgtable_l5_enabled)=1\n"}, 0, "5-level 0x3000 swapper_pg_dir"},
		{"vmcore PAE", imagetest.Machine{Info: "SYMBOL(swapper_pg_dir)=80003000\nCONFIG_X86_PAE=y\n"}, 0, "PAE 0x3000 swapper_pg_dir"},
		{"vmcore 2", imagetest.Machine{Info: "SYMBOL(swapper_pg_dir)=c0003000\n"}, 0, "two-level 0x3000 swapper_pg_dir"},
		{"--cr3", imagetest.Machine{Long: true}, 0x4000, "4-level 0x4000 --cr3"},
		{"--cr3, other mode", imagetest.Machine{Long: true, CPUs: []image.CPU{imagetest.CPU(5, 0x3000)}}, 0x4000, "5-level 0x4000 --cr3"},
		{"nothing", imagetest.Machine{Long: true}, 0, "no CR3 and no VMCOREINFO"},
		{"no symbol", imagetest.Machine{Long: true, Info: "OSRELEASE=6.1\n"}, 0, "no address of swapper_pg_dir"},
		{"bad symbol", imagetest.Machine{Long: true, Info: "SYMBOL(swapper_pg_dir)=zz\n"}, 0, "no address"},
		{"bad number", imagetest.Machine{Long: true, Info: "SYMBOL(swapper_pg_dir)=ffffffff80003000\nNUMBER(phys_base)=x\n"}, 0, "no number"},
		{"nowhere", imagetest.Machine{Long: true, Info: "SYMBOL(swapper_pg_dir)=ff00000000000000\n"}, 0, "no physical address"},
		{"paging off", imagetest.Machine{CPUs: []image.CPU{{}}}, 0, "no processor has paging switched on"},
		{"no registers", imagetest.Machine{Long: true, CPUs: []image.CPU{{CR0: 1 << 31, Long: true}}}, 0, "no registers"},
		{"--cr3 nowhere", imagetest.Machine{}, 0xffff000, "no memory at --cr3"},
	} {
		m := read(t, x.name, imagetest.ELF(mem, &x.Machine))
		p, err := m.Paging(x.root)
		got := fmt.Sprint(err)
		if err == nil {
			var roots []string
			for _, r := range p.Roots {
				roots = append(roots, fmt.Sprintf("%#x %s", r.Phys, r.Of))
			}
			got = p.Mode.String() + " " + strings.Join(roots, "; ")
		}
		if got != x.want && (err == nil || !strings.Contains(got, x.want)) {
			t.Errorf("%s: %q, want %q", x.name, got, x.want)
		}
	}
}

// TestGuessedMode tells PAE from two-level tables by the root alone.
func TestGuessedMode(t *testing.T) {
	for mode, entries := range map[image.Mode][]uint64{
		image.PAE:      {0x4001, 0, 0x5001, 0},
		image.TwoLevel: {0x4067_00005067, 0},
	} {
		mem := imagetest.New(64)
		for i, e := range entries {
			mem.Put64(0x3000+8*uint64(i), e)
		}
		p, err := read(t, "", imagetest.ELF(mem, &imagetest.Machine{})).Paging(0x3000)
		if err != nil || p.Mode != mode {
			t.Errorf("%v: %+v, %v", mode, p, err)
		}
	}
}

// TestRefused holds that what is no image, or a damaged one, is refused in a line that
// says why.
func TestRefused(t *testing.T) {
	mem := sample()
	machine := imagetest.Machine{Long: true, CPUs: []image.CPU{imagetest.CPU(image.FourLevel, 0x3000)}, Info: "A=1\n"}
	elf, kdump := imagetest.ELF(mem, &machine), imagetest.Kdump(mem, &machine, imagetest.Zlib)
	flat := imagetest.Flatten(kdump, 9999)
	change := func(data []byte, at int, with ...byte) []byte {
		out := bytes.Clone(data)
		copy(out[at:], with)
		return out
	}
	const status = 424
	for name, x := range map[string]struct {
		data []byte
		want string
	}{
		"empty":             {nil, "not a memory image"},
		"text":              {[]byte("hello, this is a text\n"), "not a memory image"},
		"Windows":           {[]byte("PAGEDU64................"), "a Windows crash dump, which is not read"},
		"gzip":              {[]byte("\x1f\x8b..............."), "compressed with gzip"},
		"ELF, cut":          {elf[:20], "a damaged ELF file"},
		"ELF, program":      {change(elf, 16, 2), "no core"},
		"ELF, arm":          {change(elf, 18, 183), "not x86"},
		"ELF, truncated":    {elf[:len(elf)-1], "truncated"},
		"ELF, notes":        {change(elf, 64+32, 0xff, 0xff, 0xff, 0xff), "bytes of notes"},
		"ELF, note":         {change(elf, 64+2*56+4, 0xff, 0xff, 0xff), "a damaged note"},
		"ELF, QEMU":         {change(elf, 64+2*56+12+8+336+12+8, 9), "version 9"},
		"ELF, no memory":    {change(elf, 64+56, 6), "no segment holds physical memory"},
		"ELF, far":          {change(elf, 64+56+24+7, 0x7f), "no x86 machine"},
		"ELF, more stored":  {change(elf, 64+56+32+2, 0xff), "bytes in the file for"},
		"kdump, cut":        {kdump[:5000], "truncated in its headers"},
		"kdump, version":    {change(kdump, 8, 77), "version 77"},
		"kdump, pages":      {change(kdump, status+4, 0, 0, 1), "not of 4096 bytes"},
		"kdump, split":      {change(kdump, 4096+12, 1), "split dump"},
		"kdump, unfinished": {change(kdump, status, 8), "incomplete"},
		"kdump, frames":     {change(kdump, 4096+8+8+16+16+16+16+16, 0, 0, 0, 0, 0, 1), "frames"},
		"kdump, bitmaps":    {change(kdump, status+12, 0), "bitmaps of 0 blocks"},
		"kdump, big":        {change(kdump, status+14, 1), "truncated"},
		"kdump, notes":      {change(kdump, 4096+8+8+16+16+12, 1), "bytes of notes"},
		"kdump, truncated":  {kdump[:4*4096], "truncated"},
		"kdump, descs":      {kdump[:5*4096+30], "truncated"},
		"flat, cut":         {flat[:20], "truncated in its header"},
		"flat, version":     {change(flat, 31, 2), "version 2"},
		"flat, no end":      {flat[:len(flat)-16], "truncated: no end after"},
		"flat, truncated":   {flat[:len(flat)-200], "truncated"},
		"flat, record":      {change(flat, 4096+8, 0xff), "truncated: record 0"},
		"flat, size 0":      {change(flat, 4096+8, 0, 0, 0, 0, 0, 0, 0, 0), "a damaged record"},
	} {
		_, err := image.Read("file", bytes.NewReader(x.data), int64(len(x.data)))
		if err == nil || !strings.Contains(err.Error(), x.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, x.want)
		}
	}
}

// TestDamagedPages holds that a page that cannot be unpacked is an error of that frame.
func TestDamagedPages(t *testing.T) {
	mem := sample()
	for name, how := range map[string]imagetest.Packing{"zlib": imagetest.Zlib, "lzo": imagetest.LZO, "snappy": imagetest.Snappy, "zstd": imagetest.Zstd, "raw": imagetest.Raw} {
		dump := imagetest.Kdump(mem, &imagetest.Machine{}, how)
		first := len(dump) // of the data: behind the descriptor of the first frame
		for at := 0; at+24 < len(dump); at += 8 {
			if off := binary.LittleEndian.Uint64(dump[at:]); off == uint64(at+24*len(mem.Stored)) {
				first = at
				break
			}
		}
		if first == len(dump) {
			t.Fatal("no descriptor found")
		}
		binary.LittleEndian.PutUint32(dump[first+8:], 9) // bytes that are there
		m := read(t, name, dump)
		var page image.Page
		if _, err := m.Page(0, &page); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := m.Page(3, &page); err != nil {
			t.Errorf("%s: the next frame: %v", name, err)
		}
	}
}

// TestFlattenedOverlaps writes records one over the other and compares with a plain file.
func TestFlattenedOverlaps(t *testing.T) {
	mem := sample()
	dump := imagetest.Kdump(mem, &imagetest.Machine{}, imagetest.Zlib)
	for _, record := range []int{64, 1000, 4096, 1 << 20} {
		checkFrames(t, fmt.Sprint(record), read(t, "", imagetest.Flatten(dump, record)), mem)
	}
}

// TestRealLZO unpacks a page that makedumpfile -l has packed.
func TestRealLZO(t *testing.T) {
	packed, err := os.ReadFile("testdata/lzo.page")
	if err != nil {
		t.Fatal(err)
	}
	const want = "eefa8f13a76e1195c396eaac8312242b7c08e7bfc9576ea298250883534d1920"
	page, err := image.UnpackLZO(packed)
	if got := fmt.Sprintf("%x", sha256.Sum256(page)); err != nil || got != want {
		t.Errorf("sha256 %s, %v", got, err)
	}
	for n := range len(packed) - 1 {
		if page, err := image.UnpackLZO(packed[:n]); err == nil {
			t.Errorf("the first %d bytes give %d without a complaint", n, len(page))
		}
	}
}

// TestOpen reads files, and refuses what is none.
func TestOpen(t *testing.T) {
	mem := sample()
	path := filepath.Join(t.TempDir(), "core")
	if err := os.WriteFile(path, imagetest.ELF(mem, &imagetest.Machine{}), 0o600); err != nil {
		t.Fatal(err)
	}
	if !image.Sniff(path) || image.Sniff(path+"-") || image.Sniff("image_test.go") {
		t.Error("an image is not told from other files")
	}
	m, err := image.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	checkFrames(t, path, m, mem)
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{path + "-", filepath.Dir(path)} {
		if _, err := image.Open(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestSymbols(t *testing.T) {
	s, err := image.ParseSymbols(strings.NewReader("c1000000 T _text\nc1000000 T _stext\n00000000 A zero\nc1000100 t inner [mod]\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	for va, want := range map[uint64]string{0xc0ffffff: "", 0xc1000000: "_text", 0xc1000008: "_text+0x8", 0xc1000105: "inner+0x5", 0xf0000000: ""} {
		if got := s.At(va); got != want {
			t.Errorf("%#x: %q, want %q", va, got, want)
		}
	}
	for text, want := range map[string]string{"": "no symbol", "0 T a\n0 T b\n": "hides them", "c1 T\n": "line 1", "xx T a\n": "no address", strings.Repeat("a", 5000): "line 1"} {
		if _, err := image.ParseSymbols(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", text, err, want)
		}
	}
	if (*image.Symbols)(nil).At(1) != "" {
		t.Error("no symbols name something")
	}
}
