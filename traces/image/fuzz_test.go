package image_test

import (
	"bytes"
	"testing"

	"github.com/ptcheck/ptcheck/internal/seeds"
	"github.com/ptcheck/ptcheck/traces/image"
	"github.com/ptcheck/ptcheck/traces/image/imagetest"
)

// take reads an image that may be anything: there must be no panic, and what is read
// must be finite.
func take(data []byte) {
	m, err := image.Read("fuzz", bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return
	}
	_, _ = m.Paging(0)
	_, _ = m.Paging(0x1000)
	n := 0
	for _, r := range m.Ranges() {
		for f := r.First; f < r.First+min(r.Count, 4) && n < 64; f++ {
			var page image.Page
			_, _ = m.Page(f, &page)
			n++
		}
	}
	_ = m.Memory()
}

// small are small images.
func small() (*imagetest.Memory, []imagetest.Machine) {
	mem := imagetest.New(4)
	mem.Put64(0x1000, 0x2003)
	return mem, []imagetest.Machine{
		{CPUs: []image.CPU{imagetest.CPU(image.PAE, 0x1000)}},
		{Long: true, CPUs: []image.CPU{imagetest.CPU(image.FourLevel, 0x1000)}},
		{Long: true, Info: "SYMBOL(swapper_pg_dir)=ffffffff80001000\nNUMBER(phys_base)=0\n"},
	}
}

func FuzzELF(f *testing.F) {
	mem, machines := small()
	for i := range machines {
		seeds.Add(f, imagetest.ELF(mem, &machines[i]))
	}
	f.Fuzz(func(_ *testing.T, data []byte) { take(data) })
}

func FuzzKdump(f *testing.F) {
	mem, machines := small()
	for i := range machines {
		for _, how := range []imagetest.Packing{imagetest.Raw, imagetest.Zlib, imagetest.LZO, imagetest.Snappy, imagetest.Zstd} {
			seeds.Add(f, imagetest.Kdump(mem, &machines[i], how))
		}
	}
	f.Fuzz(func(_ *testing.T, data []byte) { take(data) })
}

func FuzzFlattened(f *testing.F) {
	mem, machines := small()
	for i := range machines {
		seeds.Add(f, imagetest.Flatten(imagetest.Kdump(mem, &machines[i], imagetest.Zlib), 2000))
	}
	f.Fuzz(func(_ *testing.T, data []byte) { take(data) })
}

func FuzzLZO(f *testing.F) {
	seeds.Add(f, []byte{0x11, 0, 0})
	seeds.Add(f, []byte{21, 1, 2, 3, 4, 0x20, 0, 0, 0, 0x11, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if page, _ := image.UnpackLZO(data); len(page) > image.PageSize {
			t.Error("more than a page")
		}
	})
}

func FuzzSymbols(f *testing.F) {
	f.Add("c1000000 T _text\n", uint64(0xc1000001))
	f.Fuzz(func(_ *testing.T, text string, va uint64) {
		if s, err := image.ParseSymbols(bytes.NewReader([]byte(text))); err == nil {
			s.At(va)
		}
	})
}
