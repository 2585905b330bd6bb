package audit

import (
	"bytes"
	"testing"

	"github.com/ptcheck/ptcheck/traces/image"
	"github.com/ptcheck/ptcheck/traces/image/imagetest"
)

// Places of the small machines that tests are made of.
const (
	frames    = 8192 // 32 MiB
	textFrame = 0x110
	textPages = 4
	dataFrame = 0x120 // of user mode
	userText  = 0x400000
	userData  = 0x401000
	device    = 0xfee00000
	spare     = 0x1a0 // a frame that nothing else uses
	tableFrom = 0x800
)

// small is a machine as a kernel leaves it, with the places that depend on its mode.
type small struct {
	*imagetest.Tables
	direct  uint64 // direct map
	image   uint64 // kernel image, in which text is
	vmalloc uint64
	spare   uint64 // an address in an empty table of level 1 of the kernel's half
}

func (s *small) nx() uint64 {
	if s.Mode == image.TwoLevel {
		return 0
	}
	return imagetest.NX
}

// direct maps
func newSmall(mode image.Mode) *small {
	s := &small{Tables: imagetest.NewTables(imagetest.New(frames), mode, tableFrom), direct: 0xc0000000, vmalloc: 0xf0000000}
	switch mode {
	case image.FourLevel:
		s.direct, s.vmalloc = 0xffff888000000000, 0xffffc90000000000
	case image.FiveLevel:
		s.direct, s.vmalloc = 0xff11000000000000, 0xffa0000000000000
	}
	s.image = s.direct
	if mode >= image.FourLevel {
		s.image = 0xffffffff81000000 - textFrame<<image.PageShift
	}
	const rw = imagetest.Writable
	large := uint64(1) << mode.Shift(2) >> image.PageShift
	for f := uint64(0); f < frames; f++ {
		switch text := f >= textFrame && f < textFrame+textPages; {
		case f >= large:
			s.Map(s.direct+f<<image.PageShift, f<<image.PageShift, 2, rw|s.nx())
			f += large - 1
		case text && s.image == s.direct:
			s.Map(s.direct+f<<image.PageShift, f<<image.PageShift, 1, 0)
		case text:
			s.Map(s.direct+f<<image.PageShift, f<<image.PageShift, 1, s.nx())
			s.Map(s.image+f<<image.PageShift, f<<image.PageShift, 1, 0)
		default:
			s.Map(s.direct+f<<image.PageShift, f<<image.PageShift, 1, rw|s.nx())
		}
	}
	s.Map(userText, (dataFrame-1)<<image.PageShift, 1, imagetest.User)
	s.Map(userData, dataFrame<<image.PageShift, 1, imagetest.User|rw|s.nx())
	s.Map(s.vmalloc, device, 1, rw|imagetest.Uncached|s.nx())
	s.spare = s.vmalloc + 5<<image.PageShift
	return s
}

// read makes an image of the machine.
func (s *small) read(t testing.TB) *image.Image {
	t.Helper()
	return readImage(t, imagetest.ELF(s.Memory, s.machine()))
}

func (s *small) machine() *imagetest.Machine {
	return &imagetest.Machine{Long: s.Mode >= image.FourLevel, CPUs: []image.CPU{imagetest.CPU(s.Mode, s.Root)}}
}

func readImage(t testing.TB, data []byte) *image.Image {
	t.Helper()
	m, err := image.Read("test", bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func run(t testing.TB, m *image.Image, opt Options) *Audit {
	t.Helper()
	a, err := Run(m, opt)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// broken lists the rules that an image breaks.
func (a *Audit) broken() []string {
	out := []string{}
	for i := range a.Verdicts {
		if a.Verdicts[i].Broken > 0 {
			out = append(out, a.Verdicts[i].Rule.ID)
		}
	}
	return out
}

// verdict finds the verdict of a rule.
func (a *Audit) verdict(id string) *Verdict {
	for i := range a.Verdicts {
		if a.Verdicts[i].Rule.ID == id {
			return &a.Verdicts[i]
		}
	}
	return nil
}

func modes() []image.Mode {
	return []image.Mode{image.TwoLevel, image.PAE, image.FourLevel, image.FiveLevel}
}
