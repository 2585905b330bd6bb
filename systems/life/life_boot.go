package life

import (
	"fmt"

	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/xen"
)

// Fixmap indexes of the booted systems, beside those of the boot systems.
const (
	fixKmapPTE  = 4
	fixKmapPage = 5
	nrLifeFixed = 6
)

// above4G is where the bus has the high memory of bare PAE machines. The lower halves of
// such entries name the frames that the kernel lies in.
const above4G = model.MFN(1 << 20)

// l1Slots is the number of slots of a leaf table of the booted systems.
const l1Slots = 8

// lowmem is the number of frames of low memory: enough for two processes.
func (c *lifeCase) lowmem() int {
	if c.levels == 4 {
		return 40
	}
	return 24
}

// high is the number of frames of high memory. Bare PAE machines always have some, so that
// both halves of the entries of pages matter; on two processors kmap_atomic would need a
// slot for each, which the model does not have.
func (c *lifeCase) high() int {
	n := c.uses().high
	if c.levels != 3 || c.profile != nil || c.smp {
		return n
	}
	return max(n, 2)
}

// geometry is the shape of the tables, with the kernel's half as eight spans of an
// L2 entry: low memory, the vmalloc area (slot 5; of 64 bits, the next root slot),
// kmaps (5), the fixmap (6) and the hypervisor's (7).
func (c *lifeCase) geometry() (*model.Geometry, error) {
	switch c.levels {
	case 2:
		return model.NewGeometry("tiny-2 16x8", 4, 16, l1Slots)
	case 3:
		g, err := model.NewGeometry("tiny-3 2x8x8", 8, 2, 8, l1Slots)
		if err == nil {
			g.PAERoot = true
		}
		return g, err
	}
	g, err := model.NewGeometry("tiny-4 8x2x8x8", 8, 8, 2, 8, l1Slots)
	if err == nil {
		g.SignExtend = true
	}
	return g, err
}

// kernelMap lays out the kernel: spare page, root and zero page first.
func (c *lifeCase) kernelMap(g *model.Geometry) model.KernelMap {
	half := model.VA(1) << (g.VABits() - 1)
	k := model.KernelMap{
		MaxLowPFN: model.PFN(c.lowmem()), Spare: 0, Root: 1, ZeroPage: 2,
		NrFixed: nrLifeFixed, LastPkmap: l1Slots, Highmem: c.high() > 0,
		FixSharedInfo: kernel.FixShared, PageOffset: half,
		// PAE kernels run on later processors.
		HasPGE: c.profile == nil && c.levels > 2, NX: c.levels > 2,
	}
	if c.levels == 4 {
		k.PageOffset = g.Wrap(half + g.Span(4))
	}
	k.PkmapBase = k.PageOffset + 5*g.Span(2)
	k.FixTop = k.PageOffset + 7*g.Span(2) - model.PageSize
	k.TextEnd = k.PageOffset + model.PageSize
	return k
}

// lifeMap says what the processes of a case use.
func (c *lifeCase) lifeMap(l *model.Layout) *model.LifeMap {
	t := c.uses()
	m := &model.LifeMap{
		MMs: t.mms, Vmalloc: l.Kernel.PageOffset + 4*l.Geo.Span(2), KmapPTE: fixKmapPTE, KmapPage: fixKmapPage,
		HighPTE: t.high > 0, Small: -1, Pages: []model.VA{model.PageSize},
	}
	if c.levels == 4 {
		m.Vmalloc = l.Kernel.PageOffset + l.Geo.Span(4)
	}
	if t.pages > 1 {
		// The second page lies where a 32-bit task has nothing.
		last := model.VA(l.UserSlots()-2) * l.Geo.Span(l.Geo.Root())
		m.Pages, m.Small, m.TaskSize = append(m.Pages, last), 1, l.Geo.Span(l.Geo.Root())
	}
	for _, k := range t.calls {
		m.Calls |= 1 << k
	}
	return m
}

// state boots a machine, by the real hooks from the real start of the day, and
// hands what is left of its memory to the page allocator.
func (c *lifeCase) state() (*model.State, error) {
	g, err := c.geometry()
	if err != nil {
		return nil, err
	}
	start, boot := c.startNative, native.Ops()
	if c.profile != nil {
		start, boot = c.startXen, xen.Ops()
	}
	s, err := start(g)
	if err != nil {
		return nil, err
	}
	k := hooks.New(model.NewMachine(s), &boot)
	k.M.Budget = s.L.Budget()
	if died := k.M.Run(func() { hooks.PagingInit(k); hooks.Zap(k) }); died != nil {
		return nil, &systems.BootDies{Start: c.name(), Crash: *died}
	}
	s.L.Life = c.lifeMap(s.L)
	ops := c.ops()
	k = hooks.New(k.M, &ops)
	if died := k.M.Run(func() { hooks.StartLife(k) }); died != nil {
		return nil, &systems.BootDies{Start: c.name(), Crash: *died}
	}
	s.TLB.Sticky = c.sticky
	if c.smp {
		two, rc := s.TwoProcessors()
		if rc != model.OK {
			return nil, fmt.Errorf("%s: the second processor does not start: %v", c.name(), rc)
		}
		return two, nil
	}
	return s, nil
}

// startNative is head.S's start of the day.
func (c *lifeCase) startNative(g *model.Geometry) (*model.State, error) {
	boot, err := model.NewGeometry("tiny-2 16x8", 4, 16, l1Slots)
	if err != nil {
		return nil, err
	}
	if c.levels == 2 {
		boot = g
	}
	cfg := native.Config{Geo: g, Boot: boot, Kernel: c.kernelMap(g), PG0: 3, High: c.high()}
	if g.Width == 8 {
		cfg.HighFrom = above4G
	}
	tables := (c.lowmem() + l1Slots - 1) / l1Slots
	cfg.Kernel.BootmemFirst = cfg.PG0 + model.PFN(tables)
	cfg.MapBeyondEnd = model.PA(tables)*model.PA(boot.Span(2)) - cfg.Kernel.BootmemFirst.PA()
	return native.StartOfDay(cfg)
}

// startXen is a domain builder's.
func (c *lifeCase) startXen(g *model.Geometry) (*model.State, error) {
	hyper := model.Hyper{Profile: c.profile, XenLevel: 2, XenFirst: 7, XenLast: 7}
	switch c.levels {
	case 2:
		hyper.XenFirst, hyper.XenLast = 15, 15
	case 4:
		hyper.XenLevel, hyper.XenFirst, hyper.XenLast = 4, 4, 4
	}
	n := c.lowmem() + c.high()
	cfg := xen.Config{Geo: g, Kernel: c.kernelMap(g), Hyper: hyper, P2M: make([]model.MFN, n)}
	base := model.MFN(0)
	if c.levels == 3 && c.profile.Modern {
		base = above4G
	}
	for i := range cfg.P2M {
		cfg.P2M[i] = base + model.MFN((i*5+3)%43+2)
	}
	cfg.Kernel.SharedInfo = base + 60
	cfg.Hyper.Extra = []model.Extra{{Name: "h", Kind: model.SharedInfo}}
	cfg.Extra = []model.MFN{cfg.Kernel.SharedInfo}
	next := model.PFN(3)
	take := func(level int) {
		cfg.Tables.Frames[level] = append(cfg.Tables.Frames[level], next)
		next++
	}
	for level := g.Levels; level > 1; level-- {
		take(level)
	}
	for range (c.lowmem() + l1Slots - 1) / l1Slots {
		take(1)
	}
	cfg.Kernel.PTBase, cfg.Kernel.BootmemFirst = cfg.Tables.Frames[g.Levels][0], next
	const final = model.Present | model.RW | model.Accessed | model.Dirty
	cfg.Tables.MapEnd = model.PFN(c.lowmem()).PA()
	cfg.Tables.Flags[1] = final
	for level := 2; level <= g.Levels; level++ {
		cfg.Tables.Flags[level] = final | model.User
	}
	if g.Levels == 3 {
		cfg.Tables.Flags[3] = model.Present
	}
	return xen.StartOfDay(cfg)
}
