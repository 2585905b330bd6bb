package xen

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

// Config describes a paravirtual guest at the moment it enters its C code.
type Config struct {
	Geo    *model.Geometry
	Kernel model.KernelMap
	// Early is what a later kernel starts from; nil for 2007's.
	Early *model.EarlyMap
	Hyper model.Hyper
	// P2M are the machine frame numbers of the guest's memory, in PFN order.
	P2M []model.MFN
	// Extra are the machine frame numbers of Hyper.Extra.
	Extra  []model.MFN
	Tables Tables
}

// Tables describes the page tables that the domain builder made (Xen:
// tools/libxc/xc_dom_x86.c).
type Tables struct {
	// Frames are the table frames by level, in order of use. Frames[Levels] holds
	// the root alone.
	Frames [model.MaxLevels + 1][]model.PFN
	// MapEnd is how many bytes, from physical 0, are mapped at PAGE_OFFSET.
	MapEnd model.PA
	// Flags are the flags of entries by level.
	Flags [model.MaxLevels + 1]model.Entry
	// ExtraL2 says that the last L2 frame goes, empty, into the last root slot.
	ExtraL2 bool
	// Xen are entries that the hypervisor keeps in its slots, if there is a table
	// for them.
	Xen []XenEntry
	// Leaves are frames whose leaf entries have other flags than Flags[1]; 0
	// leaves a frame unmapped. Table frames are read-only in any case.
	Leaves map[model.PFN]model.Entry
	// Loaded are frames that are mapped at an address of their own, too: an initrd, the
	// list of machine frames. Their tables are the last of Frames, in the same order.
	Loaded []Loaded
}

// Loaded are frames with an address besides that in the direct map.
type Loaded struct {
	Frames model.FrameRange
	Base   model.VA
}

// XenEntry is an entry in one of the hypervisor's slots.
type XenEntry struct {
	Slot int
	Raw  model.Entry
}

// StartOfDay returns the guest as the domain builder hands it to the kernel: on
// finished tables, all of them read-only, the root pinned and in CR3.
func StartOfDay(c Config) (*model.State, error) {
	m, err := model.NewPhysMap(c.P2M, c.Extra)
	if err != nil {
		return nil, err
	}
	b := &builder{c: &c, l: &model.Layout{Geo: c.Geo, Map: m, Kernel: c.Kernel, Early: c.Early, Hyper: &c.Hyper}}
	if err := b.check(); err != nil {
		return nil, err
	}
	b.s = model.NewState(b.l)
	if err := b.build(); err != nil {
		return nil, err
	}
	root := model.Frame(b.root())
	s := b.s
	s.CPU.CR4 = model.CR4PAE
	s.CPU.NXE = true
	s.Kernel.InitMM = root
	s.Kernel.XenCR3 = root
	if rc := s.AdoptGuest(root); rc != model.OK {
		return nil, fmt.Errorf("xen: start of day: the hypervisor refuses the builder's tables: %v", rc)
	}
	first := c.Kernel.BootmemFirst
	if c.Early != nil {
		first = c.Early.Image
	}
	s.Litter(model.FrameRange{From: first, To: model.PFN(m.Guest())})
	s.Commit()
	ops := Ops()
	ops.Start(s)
	return s, nil
}

// builder makes the start-of-day tables.
type builder struct {
	c    *Config
	l    *model.Layout
	s    *model.State
	used [model.MaxLevels + 1]int
	ro   map[model.PFN]bool
}

func (b *builder) root() model.PFN { return b.c.Tables.Frames[b.c.Geo.Root()][0] }

// check looks at the frame numbers; which tables are enough is for build to
// find out.
func (b *builder) check() error {
	t := &b.c.Tables
	if n := len(t.Frames[b.c.Geo.Root()]); n != 1 {
		return fmt.Errorf("xen: start of day: %d root tables, want 1", n)
	}
	b.ro = make(map[model.PFN]bool)
	for level := 1; level <= b.c.Geo.Levels; level++ {
		for _, pfn := range t.Frames[level] {
			if int(pfn) >= len(b.c.P2M) {
				return fmt.Errorf("xen: start of day: L%d table frame %#x is not the guest's", level, pfn)
			}
			if b.ro[pfn] {
				return fmt.Errorf("xen: start of day: frame %#x is used for two tables", pfn)
			}
			b.ro[pfn] = true
		}
	}
	if int(t.MapEnd.PFN()) > len(b.c.P2M) {
		return fmt.Errorf("xen: start of day: mapped range %#x exceeds the guest's memory", t.MapEnd)
	}
	return nil
}

func (b *builder) build() error {
	t, g := &b.c.Tables, b.c.Geo
	b.used[g.Root()] = 1
	for pfn := range t.MapEnd.PFN() {
		table, err := b.l1For(b.l.VA(pfn.PA()))
		if err != nil {
			return err
		}
		flags, special := t.Leaves[pfn]
		if !special {
			flags = t.Flags[1]
		}
		if b.ro[pfn] {
			flags &^= model.RW
		}
		if flags != 0 {
			b.s.SetEntry(g, table, g.Index(b.l.VA(pfn.PA()), 1), model.MakeEntry(b.l.Map.MFN(model.Frame(pfn)), flags))
		}
	}
	for _, x := range t.Loaded {
		for pfn := x.Frames.From; pfn < x.Frames.To; pfn++ {
			va := x.Base + model.VA(pfn-x.Frames.From)*model.PageSize
			table, err := b.l1For(va)
			if err != nil {
				return err
			}
			b.s.SetEntry(g, table, g.Index(va, 1), model.MakeEntry(b.l.Map.MFN(model.Frame(pfn)), t.Flags[1]))
		}
	}
	return b.addExtras()
}

// l1For returns the L1 table for an address, taking new tables where missing.
func (b *builder) l1For(va model.VA) (model.Frame, error) {
	g := b.c.Geo
	table := model.Frame(b.root())
	for level := g.Root(); level > 1; level-- {
		slot := g.Index(va, level)
		if b.l.XenSlot(level, slot, level == 2) && g.Levels != 3 {
			return 0, fmt.Errorf("xen: start of day: address %#x lies in the hypervisor's slots", va)
		}
		e := b.s.Entry(g, table, slot)
		if !e.Is(model.Present) {
			pfn, ok := b.take(level - 1)
			if !ok {
				return 0, fmt.Errorf("xen: start of day: too few L%d tables to map up to %#x", level-1, va)
			}
			e = b.pointer(pfn, level)
			b.s.SetEntry(g, table, slot, e)
		}
		table = b.l.Map.Frame(e.MFN())
	}
	return table, nil
}

func (b *builder) take(level int) (model.PFN, bool) {
	frames := b.c.Tables.Frames[level]
	if b.used[level] == len(frames) {
		return 0, false
	}
	b.used[level]++
	return frames[b.used[level]-1], true
}

func (b *builder) pointer(pfn model.PFN, level int) model.Entry {
	return model.MakeEntry(b.l.Map.MFN(model.Frame(pfn)), b.c.Tables.Flags[level])
}

// addExtras puts in the empty last L2 of a PAE guest and the hypervisor's own
// entries.
func (b *builder) addExtras() error {
	t, g := &b.c.Tables, b.c.Geo
	if g.Levels == 3 {
		last := g.Slots[3] - 1
		root := model.Frame(b.root())
		if t.ExtraL2 {
			pfn, ok := b.take(2)
			if !ok || b.s.Entry(g, root, last) != 0 {
				return fmt.Errorf("xen: start of day: no L2 table to spare for the last root slot, or it is taken")
			}
			b.s.SetEntry(g, root, last, b.pointer(pfn, 3))
		}
		if e := b.s.Entry(g, root, last); e.Is(model.Present) {
			b.putXen(b.l.Map.Frame(e.MFN()))
		}
		return nil
	}
	b.putXen(model.Frame(b.root()))
	return nil
}

func (b *builder) putXen(table model.Frame) {
	for _, x := range b.c.Tables.Xen {
		b.s.SetEntry(b.c.Geo, table, x.Slot, x.Raw)
	}
}
