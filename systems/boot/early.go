package boot

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/xen"
)

// Buffer is the system of kernels of 2.6.39: the direct map is extended with
// tables from a buffer, natively and under Xen.
func Buffer() *kernel.Backend {
	return Early("buffer", "kernels of 2.6.39: tables from a buffer, natively and under Xen", bufferCases)
}

// TopDown is the system of kernels of 3.8: memory is mapped from its top down,
// with tables from memory that is mapped already.
func TopDown() *kernel.Backend {
	return Early("topdown", "kernels of 3.8: memory mapped from its top down, natively and under Xen", topCases)
}

// Early is a system of later kernels on the machines of a list.
func Early(name, says string, cases func() []systems.EarlyStart) *kernel.Backend {
	return &kernel.Backend{
		Name: name, Says: says,
		Takes: []systems.Setting{systems.LevelsSetting(), systems.ProfileSetting(), kernel.FailuresSetting()},
		New: func(o kernel.Options) (*kernel.System, error) {
			return earlySystem(name, cases(), o)
		},
	}
}

func earlySystem(name string, cases []systems.EarlyStart, o kernel.Options) (*kernel.System, error) {
	s := &kernel.System{Name: name, Enabled: earlyCalls}
	if o.Lowmem != 0 || o.Stale != 0 {
		return nil, fmt.Errorf("system %s: low memory and stale leaves are the members' own", name)
	}
	var geos []string
	for _, c := range cases {
		if !o.Wants(c.Levels) || o.Profile != nil && (c.Profile == nil || c.Profile.Name != o.Profile.Name) {
			continue
		}
		if o.Profile != nil {
			c.Profile = o.Profile
		}
		if o.Change.Early != nil {
			o.Change.Early(&c)
		}
		p := earlyPlaces{c: &c}
		st, err := p.state()
		if err != nil {
			return nil, fmt.Errorf("system %s: %s: %w", name, c.Name(), err)
		}
		if n := p.geo.Name; len(geos) == 0 || geos[len(geos)-1] != n {
			geos = append(geos, n)
		}
		s.Inits = append(s.Inits, kernel.Init{Name: c.Name(), State: st, Panic: c.Panic})
	}
	s.Scope = fmt.Sprintf("%d start-of-day tables, geometries %v", len(s.Inits), geos)
	bare := native.EarlyOps()
	s.Bare = &bare
	return kernel.Finish(s, xen.EarlyOps(), o)
}

// earlyPlaces lays a member out in memory: the kernel's own pages, the tables of
// the start of the day, the kernel's static tables, and the brk.
type earlyPlaces struct {
	c      *systems.EarlyStart
	geo    *model.Geometry
	next   model.PFN
	tables [model.MaxLevels + 1][]model.PFN
	k      model.KernelMap
	e      model.EarlyMap
}

func (p *earlyPlaces) take() model.PFN { p.next++; return p.next - 1 }

// geometry makes the geometry. With four levels the hypervisor's slot is the
// fourth, the next one is left to others, the direct map is in the sixth, and the
// last holds page structs, vmalloc area and fixmap.
func (p *earlyPlaces) geometry() (err error) {
	c := p.c
	switch {
	case c.L1 == realL1:
		p.geo = model.AMD64()
		return nil
	case c.Levels == 4:
		if p.geo, err = model.NewGeometry(fmt.Sprintf("tiny-4 8x4x4x%d", c.L1), 8, 8, 4, 4, c.L1); err == nil {
			p.geo.SignExtend = true
		}
		return err
	}
	p.geo, err = tinyPAE(2, 16)
	return err
}

// place lays out the frames. A bare kernel's boot tables are part of its image; the
// builder's tables follow image and brk.
func (p *earlyPlaces) place() {
	p.k.Spare, p.k.Root, p.k.ZeroPage = p.take(), p.take(), p.take()
	if p.c.Profile == nil {
		p.placeTables()
	}
	p.k.BootmemFirst = p.next
	p.next += model.PFN(p.static())
	p.e.Image = p.next
	p.e.Brk = frames(p.next, p.next+model.PFN(p.c.Brk))
	p.next = p.e.Brk.To
	if p.c.Profile != nil {
		first := p.next
		p.placeTables()
		p.k.PTBase = p.tables[p.c.Levels][0]
		p.e.NrPTFrames = int(p.next - first)
	}
}

func (p *earlyPlaces) placeTables() {
	levels := builderOrder(p.geo, int(p.c.Mapped), p.c.Dom0)
	if p.c.Profile == nil {
		levels = levels[1:] // the root is the kernel's own
	}
	if p.c.RootLast {
		slices.Reverse(levels)
	}
	if p.c.Initrd > 0 {
		for level := p.c.Levels - 1; level > 0; level-- {
			levels = append(levels, level)
		}
	}
	for _, level := range levels {
		p.tables[level] = append(p.tables[level], p.take())
	}
}

// nrEarlyFixed is the number of fixmap indexes.
const nrEarlyFixed = 8

// tablesOf is how many tables of a level map Mapped frames; a bare machine's root
// is the kernel's own.
func (p *earlyPlaces) tablesOf(level int) int {
	n := int(p.c.Mapped)
	for l := 1; l <= level; l++ {
		if l > p.c.Levels || l == p.c.Levels && p.c.Profile == nil {
			return 0
		}
		n = (n + p.geo.Slots[l] - 1) / p.geo.Slots[l]
	}
	return n
}

// static is the number of the kernel's static tables: under Xen copies of the
// middle levels, everywhere those of the fixmap.
func (p *earlyPlaces) static() int {
	n := 0
	if p.c.Profile != nil && !p.c.BrkTables {
		for level := 2; level < p.c.Levels; level++ {
			n += p.tablesOf(level)
		}
	}
	if p.c.Levels == 3 {
		return n + 1
	}
	return n + 2 + (nrEarlyFixed+p.c.L1-1)/p.c.L1
}

// rangesReach refuses a machine that no kernel of the table buffer starts on: one with a range
// that ends a table or more in front of what the start-of-day tables map with small pages.
// Such a kernel empties the entries of a table behind the end of a range, or of its last large
// page (Linux v2.6.39, phys_pmd_init), tables that are there included, and makes them anew.
// On bare metal it starts on large pages (head_64.S, level2_ident_pgt), and a domain builder
// maps less than there is memory.
func (p *earlyPlaces) rangesReach() error {
	c, table := p.c, model.PFN(p.c.L1)
	if c.TopDown || c.Levels < 4 {
		return nil
	}
	for _, r := range c.Ranges {
		kept := (r.To + table - 1) / table * table
		if c.PSE {
			kept = r.To / table * table
		}
		if kept < c.Mapped {
			return fmt.Errorf("a range ends at frame %#x: want it in the last table of what is mapped at the start of the day, up to %#x, or behind", r.To, c.Mapped)
		}
	}
	return nil
}

// state builds the start-of-day state.
func (p *earlyPlaces) state() (*model.State, error) {
	c := p.c
	if err := p.geometry(); err != nil {
		return nil, err
	}
	p.place()
	if p.next > c.Mapped {
		return nil, fmt.Errorf("%d frames in use at the start of the day, %d mapped: want those in use mapped", p.next, c.Mapped)
	}
	if err := p.rangesReach(); err != nil {
		return nil, err
	}
	p.kernelMap()
	p.earlyMap()
	var s *model.State
	var err error
	if c.Profile == nil {
		cfg := native.EarlyConfig{Geo: p.geo, Kernel: p.k, Early: &p.e, MapEnd: c.Mapped}
		for level := 4; level > 0; level-- {
			cfg.Tables = append(cfg.Tables, p.tables[level]...)
		}
		s, err = native.EarlyStartOfDay(cfg)
	} else {
		s, err = p.guest()
	}
	if err != nil {
		return nil, err
	}
	if c.Uncleared && c.Profile != nil { // head.S has cleared its root, and uses it
		s.Soil(model.Frame(p.k.Root))
		s.Commit()
	}
	s.TLB.Sticky = c.Sticky
	return s, nil
}

func (p *earlyPlaces) kernelMap() {
	c, g := p.c, p.geo
	k := &p.k
	k.MaxLowPFN = c.End()
	k.HasPSE, k.HasPGE, k.NX = c.PSE, c.PGE, c.NX
	k.SharedInfo = model.MFN(c.End() + 20)
	k.FixSharedInfo = kernel.FixShared
	k.NrFixed = nrEarlyFixed
	half := model.VA(1) << (g.VABits() - 1)
	k.PageOffset = half
	k.FixTop = g.Wrap(half + 15*g.Span(2) - model.PageSize)
	if c.Levels == 4 {
		k.PageOffset = g.Wrap(half + 2*g.Span(4))
		k.FixTop = g.Wrap(^model.VA(0)) &^ (model.PageSize - 1)
	}
	k.TextEnd = k.PageOffset + model.PageSize
}

func (p *earlyPlaces) earlyMap() {
	c, g, e := p.c, p.geo, &p.e
	e.RAM, e.Extra, e.Ranges = c.RAM, c.Extra, c.Ranges
	e.Mapped = min(c.Mapped, c.End())
	e.Brim, e.BrkTables = c.Brim, c.BrkTables
	e.TopDown, e.ISAEnd, e.PageBuf, e.StepShift = c.TopDown, 2, 6, 1
	if c.Levels == 3 {
		e.DirectEnd = p.k.PageOffset + 12*g.Span(2)
		e.Vmalloc = e.DirectEnd
		e.Kmap, e.Kmaps = 2, 4
		e.Window, e.Windows = 6, 2
		return
	}
	e.DirectEnd = g.Wrap(p.k.PageOffset + g.Span(4))
	e.Vmemmap = e.DirectEnd
	e.Vmalloc = g.Wrap(e.Vmemmap + g.Span(3))
	e.Window, e.Windows = 4, 4
	if c.L1 == realL1 {
		e.ISAEnd, e.StepShift = 256, 5
	}
	e.GuardFirst = p.xenSlot()
	e.GuardLast = e.GuardFirst
	if c.Initrd > 0 {
		e.Initrd = frames(c.Initrd, c.Initrd+1)
		e.InitrdBase = g.Wrap(p.k.PageOffset - g.Span(4))
	}
	if c.List > 0 {
		e.P2M = frames(c.List, c.List+listTables)
		e.P2MBase = g.Span(4)
	}
}

// xenSlot is the root slot of the hypervisor with four levels: the first of the upper half.
func (p *earlyPlaces) xenSlot() int { return p.geo.Slots[4] / 2 }

// guest has the domain builder make the tables of a guest.
func (p *earlyPlaces) guest() (*model.State, error) {
	c, g := p.c, p.geo
	n := int(c.End())
	cfg := xen.Config{Geo: g, Kernel: p.k, Early: &p.e, P2M: make([]model.MFN, n)}
	for i := range n {
		cfg.P2M[i] = model.MFN(c.P2M(i, n))
	}
	cfg.Hyper = model.Hyper{Profile: c.Profile, XenLevel: 2, XenFirst: 15, XenLast: 15}
	if c.Levels == 4 {
		slot := p.xenSlot()
		cfg.Hyper.XenLevel, cfg.Hyper.XenFirst, cfg.Hyper.XenLast = 4, slot, slot
		cfg.Tables.Xen = []xen.XenEntry{{Slot: slot, Raw: model.MakeEntry(model.MFN(n+40), model.Present|model.RW|model.Accessed)}}
	}
	cfg.Hyper.Extra = []model.Extra{{Name: "h", Kind: model.SharedInfo}}
	cfg.Extra = []model.MFN{p.k.SharedInfo}
	t := &cfg.Tables
	t.Frames, t.MapEnd = p.tables, c.Mapped.PA()
	const final = model.Present | model.RW | model.Accessed | model.Dirty
	t.Flags[1] = final
	for level := 2; level <= c.Levels; level++ {
		t.Flags[level] = final | model.User
	}
	if c.Levels == 3 {
		t.Flags[3] = model.Present
	}
	t.Loaded = append(t.Loaded, xen.Loaded{Frames: p.e.Initrd, Base: p.e.InitrdBase})
	if c.List > 0 {
		t.Loaded = append(t.Loaded, xen.Loaded{Frames: frames(c.List, c.List+1), Base: p.e.P2MBase})
		for level := 3; level > 0; level-- {
			t.Frames[level] = append(t.Frames[level], c.List+model.PFN(4-level))
		}
	}
	return xen.StartOfDay(cfg)
}
