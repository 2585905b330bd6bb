package pagemap

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/golden"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

const goldens = "../../testdata/goldens/"

func read(t *testing.T, name string) *golden.File {
	t.Helper()
	f, err := golden.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func draw(t *testing.T, f *golden.File) *Map {
	t.Helper()
	m, err := Of(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// compare compares with a file in testdata, or rewrites it.
func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

// samples are boots of each kind: two levels with large pages, PAE, Xen, death.
func samples() []string {
	return []string{"native/2level_poc0_pse1_pge1_nx0_m1000_hm1_z0.json", "native/pae_nr_fixed1_pse0.json",
		"xen/xen_m2000_linear_nx1_hm0_z1.json", "odd/native2_oom.json"}
}

func TestPictures(t *testing.T) {
	for _, name := range samples() {
		m := draw(t, read(t, goldens+name))
		var text, picture bytes.Buffer
		if err := errors.Join(m.WriteText(&text), m.WriteSVG(&picture)); err != nil {
			t.Fatal(err)
		}
		stem := strings.TrimSuffix(filepath.Base(name), ".json")
		compare(t, stem+".map", text.Bytes())
		compare(t, stem+".svg", picture.Bytes())
		checkXML(t, picture.Bytes())
	}
}

// checkXML wants a well-formed picture that can be read out.
func checkXML(t *testing.T, picture []byte) {
	t.Helper()
	found := map[string]string{}
	d := xml.NewDecoder(bytes.NewReader(picture))
	for last := ""; ; {
		tok, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			last = tok.Name.Local
		case xml.CharData:
			found[last] += strings.TrimSpace(string(tok))
		}
	}
	if !strings.HasPrefix(found["title"], "Page tables of ") || !strings.Contains(found["desc"], "low memory") {
		t.Errorf("title %q, description %.60q", found["title"], found["desc"])
	}
}

// each calls fn with every recorded boot.
func each(t *testing.T, fn func(path string)) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(goldens, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(path, ".json") {
			n++
			fn(path)
		}
		return err
	})
	if err != nil || n < 50 {
		t.Fatalf("%d recordings, %v", n, err)
	}
}

// TestMapsAreTrue draws every recorded boot: the ranges cover the address space,
// neighbours differ, and the first and last page and one between are mapped as a
// plain walk says.
func TestMapsAreTrue(t *testing.T) {
	each(t, func(path string) {
		f := read(t, path)
		m := draw(t, f)
		var at uint64
		for i := range m.Ranges {
			r := &m.Ranges[i]
			if r.Start != at || r.Size == 0 || r.Size%golden.PageSize != 0 {
				t.Fatalf("%s: range %#x of %#x bytes, want it at %#x", path, r.Start, r.Size, at)
			}
			at += r.Size
			if i > 0 && m.Ranges[i-1].goesOn(r) {
				t.Errorf("%s: two ranges that are one at %#x", path, r.Start)
			}
			for _, off := range []uint64{0, r.Size / 2 &^ (golden.PageSize - 1), r.Size - golden.PageSize} {
				checkPage(t, f, r, r.Start+off)
			}
		}
		if at != 1<<32 {
			t.Errorf("%s: the ranges end at %#x", path, at)
		}
	})
}

// checkPage compares a page of a range with a plain walk.
func checkPage(t *testing.T, f *golden.File, r *Range, va uint64) {
	t.Helper()
	if r.Kind == Hypervisor {
		return
	}
	entry, level, ok := resolve(f, va)
	if ok != (r.Kind == Page) {
		t.Fatalf("%s: %#x: %v, but mapped %t", f.Name, va, r.Kind, ok)
	}
	if !ok {
		if (level == 1) != (r.Kind == EmptyTable) {
			t.Fatalf("%s: %#x: %v, but the walk ends at level %d", f.Name, va, r.Kind, level)
		}
		return
	}
	offset := va & (1<<r.Leaf.Shift - 1) >> golden.PageShift
	mfn := uint64(entry.MFN())&^(1<<(r.Leaf.Shift-golden.PageShift)-1) + offset
	frame := r.Leaf.Frame + (va-r.Start)>>golden.PageShift
	if !r.Leaf.Alien && f.Config.Flavour == golden.Xen {
		frame = f.Config.P2M.MFN(frame)
	}
	if frame != mfn || entry.Flags() != r.Leaf.Flags || (level == 1) != (r.Leaf.Shift == golden.PageShift) {
		t.Fatalf("%s: %#x: %+v, but the entry at level %d is %#x", f.Name, va, r.Leaf, level, uint64(entry))
	}
}

// resolve walks the tables of a dump, entry by entry.
func resolve(f *golden.File, va uint64) (e model.Entry, level int, ok bool) {
	c := &f.Config
	pa := c.SwapperPgDir
	for level = c.RootLevel(); ; level-- {
		shift := uint(golden.PageShift)
		if level == 2 {
			shift = c.PMDShift()
		} else if level == 3 {
			shift = 30
		}
		slot := int(va>>shift) % map[int]int{1: c.PtrsPerTable(), 2: c.PtrsPerTable(), 3: 4}[level]
		e = 0
		for _, t := range f.Tables {
			if t.PA != pa || t.Level != level || t.Width != c.EntryWidth() {
				continue
			}
			for _, x := range t.Entries {
				if x.Index == slot {
					e = model.Entry(x.Raw)
				}
			}
		}
		if !e.Is(model.Present) {
			return e, level, false
		}
		if level == 1 || level == 2 && e.Is(model.PSE) && (c.Mode == golden.PAE || f.CR4Set&0x10 != 0) {
			return e, level, true
		}
		pa = uint64(e.MFN()) << golden.PageShift
		if c.Flavour == golden.Xen {
			pfn, ok := c.M2P().PFN(uint64(e.MFN()))
			if !ok {
				return e, level, false
			}
			pa = pfn << golden.PageShift
		}
	}
}

// TestNoRoot draws a dump without its root.
func TestNoRoot(t *testing.T) {
	f := read(t, goldens+samples()[0])
	f.Tables = nil
	if _, err := Of(f); err == nil || !strings.Contains(err.Error(), "the kernel's root") {
		t.Error(err)
	}
}
