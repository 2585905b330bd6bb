package native_test

import (
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
)

func config(g *model.Geometry) native.Config {
	c := native.Config{Geo: g, Boot: model.I386(), PG0: 0x500, MapBeyondEnd: 0x82_8000}
	c.Kernel = model.KernelMap{PageOffset: 0xc000_0000, MaxLowPFN: 0x2000, Root: 0x4f0, ZeroPage: 0x4f1, NX: true}
	return c
}

func TestBootTables(t *testing.T) {
	for _, x := range []struct {
		pg0   model.PFN
		slack model.PA
		want  int
	}{
		{0x3f0, 0x1_0000, 2}, // one table, its own page and the slack need a page more than 4 MiB
		{0x3f0, 0xf000, 1},
		{0x500, 0x82_8000, 4},
		{0, 0, 1},
		{0, 0xb_fd000 + 0x1000, 4}, // three tables map themselves and 12 MiB - 12 KiB more
		{0, 0xb_fd000, 3},
	} {
		c := config(model.I386())
		c.PG0, c.MapBeyondEnd = x.pg0, x.slack
		if got := c.BootTables(); got != x.want {
			t.Errorf("pg0 %#x, slack %#x: %d boot tables, want %d", x.pg0, x.slack, got, x.want)
		}
	}
}

func TestStartOfDay(t *testing.T) {
	for _, x := range []struct {
		geo *model.Geometry
		nxe bool
	}{{model.I386(), false}, {model.PAE(), true}} {
		s, err := native.StartOfDay(config(x.geo))
		if err != nil {
			t.Fatal(err)
		}
		if s.CPU.CR3 != 0x4f0 || s.CPU.CR4 != 0 || s.CPU.NXE != x.nxe || !s.CPU.WP || s.Active().Levels != 2 {
			t.Errorf("%s: %+v, %d levels", x.geo.Name, s.CPU, s.Active().Levels)
		}
		for va, want := range map[model.VA]model.Frame{0: 0, 0xff_f000: 0xfff, 0xc000_0000: 0, 0xc0ff_f000: 0xfff, 0x100_0000: -1, 0xc100_0000: -1, 0xbfff_f000: -1} {
			tr, fault := s.Walk(va)
			if got := (fault == model.WalkOK); got != (want >= 0) || got && tr.Frame != want {
				t.Errorf("%s: %#x leads to frame %d (%d), want %d", x.geo.Name, va, tr.Frame, fault, want)
			}
		}
	}
}

func TestStartOfDayRefuses(t *testing.T) {
	for name, edit := range map[string]func(c *native.Config){
		"boot tables that reach PAGE_OFFSET":            func(c *native.Config) { c.Kernel.PageOffset, c.MapBeyondEnd = 0x80_0000, 0x80_0000 },
		"boot tables beyond the top":                    func(c *native.Config) { c.Kernel.PageOffset = 0xff80_0000 },
		"PAGE_OFFSET 0, where both halves are the same": func(c *native.Config) { c.Kernel.PageOffset = 0 },
	} {
		c := config(model.I386())
		edit(&c)
		if _, err := native.StartOfDay(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestLeafIsStoredInHalves checks that an eight-byte entry becomes present last.
func TestLeafIsStoredInHalves(t *testing.T) {
	s, err := native.StartOfDay(config(model.PAE()))
	if err != nil {
		t.Fatal(err)
	}
	ops := native.Ops()
	steps := new(log)
	k := hooks.New(model.NewMachine(s, steps), &ops)
	entry := s.L.VA(0x60_0008)
	if crash := k.M.Run(func() { ops.SetPTE[model.VariantLate](k, entry, model.NX|0x1_2345_6063) }); crash != nil {
		t.Fatal(crash)
	}
	want := []model.Step{
		{Op: model.OpStore, VA: entry + 4, Frame: 0x600, Off: 12, Width: 4, Value: 0x8000_0001},
		{Op: model.OpStore, VA: entry, Frame: 0x600, Off: 8, Width: 4, Value: 0x2345_6063},
	}
	if len(*steps) != 2 || (*steps)[0] != want[0] || (*steps)[1] != want[1] {
		t.Errorf("steps %+v, want %+v", *steps, want)
	}
}

type log []model.Step

func (l *log) Step(_ *model.Machine, s *model.Step) { *l = append(*l, *s) }
