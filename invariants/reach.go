package invariants

import "github.com/ptcheck/ptcheck/model"

// reach is what hangs on some roots, recounted from raw memory. Where memory is large it
// leaves out what the trees know already, see [reach.known].
type reach struct {
	s     *model.State
	trees *trees // what is known; nil: nothing
	memo  *reachMemo

	tables   marks // tables of any level, the roots too
	pages    marks // pages named by leaf entries outside the direct map
	writable marks // pages that any leaf entry maps writable
	kmapped  marks // pages named by the kmap area
	left     marks // tables that are left out, but for those below such ones

	counting bool    // count the entries of processes
	counted  marks   // the pages that such entries name
	mapped   []int32 // by how many of them each page is named
	ownWrite marks   // pages that such an entry maps writable
}

// from starts anew.
func (r *reach) from(c *Checker) {
	r.s, r.trees, r.memo, r.counting = c.s, nil, &c.memo, false
	if c.large {
		r.trees = &c.trees
	}
	r.counted.each(func(f model.Frame) { r.mapped[f] = 0 })
	for _, m := range [...]*marks{&r.tables, &r.pages, &r.writable, &r.kmapped, &r.left, &r.counted, &r.ownWrite} {
		m.reset()
	}
}

// known reports whether a table of a level is the kernel's own of a part of the direct map,
// at the address where that says it is: rules of a large memory look at such tables when
// they change.
func (r *reach) known(f model.Frame, level int, base model.VA) bool {
	return r.trees != nil && r.trees.ownDirect(r.s.L, f, level, base)
}

// root adds what hangs on a root.
func (r *reach) root(f model.Frame) {
	if f >= 0 {
		r.hangs(rootOf(r.s, r.s.L.Geo, f))
	}
}

// table adds a table and what is below it.
func (r *reach) table(t table) {
	t.walk(func(t table) bool {
		if r.known(t.frame, t.level, t.base) {
			r.left.add(t.frame)
			return false
		}
		r.tables.add(t.frame)
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
	if !e.Is(model.Present) {
		if f := keeps(l, e); f >= 0 && level == 1 {
			r.pages.add(f)
			r.mappedBy(va, f, false)
		}
		return
	}
	first, ok := leafBegins(l.Names(e), pages)
	if !ok {
		return
	}
	for p := range pages {
		f := l.Map.Frame(first + p)
		if e&model.RW != 0 {
			r.writable.add(f)
		}
		switch at := l.Geo.Wrap(va + model.VA(p)*model.PageSize); {
		case l.PA(at).PFN() < l.Kernel.MaxLowPFN: // the direct map
		case l.Kernel.Highmem && at >= l.Kernel.PkmapBase && at < l.Kernel.PkmapBase+model.VA(l.Kernel.LastPkmap)*model.PageSize:
			r.kmapped.add(f)
		default:
			r.pages.add(f)
			r.mappedBy(va, f, e&model.RW != 0)
		}
	}
}

// mappedBy counts an entry of a process. va is not sign-extended.
func (r *reach) mappedBy(va model.VA, f model.Frame, writable bool) {
	if half := model.VA(1) << (r.s.L.Geo.VABits() - 1); r.counting && va < half && f >= 0 {
		r.counted.add(f)
		r.mapped[f]++
		if writable {
			r.ownWrite.add(f)
		}
	}
}

// looked is a reach that is looked for once a step.
type looked struct {
	reach
	ready bool
	own   marks // the tables of processes and of the kernel
}

// all is what hangs on all roots: those of processes, the kernel's and those in use.
func (c *Checker) all() *looked {
	r := &c.everybody
	if !r.ready {
		r.from(c)
		r.processes()
		r.root(model.Frame(c.s.L.Kernel.Root))
		r.own.reset()
		r.tables.each(r.own.add)
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
		r.from(c)
		r.counting = true
		if n := c.s.L.Map.Frames(); len(r.mapped) < n {
			r.mapped = make([]int32, n)
		}
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
	k, r := &c.s.Kernel.Life, c.users()
	f = model.NoFrame
	r.counted.each(func(p model.Frame) {
		if n, has := int(r.mapped[p]), 1+k.Refs.Of(p); n > has && (f == model.NoFrame || p < f) {
			f, mapped, refs = p, n, has
		}
	})
	return f, mapped, refs
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
func (r *reach) inUse(v *view) {
	for _, f := range r.s.Roots() {
		r.root(f)
	}
	for pfn, ok := v.pinned.Next(0); ok; pfn, ok = v.pinned.Next(pfn + 1) {
		f, level := model.Frame(pfn), int(v.pins[pfn])
		if r.trees != nil && r.known(f, level, r.trees.kernel.base[f]) {
			r.left.add(f)
		} else {
			r.hangs(tableOf(r.s, r.s.L.Geo, f, level))
		}
	}
}

// descriptors are the frames that the guest has as descriptor tables.
func descriptors(s *model.State) (set model.FrameSet) {
	for _, f := range s.GDT {
		model.Put(&set, f, true)
	}
	if s.LDT.Mapped {
		model.Put(&set, s.LDT.Frame, true)
	}
	return set
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
