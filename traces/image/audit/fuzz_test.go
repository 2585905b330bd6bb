package audit

import (
	"bytes"
	"io"
	"testing"

	"github.com/ptcheck/ptcheck/traces/image"
	"github.com/ptcheck/ptcheck/traces/image/imagetest"
)

// FuzzTables audits memory that is anything: frames 1 to 7 of a machine are the input,
// and the tables begin in frame 1. There must be no panic, and an end.
func FuzzTables(f *testing.F) {
	for _, mode := range modes() {
		t := imagetest.NewTables(imagetest.New(8), mode, 1)
		t.Map(0xc0000000, 0x7000, 1, imagetest.Writable)
		t.Map(0x400000, 0x6000, 1, imagetest.User)
		var data []byte
		for frame := uint64(1); frame < 8; frame++ {
			data = append(data, bytes.TrimRight(t.Frame(frame)[:], "\x00")...)
		}
		f.Add(byte(mode), false, data)
		f.Add(byte(mode), true, data)
	}
	f.Fuzz(func(_ *testing.T, mode byte, xen bool, data []byte) {
		mem := imagetest.New(8)
		for i := range 7 {
			copy(mem.Frame(uint64(1 + i))[:], data[min(len(data), i<<image.PageShift):])
		}
		m := image.Mode(2 + mode%4)
		machine := imagetest.Machine{Long: m >= image.FourLevel, CPUs: []image.CPU{imagetest.CPU(m, 0x1000)}}
		elf := imagetest.ELF(mem, &machine)
		img, err := image.Read("fuzz", bytes.NewReader(elf), int64(len(elf)))
		if err != nil {
			return
		}
		a, err := Run(img, Options{Xen: xen})
		if err != nil {
			return
		}
		if drawn, err := a.Map(0); err == nil {
			_ = drawn.Coarse().WriteText(io.Discard)
		}
		_, _ = a.WriteText(io.Discard), a.WriteJSON(io.Discard)
	})
}
