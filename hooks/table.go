package hooks

import "github.com/ptcheck/ptcheck/model"

// OneMDTableInit returns the table that an entry above L2 points to, creating
// an empty one if the entry is not present (Linux: one_md_table_init,
// arch/i386/mm/init.c, b239fb25; with four levels the same for the pud). level
// is the level of the entry.
//
// With two levels there is nothing above L2: callers do not get here.
func OneMDTableInit(k *Kernel, level int, entry model.VA) model.VA {
	if k.Val(level, k.Read(entry))&uint64(model.Present) == 0 {
		pfn := k.M.AllocBootmem()
		k.AllocPD(pfn)
		k.SetUpper(level, entry, k.make(level, uint64(pfn.PA())|uint64(k.upperFlags(level))))
		if k.layout().VA(pfn.PA()) != k.TableOf(level, entry) {
			k.M.Bug("one_md_table_init", model.OK)
		}
	}
	return k.TableOf(level, entry)
}

// upperFlags are the flags of a new pointer to an L2 or L3 table: a PAE root
// entry knows only the present bit.
func (k *Kernel) upperFlags(level int) model.Entry {
	if !k.geo().GrantsRights(level) {
		return model.Present
	}
	return PageTable
}

// OnePageTableInit returns the L1 table that an L2 entry points to, creating an
// empty one if the entry is not present (Linux: one_page_table_init, b239fb25).
// A large page counts as present: the caller then writes into its frame.
func OnePageTableInit(k *Kernel, pmd model.VA) model.VA {
	if k.Val(2, k.Read(pmd))&uint64(model.Present) == 0 {
		pfn := k.M.AllocBootmem()
		k.AllocPT(pfn)
		k.SetUpper(2, pmd, k.make(2, uint64(pfn.PA())|uint64(PageTable)))
		if k.layout().VA(pfn.PA()) != k.TableOf(2, pmd) {
			k.M.Bug("one_page_table_init", model.OK)
		}
	}
	return k.TableOf(2, pmd)
}

// PageTableRangeInit creates empty L1 tables for [start, end), both modulo the
// address space (Linux: page_table_range_init, b239fb25). The end is tested
// for equality only: a length that is no multiple of the L2 span runs on to
// the top of the address space.
func PageTableRangeInit(k *Kernel, start, end, base model.VA) {
	va := start
	k.rangeInit(k.rootLevel(), base, &va, end)
}

func (k *Kernel) rangeInit(level int, table model.VA, va *model.VA, end model.VA) {
	g := k.geo()
	for i := g.Index(*va, level); i < g.Slots[level] && *va != end; i++ {
		entry := k.Slot(table, i)
		if level > 2 {
			k.rangeInit(level-1, k.Fn.OneMDTableInit(k, level, entry), va, end)
			continue
		}
		k.Fn.OnePageTableInit(k, entry)
		*va = g.Wrap(*va + g.Span(2))
	}
}
