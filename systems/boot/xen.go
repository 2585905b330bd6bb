package boot

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/xen"
)

// xenCase is a member of the Xen family.
type xenCase struct {
	levels  int
	lowmem  int // frames of low memory
	mapped  int // of these, mapped by the builder
	p2m     func(pfn, n int) int
	profile *model.Profile
	// order places the kernel's and the builder's tables; see place.
	order  int
	stale  int // number of leaves with the builder's flags instead of the kernel's
	ro     bool
	nx     bool
	sticky bool
	wide   bool // PAE: four root slots instead of two, the last one empty; four levels: the fixmap below an L2 of its own
	real   bool // the geometries of real processors
	// split has low memory lie below two root slots, dom0 has the builder take its tables
	// as it comes to need them instead of level by level, and uncleared leaves in the
	// kernel's root what its memory held.
	split, dom0, uncleared bool

	places xenPlaces
	geo    *model.Geometry
}

// xenPlaces are the frames that mean something at the start of the day.
type xenPlaces struct {
	root, zero, spare model.PFN
	tables            [model.MaxLevels + 1][]model.PFN
	bootmem           model.PFN
}

func straight(pfn, _ int) int { return pfn + 1 }
func reversed(pfn, n int) int { return n - pfn }
func shuffled(pfn, n int) int { return (pfn*5+3)%(n|1) + 2 }

// high lies above 4 GiB: a 32-bit store holds half of such an entry.
func high(pfn, n int) int { return 1<<20 + n - pfn }

// xenCases lists the family: p2m maps, rules of the hypervisor, where root, zero
// page and the builder's tables lie, how much the builder maps, with which
// attributes, and what the TLB does. The last ones, of tight machines, need
// the memory that they have: they are left out where another one is asked for.
func xenCases(asked bool) []xenCase {
	old, now := model.Xen31(), model.Xen417()
	cases := []xenCase{
		{levels: 2, lowmem: 8, mapped: 8, p2m: straight, profile: old, stale: 8},
		{levels: 2, lowmem: 12, mapped: 8, p2m: reversed, profile: old, stale: 2, order: 1},
		{levels: 2, lowmem: 8, mapped: 8, p2m: shuffled, profile: old, stale: 2, ro: true, sticky: true},
		{levels: 3, lowmem: 16, mapped: 12, p2m: straight, profile: old, stale: 3, nx: true},
		{levels: 3, lowmem: 16, mapped: 12, p2m: high, profile: now, stale: 2, order: 1, ro: true, nx: true},
		{levels: 3, lowmem: 12, mapped: 12, p2m: shuffled, profile: old, stale: 6, order: 1, sticky: true},
		{levels: 3, lowmem: 16, mapped: 16, p2m: shuffled, profile: now, stale: 2, wide: true, nx: true},
		{levels: 4, lowmem: 16, mapped: 16, p2m: straight, profile: now, stale: 3, nx: true},
		{levels: 4, lowmem: 20, mapped: 16, p2m: reversed, profile: old, stale: 2, order: 1, ro: true},
		{levels: 4, lowmem: 16, mapped: 16, p2m: shuffled, profile: now, stale: 1, sticky: true},
		{levels: 4, lowmem: 16, mapped: 16, p2m: reversed, profile: now, stale: 1, wide: true},
	}
	if asked {
		return cases
	}
	return append(cases, []xenCase{
		{levels: 3, lowmem: 20, mapped: 20, p2m: shuffled, profile: now, stale: 1, split: true},
		{levels: 3, lowmem: 20, mapped: 20, p2m: straight, profile: old, stale: 1, split: true, dom0: true, uncleared: true},
		{levels: 4, lowmem: 24, mapped: 24, p2m: straight, profile: now, stale: 1, split: true, dom0: true},
		{levels: 4, lowmem: 24, mapped: 24, p2m: reversed, profile: old, stale: 1, split: true, uncleared: true},
		{levels: 2, lowmem: 8, mapped: 8, p2m: straight, profile: old, stale: 1, order: 1, uncleared: true},
	}...)
}

// underXen is a system of any hooks on a domain builder's tables, under Xen.
func underXen(name string, ops hooks.Ops, o kernel.Options) (*kernel.System, error) {
	s := &kernel.System{Name: name}
	if len(o.Drawn) > 0 {
		return drawnSystem(s, "xen", ops, o)
	}
	var geos []string
	most := 0 // leaves that the builder maps
	for _, c := range xenCases(o.Lowmem != 0 || o.Stale != 0) {
		if !o.Wants(c.levels) || o.Profile != nil && c.profile.Name != o.Profile.Name {
			continue
		}
		if o.Profile != nil {
			c.profile = o.Profile
		}
		if o.Lowmem != 0 {
			// As much as in the family's own member stays unmapped.
			c.lowmem, c.mapped = o.Lowmem, o.Lowmem-(c.lowmem-c.mapped)
		}
		c.stale, most = max(c.stale, min(o.Stale, c.mapped)), max(most, c.mapped)
		st, err := c.state()
		if err != nil {
			return nil, fmt.Errorf("system %s: %w", name, err)
		}
		if n := c.geo.Name; len(geos) == 0 || geos[len(geos)-1] != n {
			geos = append(geos, n)
		}
		s.Inits = append(s.Inits, kernel.Init{Name: c.name(), State: st})
	}
	if o.Stale > most && len(s.Inits) > 0 {
		return nil, fmt.Errorf("system %s: %d stale leaves: the builder of no machine in this scope maps more than %d", name, o.Stale, most)
	}
	s.Scope = fmt.Sprintf("%d start-of-day tables, geometries %v", len(s.Inits), geos)
	var err error
	if s.Inits, err = addOdd(s.Inits, o.Odd, xen.Ops(), func(n int) (*model.State, error) { c := oddXen(n); return c.state() }); err != nil {
		return nil, fmt.Errorf("system %s: %w", name, err)
	}
	return kernel.Finish(s, ops, o)
}

func (c *xenCase) name() string {
	n := fmt.Sprintf("%dlevel-%s-%df-%dmapped-%dstale", c.levels, c.profile.Name, c.lowmem, c.mapped, c.stale)
	if c.wide {
		n += "-wide"
	}
	for _, f := range []struct {
		on   bool
		name string
	}{{c.split, "split"}, {c.dom0, "dom0"}, {c.uncleared, "uncleared"}} {
		if f.on {
			n += "-" + f.name
		}
	}
	if c.ro {
		n += "-rodata"
	}
	if c.nx {
		n += "-nx"
	}
	if c.sticky {
		n += "-stickytlb"
	}
	return n
}

// geometry makes the case's geometry and says which slots are Xen's.
func (c *xenCase) geometry() (hyper model.Hyper, err error) {
	hyper = model.Hyper{Profile: c.profile, XenLevel: 2, XenFirst: 7, XenLast: 7}
	switch {
	case c.real && c.levels == 2:
		c.geo, hyper.XenFirst, hyper.XenLast = model.I386(), 1008, 1023
	case c.real:
		c.geo, hyper.XenFirst, hyper.XenLast = model.PAE(), 428, 511
	case c.levels == 2:
		c.geo, err = model.NewGeometry("tiny-2 16x4", 4, 16, 4)
		hyper.XenFirst, hyper.XenLast = 15, 15
	case c.levels == 3 && c.split:
		c.geo, err = tinyPAE(4, 4)
		hyper.XenFirst, hyper.XenLast = 3, 3
	case c.levels == 3 && c.wide:
		c.geo, err = tinyPAE(4, 8)
	case c.levels == 3:
		c.geo, err = tinyPAE(2, 8)
	default:
		l2 := 8
		if c.split {
			l2 = 2
		}
		if c.geo, err = model.NewGeometry(fmt.Sprintf("tiny-4 8x2x%dx4", l2), 8, 8, 2, l2, 4); err == nil {
			c.geo.SignExtend = true
		}
		hyper.XenLevel, hyper.XenFirst, hyper.XenLast = 4, 4, 4
	}
	return hyper, err
}

// place lays out the frames: kernel first (order 0) or the builder's tables
// first (order 1); the boot allocator comes last.
func (c *xenCase) place() {
	var next model.PFN
	take := func() model.PFN { next++; return next - 1 }
	p := &c.places
	kernel := func() { p.spare, p.root, p.zero = take(), take(), take() }
	builder := func() {
		for _, level := range builderOrder(c.geo, c.mapped, c.dom0) {
			p.tables[level] = append(p.tables[level], take())
		}
		if c.wide && c.levels == 3 {
			p.tables[2] = append(p.tables[2], take())
		}
	}
	if c.order == 0 {
		kernel()
		builder()
	} else {
		builder()
		kernel()
	}
	p.bootmem = next
}

// builderOrder are the levels of the tables that map so many frames, in the order in which
// the builder takes theirs: of a guest level by level from the root down (Xen: xc_dom_x86.c, alloc_pgtables),
// of dom0 whenever the one before it is full (domain_build.c).
func builderOrder(g *model.Geometry, mapped int, dom0 bool) (levels []int) {
	for leaf := range (mapped + g.Slots[1] - 1) / g.Slots[1] {
		levels = append(levels, tablesBefore(g, leaf)...)
	}
	if !dom0 {
		slices.SortStableFunc(levels, func(a, b int) int { return b - a })
	}
	return levels
}

// tablesBefore are the levels of the tables that come with a leaf table, by its number: its
// own is the last.
func tablesBefore(g *model.Geometry, leaf int) []int {
	levels, span := []int{1}, 1
	for level := 2; level < g.Levels; level++ {
		if span *= g.Slots[level]; leaf%span == 0 {
			levels = append([]int{level}, levels...)
		}
	}
	if leaf == 0 {
		levels = append([]int{g.Levels}, levels...)
	}
	return levels
}

// state builds the start-of-day state of a case.
func (c *xenCase) state() (*model.State, error) {
	hyper, err := c.geometry()
	if err != nil {
		return nil, err
	}
	c.places = xenPlaces{}
	c.place()
	// Copies of the middle levels, a table for the fixmap and those for unmapped
	// low memory must be mapped from the start: they are written before they are
	// linked.
	need := int(c.places.bootmem) + 1 + (c.lowmem-c.mapped+3)/4
	for level := 2; level < c.levels; level++ {
		need += len(c.places.tables[level])
	}
	if c.levels == 4 && (c.wide || c.split) {
		need++ // the fixmap's own L2
	}
	if c.mapped < need || c.mapped > c.lowmem || c.lowmem > 24 {
		return nil, fmt.Errorf("%d frames of low memory, %d mapped at the start of the day: want %d mapped and at most 24 in all", c.lowmem, c.mapped, need)
	}
	cfg := xen.Config{Geo: c.geo, Kernel: c.kernelMap(), Hyper: hyper, P2M: make([]model.MFN, c.lowmem)}
	for i := range cfg.P2M {
		cfg.P2M[i] = model.MFN(c.p2m(i, c.lowmem))
	}
	cfg.Hyper.Extra = []model.Extra{{Name: "h", Kind: model.SharedInfo}}
	cfg.Extra = []model.MFN{cfg.Kernel.SharedInfo}
	cfg.Tables = c.tables()
	s, err := xen.StartOfDay(cfg)
	if err != nil {
		return nil, err
	}
	if c.uncleared {
		s.Soil(model.Frame(c.places.root))
		s.Commit()
	}
	s.TLB.Sticky = c.sticky
	return s, nil
}

// tables describes the builder's tables: most leaves look as the kernel will
// make them, so that rewriting them leads to no new state; the first few do not.
func (c *xenCase) tables() xen.Tables {
	const final = model.Present | model.RW | model.Accessed | model.Dirty
	t := xen.Tables{
		Frames:  c.places.tables,
		MapEnd:  model.PFN(c.mapped).PA(),
		Leaves:  map[model.PFN]model.Entry{},
		ExtraL2: c.wide && c.levels == 3,
	}
	t.Flags[1] = final
	for n := 2; n <= c.levels; n++ {
		t.Flags[n] = final | model.User
	}
	if c.levels == 3 {
		t.Flags[3] = model.Present
	}
	if c.nx && c.levels == 4 {
		// Making an entry keeps the NX bit there; two pages are kernel text.
		for pfn := 2; pfn < c.mapped; pfn++ {
			t.Leaves[model.PFN(pfn)] = final | model.NX
		}
	}
	for pfn := range c.stale {
		t.Leaves[model.PFN(pfn)] = model.Present | model.RW | model.User | model.Accessed
	}
	if c.ro {
		t.Leaves[c.places.spare] = model.Present | model.Accessed | model.User
	}
	return t
}

func (c *xenCase) kernelMap() model.KernelMap {
	half := model.VA(1) << (c.geo.VABits() - 1)
	k := model.KernelMap{
		MaxLowPFN:     model.PFN(c.lowmem),
		Root:          c.places.root,
		ZeroPage:      c.places.zero,
		BootmemFirst:  c.places.bootmem,
		NrFixed:       kernel.NrFixed,
		LastPkmap:     c.geo.Slots[1],
		PTBase:        c.places.tables[c.levels][0],
		SharedInfo:    model.MFN(c.lowmem + 20),
		FixSharedInfo: kernel.FixShared,
		Spare:         c.places.spare,
		NX:            c.nx,
		PageOffset:    half,
	}
	if c.levels == 4 {
		// The hypervisor's slot is the first of the upper half.
		k.PageOffset = c.geo.Wrap(half + c.geo.Span(4))
	}
	// The fixmap ends one page short of the last L2 span below Xen's slot.
	base := k.PageOffset
	if c.wide {
		base += c.geo.Span(3)
	}
	spans := model.VA(7)
	switch {
	case c.real && c.levels == 2:
		spans = 1008 - 512
	case c.real:
		spans = 428
	}
	k.FixTop = base + spans*c.geo.Span(2) - model.PageSize
	k.TextEnd = k.PageOffset + model.PageSize
	return k
}
