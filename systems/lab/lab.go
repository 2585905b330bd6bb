package lab

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
)

// Config says which guest runs a script, and under which rules.
type Config struct {
	Bits    int             // 64, or 32 for PAE
	Guest   model.GuestKind // AnyGuest stands for Dom0
	Profile *model.Profile  // nil: Xen 4.17
	Script  int             // length of the script in bytes; it moves the start of day
	Image   Image           // zero: DefaultImage
}

// Guest is the executor: its machine, and what it remembers.
type Guest struct {
	M      *model.Machine
	Config Config

	area   area
	levels int
	place  placement
	pool   [script.PoolFrames]model.MFN
	boot   []model.MFN // all boot tables, in the builder's order
	path   [model.MaxLevels + 1]model.MFN
	copy   [model.MaxLevels + 1][]model.Entry // the boot tables' entries at the start
	root   model.MFN                          // the root in use, as far as the executor knows

	nextPFN             model.PFN // dom0's pages from here on are taken
	gdtLoaded, userRoot bool
	quiet               uint64
	gone                bool   // the executor is no longer mapped
	dead                string // what it printed before it gave up
	out                 []byte
	lines               []string
	mark                int    // where the answer begins in the line being printed; 0: it has none
	said                string // the last operation's answer, if it can be told apart
}

// New boots the guest.
func New(c Config) (*Guest, error) {
	if c.Bits != 32 && c.Bits != 64 {
		return nil, fmt.Errorf("a guest of %d bits: want 32 or 64", c.Bits)
	}
	if c.Profile == nil {
		c.Profile = model.Xen417()
	}
	if c.Guest == model.AnyGuest {
		c.Guest = model.Dom0
	}
	if c.Image == (Image{}) {
		c.Image = DefaultImage(c.Bits)
	}
	g := &Guest{Config: c, area: layOut(c.Bits, c.Image, c.Script)}
	g.place = place(g.area.modulePages)
	l, err := g.layout()
	if err != nil {
		return nil, err
	}
	g.levels = l.Geo.Levels
	s := model.NewState(l)
	s.CPU.NXE, s.TLB.Sticky = true, true
	root := g.area.build(s, c.Image)
	if rc := s.AdoptGuest(root); rc != model.OK {
		return nil, fmt.Errorf("the hypervisor refuses the start of the day: %v", rc)
	}
	g.M = model.NewMachine(s)
	g.setup()
	return g, nil
}

// layout describes the machine.
func (g *Guest) layout() (*model.Layout, error) {
	frames := machineFrames(g.Config.Image.Pages, g.area.modulePages)
	m, err := model.NewPhysMap(frames, []model.MFN{g.place.shared, g.place.xen})
	if err != nil {
		return nil, err
	}
	h := &model.Hyper{
		Profile: g.Config.Profile,
		Regions: regions(),
		Extra:   []model.Extra{{Name: "h", Kind: model.SharedInfo}, {Name: "x", Kind: model.XenOwned}},
	}
	g.Config.Guest.Describe(h)
	l := &model.Layout{Map: m, Hyper: h, AccessBits: true}
	own := model.Present | model.RW | model.Accessed | model.Dirty
	if g.Config.Bits == 64 {
		l.Geo = model.AMD64()
		h.XenLevel, h.XenFirst, h.XenLast, h.XenSelf = 4, 256, 271, 258
		h.XenEntries = make([]model.Entry, 16)
		h.XenEntries[2] = own | model.NX
		h.XenEntries[4] = model.MakeEntry(g.place.perDomain, own|model.NX)
		h.XenEntries[5] = model.MakeEntry(xenImage, own)
		h.XenEntries[6] = model.MakeEntry(directMap, own|model.NX)
		h.XenOnLoad = model.MakeEntry(g.place.xen, model.Present|model.User|model.Accessed|model.NX)
		return l, nil
	}
	l.Geo = model.PAE()
	h.XenLevel, h.XenFirst, h.XenLast = 2, 428, 511
	h.XenEntries = make([]model.Entry, 84)
	h.XenEntries[0] = model.MakeEntry(g.place.xen, model.Present|model.PSE)
	return l, nil
}

// va returns the address of a page of the start-of-day area.
func (g *Guest) va(page model.PFN) model.VA {
	return g.area.base + model.VA(page)<<model.PageShift
}

// page returns the address of pool page n.
func (g *Guest) page(n int) model.VA { return g.va(g.Config.Image.Slots + model.PFN(n)) }

// setup is what the executor does first: it takes its pool, finds the boot
// tables and unmaps the pool's pages.
func (g *Guest) setup() {
	m, l := g.M, g.M.L
	m.UpdateVAMapping(g.va(g.Config.Image.Shared), model.MakeEntry(g.place.shared, model.Present|model.RW), model.UVMFInvlpg)
	g.nextPFN = domPages
	for i := range g.pool {
		g.pool[i] = g.spareFrame()
	}
	for i := range min(g.area.nrTables, script.BootFrames) {
		g.boot = append(g.boot, l.Map.MFN(model.Frame(int(g.area.tables)+i)))
	}
	g.root = g.boot[0]
	f := l.Map.Frame(g.root)
	for level := g.levels; level > 0; level-- {
		g.path[level] = l.Map.MFN(f)
		f = l.Map.Frame(m.Entry(l.Geo, f, l.Geo.Index(g.page(0), level)).MFN())
	}
	for i := range script.PoolPages {
		m.UpdateVAMapping(g.page(i), 0, model.UVMFNone)
	}
	g.unpeek()
	g.live()
	for level := 1; level <= g.levels; level++ {
		f := l.Map.Frame(g.path[level])
		for slot := range l.Geo.Slots[level] {
			g.copy[level] = append(g.copy[level], m.Entry(l.Geo, f, slot))
		}
	}
}

// spareFrame returns a frame that nothing refers to: the last of dom0's pages
// that the start-of-day area does not map.
func (g *Guest) spareFrame() model.MFN {
	if g.nextPFN <= g.area.end {
		g.die("out of frames")
		return 0
	}
	g.nextPFN--
	return g.M.L.Map.MFN(model.Frame(g.nextPFN))
}

// live leaves the traces of an executor that runs: its code is read and its data
// written. It dies where it is no longer mapped.
func (g *Guest) live() {
	for _, a := range [...]struct {
		page  model.PFN
		write bool
	}{{g.Config.Image.Code, false}, {g.Config.Image.Data, true}} {
		if _, fault := g.M.Access(g.va(a.page), a.write); fault != model.WalkOK {
			g.gone = true
		}
	}
	g.M.Commit()
}

// die makes the executor give up.
func (g *Guest) die(why string) {
	if g.dead == "" {
		g.dead = why
	}
}
