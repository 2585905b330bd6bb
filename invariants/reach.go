package invariants

import "github.com/ptcheck/ptcheck/model"

// reach is what hangs on some roots, recounted from raw memory. Frames are bits:
// machines that live on after the boot have at most 64.
type reach struct {
	s *model.State

	tables   uint64 // tables of any level, the roots too
	pages    uint64 // pages named by leaf entries outside the direct map
	writable uint64 // pages that any leaf entry maps writable
	kmapped  uint64 // pages named by the kmap area

	counting bool      // count the entries of processes
	mapped   [64]uint8 // by how many such entries a page is named
	ownWrite uint64    // pages that such an entry maps writable
}

func bit(f model.Frame) uint64 {
	if f < 0 || f > 63 {
		return 0
	}
	return 1 << uint(f)
}

// from starts anew.
func (r *reach) from(s *model.State) { *r = reach{s: s} }

// root adds what hangs on a root.
func (r *reach) root(f model.Frame) {
	if f >= 0 {
		r.table(rootOf(r.s, r.s.L.Geo, f))
	}
}

// table adds a table and what is below it.
func (r *reach) table(t table) {
	t.walk(func(t table) bool {
		r.tables |= bit(t.frame)
		return r.s.L.Map.IsGuest(t.frame)
	}, func(t table, slot int, e model.Entry) bool {
		r.leaf(t.level, t.base+model.VA(slot)*t.g.Span(t.level), e)
		return true
	})
}

// leaf adds what a leaf entry names. An entry without rights keeps its page by the
// kernel's own number for it.
func (r *reach) leaf(level int, va model.VA, e model.Entry) {
	l := r.s.L
	pages := model.MFN(l.Geo.Span(level) / model.PageSize)
	first := l.Names(e) / pages * pages
	switch {
	case !e.Is(model.Present):
		if f := keeps(l, e); f >= 0 && level == 1 {
			r.pages |= bit(f)
			r.mappedBy(va, f, false)
		}
		return
	}
	for p := range pages {
		f := l.Map.Frame(first + p)
		if e&model.RW != 0 {
			r.writable |= bit(f)
		}
		switch at := l.Geo.Wrap(va + model.VA(p)*model.PageSize); {
		case l.PA(at).PFN() < l.Kernel.MaxLowPFN: // the direct map
		case l.Kernel.Highmem && at >= l.Kernel.PkmapBase && at < l.Kernel.PkmapBase+model.VA(l.Kernel.LastPkmap)*model.PageSize:
			r.kmapped |= bit(f)
		default:
			r.pages |= bit(f)
			r.mappedBy(va, f, e&model.RW != 0)
		}
	}
}

// mappedBy counts an entry of a process. va is not sign-extended.
func (r *reach) mappedBy(va model.VA, f model.Frame, writable bool) {
	if half := model.VA(1) << (r.s.L.Geo.VABits() - 1); r.counting && va < half && bit(f) != 0 {
		r.mapped[f]++
		if writable {
			r.ownWrite |= bit(f)
		}
	}
}

// looked is a reach that is looked for once a step.
type looked struct {
	reach
	ready bool
	own   uint64 // the tables of processes and of the kernel
}

// all is what hangs on all roots: those of processes, the kernel's and those in use.
func (c *Checker) all() *looked {
	r := &c.everybody
	if !r.ready {
		r.from(c.s)
		r.processes()
		r.root(model.Frame(c.s.L.Kernel.Root))
		r.own = r.tables
		for _, f := range c.s.Roots() {
			r.root(f)
		}
		r.ready = true
	}
	return r
}

// users counts the entries of processes that map each page.
func (c *Checker) users() *looked {
	r := &c.mapped
	if !r.ready {
		r.from(c.s)
		r.counting = true
		for i := range c.s.Kernel.Life.MM {
			r.root(c.s.Kernel.Life.MM[i].Root)
		}
		r.ready = true
	}
	return r
}

// overmapped is the first page that processes map more often than the kernel has
// references to it, NoFrame if there is none, with both numbers.
func (c *Checker) overmapped() (f model.Frame, mapped, refs int) {
	k := &c.s.Kernel.Life
	for f, n := range c.users().mapped {
		if int(n) > 1+int(k.Refs[f]) {
			return model.Frame(f), int(n), 1 + int(k.Refs[f])
		}
	}
	return model.NoFrame, 0, 0
}

// processes adds the roots of all processes, those of user mode too.
func (r *reach) processes() {
	if r.s.L.Life == nil {
		return
	}
	for i := range r.s.Kernel.Life.MM {
		mm := &r.s.Kernel.Life.MM[i]
		r.root(mm.Root)
		r.root(mm.User)
	}
}

// inUse adds the roots that processors use, and the pins.
func (r *reach) inUse() {
	for _, f := range r.s.Roots() {
		r.root(f)
	}
	if r.s.L.Hyper == nil {
		return
	}
	for f := range model.Frame(r.s.L.Map.Guest()) {
		if i := r.s.InfoAt(f); i.Is(model.Pinned) && i.Typ.Level() > 0 {
			r.table(tableOf(r.s, r.s.L.Geo, f, i.Typ.Level()))
		}
	}
}

// descriptors are the frames that the guest has as descriptor tables.
func descriptors(s *model.State) (set uint64) {
	for _, f := range s.GDT {
		set |= bit(f)
	}
	if s.LDT.Mapped {
		set |= bit(s.LDT.Frame)
	}
	return set
}

// lowest is the lowest frame of a set, NoFrame if it is empty.
func lowest(set uint64) model.Frame {
	for f := range model.Frame(64) {
		if set&bit(f) != 0 {
			return f
		}
	}
	return model.NoFrame
}

// quiet reports whether a call ends at this step while nobody is in the middle of
// one and nothing may be held back.
func (c *Checker) quiet(st *model.Step) bool {
	if st.Op != model.OpCallEnd || st.Busy {
		return false
	}
	for i := range c.s.Processors() {
		if c.s.Kernel.Life.CPU[i].Lazy != model.LazyNone {
			return false
		}
	}
	return true
}

// whoever adds to a detail the first entry that fits, of all trees that are in use or
// somebody's, if there is one.
func (c *Checker) whoever(d Detail, fits func(t table, e model.Entry) bool) Detail {
	found := false
	look := func(t table) bool {
		for slot, e := range t.entries {
			if !found && fits(t, e) {
				found = true
				d = d.WithEntry(t.frame, slot, e)
			}
		}
		return !found
	}
	roots := c.s.Roots()
	all := append(roots[:], model.Frame(c.s.L.Kernel.Root))
	for i := range c.s.Kernel.Life.MM {
		if c.s.L.Life != nil {
			all = append(all, c.s.Kernel.Life.MM[i].Root, c.s.Kernel.Life.MM[i].User)
		}
	}
	for _, f := range all {
		rootOf(c.s, c.s.L.Geo, f).eachTable(look)
	}
	for f := range model.Frame(c.s.L.Map.Guest()) {
		if c.s.L.Hyper == nil {
			break
		}
		if i := c.s.InfoAt(f); i.Is(model.Pinned) && i.Typ.Level() > 0 {
			tableOf(c.s, c.s.L.Geo, f, i.Typ.Level()).eachTable(look)
		}
	}
	return d
}
