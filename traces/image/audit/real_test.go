package audit

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/ptcheck/ptcheck/traces/image"
	"github.com/ptcheck/ptcheck/traces/image/imagetest"
)

var (
	update  = flag.Bool("update", false, "rewrite the texts in testdata")
	extract = flag.String("extract", "", "image whose tables are written to testdata, as -name")
	name    = flag.String("name", "", "name of the extracted image")
	withXen = flag.Bool("xen", false, "the extracted image has a Xen")
)

// TestExtract makes a small image of a real one: its tables, and what else an audit
// reads, as a compressed dump in which all other frames are left out.
func TestExtract(t *testing.T) {
	if *extract == "" {
		t.Skip("no -extract")
	}
	m, err := image.Open(*extract)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	a := run(t, m, Options{Xen: *withXen})
	wanted := map[uint64]bool{}
	for phys := range a.inUse {
		wanted[phys>>image.PageShift] = true
	}
	if *withXen {
		addXen(t, a, wanted)
	}
	top := uint64(0)
	for _, r := range m.Ranges() {
		if r.First < 1<<20-64 { // not the ROM below 4 GiB
			top = max(top, r.First+r.Count)
		}
	}
	mem := imagetest.New(top)
	for f := range wanted {
		if _, err := m.Page(f, mem.Frame(f)); err != nil {
			t.Fatal(err)
		}
	}
	dump := imagetest.Kdump(mem, &imagetest.Machine{Long: m.Long, CPUs: m.CPUs}, imagetest.Raw)
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", *name+".kdump.zst"), pack.EncodeAll(dump, nil), 0o644); err != nil {
		t.Fatal(err)
	}
}

// addXen adds the frames of Xen's frame table and of the domains that own frames.
func addXen(t *testing.T, a *Audit, wanted map[uint64]bool) {
	t.Helper()
	for f := range a.recount.levels {
		wanted[f] = true
	}
	for _, r := range a.image.Ranges() {
		for f := r.First; f < r.First+r.Count; f++ {
			va := a.xen.base + f*a.xen.size
			if pa, ok, err := translate(a.image, a.xen.root, va); err != nil {
				t.Fatal(err)
			} else if ok {
				wanted[pa>>image.PageShift] = true
			}
			if rec, ok, err := a.xen.record(f); err != nil {
				t.Fatal(err)
			} else if ok && rec.count > 0 && rec.owner != 0 && rec.owner < f|1<<20 {
				wanted[rec.owner] = true
			}
		}
	}
}

// TestRealKernels audits the tables of real kernels, Debian's, booted in QEMU: the text
// is that in testdata, and the only rule that is broken is the one of the 32-bit kernel
// that has lost the no-execute bit of programs.
func TestRealKernels(t *testing.T) {
	files, err := filepath.Glob("testdata/*.kdump.zst")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		stem := strings.TrimSuffix(filepath.Base(path), ".kdump.zst")
		m := readPacked(t, path, stem)
		a := run(t, m, Options{Xen: strings.HasPrefix(stem, "xen")})
		want := []string{}
		switch {
		case strings.HasPrefix(stem, "686-pae-6.1"):
			want = append(want, "image-user-no-exec")
		case strings.HasSuffix(stem, "rodata-off"):
			want = append(want, "image-w-xor-x")
		}
		if b := a.broken(); !slices.Equal(b, want) {
			t.Errorf("%s: broken %v, want %v", stem, b, want)
		}
		var text bytes.Buffer
		if err := a.WriteText(&text); err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", stem+".txt")
		if *update {
			if err := os.WriteFile(golden, text.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if old, err := os.ReadFile(golden); err != nil || !bytes.Equal(old, text.Bytes()) {
			t.Errorf("%s: %v; now\n%s", golden, err, text.Bytes())
		}
		checkMap(t, a)
	}
}

// readPacked reads an image of testdata.
func readPacked(t *testing.T, path, name string) *image.Image {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	unpack, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unpack.Close()
	data, err := unpack.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := image.Read(name, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// checkMap holds the map of the first root against a plain translation of addresses: the
// ranges touch, and the first, a middle and the last page of each is mapped as told.
func checkMap(t *testing.T, a *Audit) {
	t.Helper()
	m, err := a.Map(0)
	if err != nil {
		t.Fatal(err)
	}
	at := uint64(0)
	for i := range m.Ranges {
		r := &m.Ranges[i]
		if r.Start != at {
			t.Fatalf("%s: a range at %#x, want it at %#x", a.image.Name, r.Start, at)
		}
		at += r.Size
		if r.Kind.String() == "page" && a.Paging.Mode == image.FourLevel {
			for _, off := range []uint64{0, r.Size / 2 &^ 0xfff, r.Size - 0x1000} {
				pa, ok, err := translate(a.image, a.Paging.Roots[0].Frame(), r.Start+off)
				if want := r.Leaf.Frame<<image.PageShift + off; !ok || err != nil || pa != want {
					t.Fatalf("%s: %#x leads to %#x (%t, %v), the map says %#x", a.image.Name, r.Start+off, pa, ok, err, want)
				}
			}
		}
	}
	if end := uint64(1) << a.Paging.Mode.AddressBits(); at != 0 && at != end {
		t.Errorf("%s: the map ends at %#x", a.image.Name, at)
	}
}
