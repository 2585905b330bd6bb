package invariants

import (
	"math/bits"

	"github.com/ptcheck/ptcheck/model"
)

// unflushed is a change of an entry after which processors may have cached what the
// tables do not grant any more.
//
// A processor may have cached any translation that the tables have granted since its last
// flush that covers it: it fills its TLB when it likes, from every entry that its CR3
// leads to, from the moment that CR3 is loaded and whatever the kernel's own notes say of
// who uses which tables (Intel SDM vol. 3, 4.10.2.3 and 4.10.4.4). That set is not kept,
// and no state is needed for it. A translation of it is granted still, or an entry on its
// way has changed, the first one of them at a time when the processor reached it from its
// root: a load of another root in between would have dropped the translation, unless it is
// global, and a global one counts as reached by all. So the first changes stand for the
// set, each for the translations through its entry, with the processors that reached it;
// and what a later change below it does is covered by the first.
type unflushed struct {
	table model.Frame
	slot  int
	level int
	va    model.VA
	geo   *model.Geometry
	old   model.Entry
	cpus  uint8 // the processors that may have it cached, by bit
	// global says that it granted translations that a load of CR3 leaves.
	global bool
	// empty says that nothing was mapped through the table that the entry named: a
	// processor may hold no more than the way to it.
	empty bool
	// reused says that the address was used before, by way of an entry that is gone, and
	// that a processor still has the translation.
	reused bool
}

// noteUnflushed remembers the changes of a step after which a cached translation is wrong.
func (c *Checker) noteUnflushed(st *model.Step) {
	here := uint8(1) << st.CPU
	users := here // of the tables under CR3
	if c.s.Processors() > 1 && c.trees.other.geo == nil {
		users |= here ^ 3
	}
	first := len(c.call.late)
	for i := range c.trees.edits {
		switch e := &c.trees.edits[i]; {
		case e.trees&inActive != 0:
			c.noteChange(&c.trees.active, e, users, here, first)
		case e.trees&inKernel != 0: // cached by whom, if it is global
			c.noteChange(&c.trees.kernel, e, 0, here, first)
		}
	}
	for i := range c.trees.elsewhere {
		c.noteChange(&c.trees.other, &c.trees.elsewhere[i], here^3, here, first)
	}
}

// noteChange remembers a changed entry of a tree that some processors use. Changes from
// first on are of the same step.
func (c *Checker) noteChange(in *tree, e *edit, cpus, here uint8, first int) {
	t := tableOf(c.s, in.geo, e.table, e.level)
	u := unflushed{table: e.table, slot: e.slot, level: e.level, va: in.address(e.table, e.level, e.slot), geo: in.geo, old: e.old}
	switch {
	case !e.old.Is(model.Present):
		if u.reused = e.level == 1 && e.now.Is(model.Present) && c.lazilyFlushed(u.va); u.reused {
			cpus = c.cachedElsewhere(u.va, e.now)
		} else {
			return
		}
	case !c.takesAway(t, &u, e.now):
		return
	default:
		u.global = c.grantsGlobal(t, e.slot, e.old)
		u.empty = !t.isLeaf(e.old) && !t.mapsThrough(e.slot, e.old)
	}
	if u.global {
		cpus = 1<<c.s.Processors() - 1
	}
	if c.ownAddress(u.va) {
		cpus &= here
	}
	for i := first; i < len(c.call.late); i++ {
		if l := &c.call.late[i]; l.table == u.table && l.slot == u.slot && l.level == u.level {
			l.cpus |= cpus
			return
		}
	}
	if u.cpus = cpus; cpus != 0 {
		c.call.late = append(c.call.late, u)
	}
}

// takesAway reports whether a present entry of a table grants less when it becomes another
// one, or leads elsewhere.
func (c *Checker) takesAway(t table, u *unflushed, now model.Entry) bool {
	switch {
	case !now.Is(model.Present):
		return u.level > 1 || !c.lazilyFlushed(u.va)
	case t.isLeaf(u.old) != t.isLeaf(now):
		return false
	}
	return c.s.L.Names(u.old) != c.s.L.Names(now) || c.loses(u.old, now, u.va)
}

// loses reports whether an entry loses a right that somebody counts on its losing: in the
// user's part, and on bare metal after boot. Guests leave it to their hypervisor to flush
// when a page becomes a table.
func (c *Checker) loses(old, now model.Entry, va model.VA) bool {
	if va >= c.s.L.Kernel.PageOffset && (c.s.L.Hyper != nil || c.s.L.Life == nil) {
		return false
	}
	const grants = model.RW | model.User
	return old&^now&grants != 0 || c.s.CPU.NXE && now&^old&model.NX != 0
}

// grantsGlobal reports whether a present entry grants translations that a load of CR3
// leaves where they are.
func (c *Checker) grantsGlobal(t table, slot int, e model.Entry) (found bool) {
	if c.s.CPU.CR4&model.CR4PGE == 0 {
		return false
	}
	if t.isLeaf(e) {
		return e.Is(model.Global)
	}
	t.child(slot, e).walk(nil, func(_ table, _ int, e model.Entry) bool {
		found = e.Is(model.Present | model.Global)
		return !found
	})
	return found
}

// lazilyFlushed reports whether an address is one that the kernel flushes when it is used
// again, not when it is given up.
func (c *Checker) lazilyFlushed(va model.VA) bool {
	life := c.s.L.Life
	return life != nil && life.LazyVmap && va == life.Vmalloc
}

// ownAddress reports whether no processor but the running one has any use for an address:
// that of a kmap_atomic.
func (c *Checker) ownAddress(va model.VA) bool {
	life := c.s.L.Life
	return life != nil && (va == c.s.L.Fix(life.KmapPTE) || va == c.s.L.Fix(life.KmapPage))
}

// cachedElsewhere are the processors that have a page cached which a leaf leads
// elsewhere, by bit.
func (c *Checker) cachedElsewhere(page model.VA, leaf model.Entry) (cpus uint8) {
	for n := range c.s.Processors() {
		if t, ok := c.s.TLBOf(n).Of(page); ok && t.Frame != c.s.L.Map.Frame(c.s.L.Names(leaf)) {
			cpus |= 1 << n
		}
	}
	return cpus
}

// flushed forgets the changes that a flush on some processors covers: of one page, or all
// for nil, those of global translations only if that is said. It reports whether there
// were any.
func (c *Checker) flushed(cpus uint8, page *model.VA, global bool) (had bool) {
	for n := range c.calls {
		m := &c.calls[n]
		kept := m.late[:0]
		for _, u := range m.late {
			if u.cpus&cpus != 0 && (global || !u.global) && (page == nil || c.covers(&u, *page)) {
				had = true
				u.cpus &^= cpus
			}
			if u.cpus != 0 {
				kept = append(kept, u)
			}
		}
		m.late = kept
	}
	return had
}

// covers reports whether the flush of a page is enough for a change. A table may be
// reached by several addresses: what counts is that the page is translated by the
// entry. The entries of a PAE root are registers, which only a load of CR3 changes.
func (c *Checker) covers(u *unflushed, page model.VA) bool {
	if u.level > 1 {
		return u.geo.GrantsRights(u.level) && !u.wide() && page-u.va < u.geo.Span(u.level)
	}
	m, _ := resolve(c.s, u.geo, c.s.CPU.CR3, page)
	return u.slot == u.geo.Index(page, 1) && (m.table == u.table || u.va == page&^(model.PageSize-1))
}

// wide reports whether an entry stands for several translations, which the flush of
// one page does not cover.
func (u *unflushed) wide() bool { return !u.empty && !u.old.Is(model.PSE) }

// detail points at the changed entry, and where there are several processors at the first
// one that has not been flushed.
func (u *unflushed) detail(s *model.State) Detail {
	d := atEntry(u.table, u.slot, s.Entry(u.geo, u.table, u.slot)).WithWas(u.old).WithAddress(u.va)
	if s.Processors() > 1 {
		d = d.WithCPU(bits.TrailingZeros8(u.cpus))
	}
	return d
}
