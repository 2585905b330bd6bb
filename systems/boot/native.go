package boot

import (
	"fmt"

	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
)

// The tiny geometries of the native system. Both have the same pages of address
// space: head.S's two-level tables, and a PAE-like kernel whose root covers only
// the user half of the two-level directory, as in reality.
func tinyTwoLevel(root int) (*model.Geometry, error) {
	return model.NewGeometry(fmt.Sprintf("tiny-2 %dx4", root), 4, root, 4)
}

func tinyPAE(root, l2 int) (*model.Geometry, error) {
	g, err := model.NewGeometry(fmt.Sprintf("tiny-3 %dx%dx4", root, l2), 8, root, l2, 4)
	if err == nil {
		g.PAERoot = true
	}
	return g, err
}

// nativeCase is a member of the native family.
type nativeCase struct {
	levels       int
	lowmem       int
	pse, pge, nx bool
	highmem      bool
	low          bool // boot allocator below the kernel instead of above
	textEnd      model.VA
	sticky       bool
	wide         bool // PAE: four root slots, two of them the user's
	real         bool // the geometries of real processors
	prepopulated bool // 2-level: the fixmap's table is there, with a stale leaf
	boot         *model.Geometry
	geo          *model.Geometry
}

// nativeCases lists the family: CPU features, where root, zero page and boot
// tables lie, how far the boot tables reach, and what else is populated.
func nativeCases(lowmem int) []nativeCase {
	big, asked := 12, lowmem != 0
	if asked {
		big = lowmem
	} else {
		lowmem = 8
	}
	cases := []nativeCase{
		{levels: 2, lowmem: lowmem},
		{levels: 2, lowmem: lowmem, pge: true, low: true},
		{levels: 2, lowmem: lowmem, pge: true, prepopulated: true, sticky: true},
		{levels: 2, lowmem: big, pse: true, pge: true},
		{levels: 2, lowmem: lowmem, pse: true, highmem: lowmem <= 8, low: true, prepopulated: true},
		{levels: 3, lowmem: lowmem, pge: true, nx: true, textEnd: 0x1000},
		{levels: 3, lowmem: lowmem, low: true, textEnd: 0x1fff, nx: true},
		{levels: 3, lowmem: lowmem, sticky: true},
		{levels: 3, lowmem: big, pse: true, pge: true},
		{levels: 3, lowmem: big, pse: true, pge: true, nx: true, low: true, textEnd: 0x4000},
		{levels: 3, lowmem: lowmem, pse: true, highmem: lowmem <= 8, sticky: true},
		{levels: 3, lowmem: big, pse: true, wide: true},
	}
	if !asked {
		// Low memory that ends inside a leaf table, and inside a large page.
		cases = append(cases, nativeCase{levels: 2, lowmem: 9}, nativeCase{levels: 2, lowmem: 10, pse: true},
			nativeCase{levels: 3, lowmem: 10, pse: true, nx: true})
	}
	return cases
}

// bareMetal is a system of any hooks on a machine that starts as a bare one does.
func bareMetal(name string, ops hooks.Ops, o kernel.Options) (*kernel.System, error) {
	s := &kernel.System{Name: name}
	if len(o.Drawn) > 0 {
		return drawnSystem(s, "native", ops, o)
	}
	var geos []string
	for _, c := range nativeCases(o.Lowmem) {
		if !o.Wants(c.levels) {
			continue
		}
		st, err := c.state()
		if err != nil {
			return nil, fmt.Errorf("system %s: %w", name, err)
		}
		if n := c.geo.Name; len(geos) == 0 || geos[len(geos)-1] != n {
			geos = append(geos, n)
		}
		s.Inits = append(s.Inits, kernel.Init{Name: c.name(), State: st})
	}
	s.Scope = fmt.Sprintf("%d start-of-day tables, geometries %v", len(s.Inits), geos)
	var err error
	if s.Inits, err = addOdd(s.Inits, o.Odd, native.Ops(), func(n int) (*model.State, error) { c := oddNative(n); return c.state() }); err != nil {
		return nil, fmt.Errorf("system %s: %w", name, err)
	}
	return kernel.Finish(s, ops, o)
}

func (c *nativeCase) name() string {
	n := fmt.Sprintf("%dlevel-%df", c.levels, c.lowmem)
	for _, f := range []struct {
		on   bool
		name string
	}{
		{c.pse, "pse"}, {c.pge, "pge"}, {c.nx, "nx"}, {c.highmem, "highmem"}, {c.low, "lowbootmem"},
		{c.wide, "wide"}, {c.sticky, "stickytlb"}, {c.prepopulated, "fixtable"},
	} {
		if f.on {
			n += "-" + f.name
		}
	}
	return n
}

// state builds the start-of-day state of a case.
func (c *nativeCase) state() (*model.State, error) {
	var err error
	root := 2
	if c.wide {
		root = 4
	}
	if c.boot, err = tinyTwoLevel(4 * root); err != nil {
		return nil, err
	}
	c.geo = c.boot
	if c.levels == 3 {
		if c.geo, err = tinyPAE(root, 4); err != nil {
			return nil, err
		}
	}
	if c.real {
		c.boot, c.geo = model.I386(), model.I386()
		if c.levels == 3 {
			c.geo = model.PAE()
		}
	}
	if most := c.mostLowmem(); c.lowmem < 8 || c.lowmem > most {
		return nil, fmt.Errorf("%d frames of low memory: want 8 to %d", c.lowmem, most)
	}
	tables := (c.lowmem + c.boot.Slots[1] - 1) / c.boot.Slots[1]
	// The kernel's own frames come in a row: root, zero page, boot tables; with a
	// prepopulated fixmap one more.
	first, bootmem := model.PFN(0), model.PFN(2+tables)
	if c.low {
		first, bootmem = bootmem, 0
		first = model.PFN(c.lowmem) - bootmem - model.PFN(2+tables)
	}
	if c.prepopulated {
		if c.low {
			first--
		} else {
			bootmem++
		}
	}
	span := model.PA(c.boot.Span(2))
	pg0 := first + 2
	cfg := native.Config{
		Geo:          c.geo,
		Boot:         c.boot,
		PG0:          pg0,
		MapBeyondEnd: model.PA(tables)*span - (pg0 + model.PFN(tables)).PA(),
		Kernel:       c.kernelMap(first, bootmem),
	}
	s, err := native.StartOfDay(cfg)
	if err != nil {
		return nil, err
	}
	if c.prepopulated {
		c.populateFixmap(s, pg0+model.PFN(tables))
	}
	s.TLB.Sticky = c.sticky
	return s, nil
}

// mostLowmem is how many frames of low memory leave room for the fixmap's, and
// where there is high memory the pkmap's, part of the kernel half.
func (c *nativeCase) mostLowmem() int {
	if c.highmem {
		return 8
	}
	return 12
}

func (c *nativeCase) kernelMap(first, bootmem model.PFN) model.KernelMap {
	half := model.VA(1) << (c.geo.VABits() - 1)
	top := half * 2
	return model.KernelMap{
		PageOffset:   half,
		MaxLowPFN:    model.PFN(c.lowmem),
		TextEnd:      half + c.textEnd,
		Root:         first,
		ZeroPage:     first + 1,
		BootmemFirst: bootmem,
		FixTop:       top - model.PageSize,
		NrFixed:      kernel.NrFixed,
		Highmem:      c.highmem,
		PkmapBase:    top - 2*c.geo.Span(2),
		LastPkmap:    c.geo.Slots[1],
		Spare:        first + 1,
		HasPSE:       c.pse,
		HasPGE:       c.pge,
		NX:           c.nx,
	}
}

// populateFixmap hangs a table with one stale leaf where the fixmap will be, as
// kernels with an early ioremap do.
func (c *nativeCase) populateFixmap(s *model.State, table model.PFN) {
	slot := c.boot.Index(s.L.Fix(kernel.FixOwn), 2)
	const flags = model.Present | model.RW | model.User
	s.Clean(model.Frame(table))
	s.SetEntry(c.boot, model.Frame(s.L.Kernel.Root), slot, model.MakeEntry(model.MFN(table), flags))
	leaf := c.boot.Index(s.L.Fix(kernel.FixOwn), 1)
	s.SetEntry(c.boot, model.Frame(table), leaf, model.MakeEntry(model.MFN(s.L.Kernel.Spare), flags))
	s.Commit()
}
