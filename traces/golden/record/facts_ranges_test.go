package record

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/golden"
)

// rangeMutant replaces page_table_range_init.
func rangeMutant(name string, f func(k *hooks.Kernel, start, end, base model.VA)) mutant {
	return mutant{name, func(_ *hooks.Ops, fn *hooks.Funcs) { fn.PageTableRangeInit = f }}
}

// oneTable creates the table of one address.
func oneTable(k *hooks.Kernel, va, base model.VA) {
	table := base
	for level := k.M.L.Geo.Levels; level > 2; level-- {
		table = k.Fn.OneMDTableInit(k, level, k.Slot(table, k.M.L.Geo.Index(va, level)))
	}
	k.Fn.OnePageTableInit(k, k.Slot(table, k.M.L.Geo.Index(va, 2)))
}

// orderedRange is the loop that one would have written: while the address is
// below the end.
func orderedRange(k *hooks.Kernel, start, end, base model.VA) {
	for va := start; va < end; va += k.M.L.Geo.Span(2) {
		oneTable(k, va, base)
	}
}

// tables checks which of the addresses have an L1 table of their own, all of
// them empty.
func tables(r *result, present bool, vas ...uint64) {
	for _, va := range vas {
		pfn := r.tableOf(va)
		want(r, fmt.Sprintf("table for %#x", va), pfn != 0, present)
		if pfn != 0 {
			want(r, fmt.Sprintf("entries in the table for %#x", va), len(r.pages[pageID{pfn << 12, 1, r.Config.EntryWidth()}]), 0)
		}
	}
}

// TestFixmapRange is about which tables the fixmap gets: from its lowest slot
// nr_fixed-1, rounded down, to FIXADDR_TOP, rounded up and wrapping at 4 GiB;
// all empty, in ascending order of address. Facts 10, 11.
func TestFixmapRange(t *testing.T) {
	const top = 0xffff_f000
	fixmap := func(mode golden.Mode, fixtop uint64, slots int) golden.Config {
		return nativeConfig(t, mode, func(c *golden.Config) { c.PSE, c.FixaddrTop, c.NrFixed = true, fixtop, slots })
	}
	ok := func(check func(r *result)) func(r *result) {
		return func(r *result) {
			want(r, "outcome", r.Outcome, "ok")
			check(r)
		}
	}
	nrFixed := mutant{"lowest slot is nr_fixed", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.PageTableRangeInit = func(k *hooks.Kernel, start, end, base model.VA) {
			span := k.M.L.Geo.Span(2)
			hooks.PageTableRangeInit(k, k.M.L.Fix(k.M.L.Kernel.NrFixed)&^(span-1), end, base)
		}
	}}
	unordered := rangeMutant("no wrap at the top", orderedRange)
	descending := rangeMutant("descending addresses", func(k *hooks.Kernel, start, end, base model.VA) {
		for va := end; va != start; {
			va = k.M.L.Geo.Wrap(va - k.M.L.Geo.Span(2))
			oneTable(k, va, base)
		}
	})
	hole := rangeMutant("slot 0 has a table too", func(k *hooks.Kernel, start, end, base model.VA) {
		hooks.PageTableRangeInit(k, start, k.M.L.Geo.Wrap(end+k.M.L.Geo.Span(2)), base)
	})
	ascending := func(vas ...uint64) func(r *result) {
		return ok(func(r *result) {
			tables(r, true, vas...)
			for i, va := range vas[1:] {
				want(r, fmt.Sprintf("table for %#x comes after the one below", va), r.tableOf(va), r.tableOf(vas[i])+1)
			}
		})
	}
	holds(t,
		fact{"2-level, exactly one table", fixmap(golden.TwoLevel, top, 1024), ok(func(r *result) {
			tables(r, true, 0xffc0_0000)
			tables(r, false, 0xff80_0000)
		}), []mutant{nrFixed, unordered}},
		fact{"2-level, one slot more", fixmap(golden.TwoLevel, top, 1025), ascending(0xff80_0000, 0xffc0_0000), []mutant{unordered, descending}},
		fact{"PAE, exactly one table", fixmap(golden.PAE, top, 512), ok(func(r *result) {
			tables(r, true, 0xffe0_0000)
			tables(r, false, 0xffc0_0000)
		}), []mutant{nrFixed, unordered}},
		fact{"PAE, one slot more", fixmap(golden.PAE, top, 513), ascending(0xffc0_0000, 0xffe0_0000), []mutant{unordered, descending}},
		fact{"PAE, four tables", fixmap(golden.PAE, top, 1600), ascending(0xff80_0000, 0xffa0_0000, 0xffc0_0000, 0xffe0_0000), []mutant{descending}},
		fact{"2-level, aligned top", fixmap(golden.TwoLevel, 0xff40_0000, 70), ok(func(r *result) {
			tables(r, true, 0xff00_0000)
			tables(r, false, 0xff40_0000, 0xfec0_0000)
		}), []mutant{hole}},
		fact{"PAE, aligned top", fixmap(golden.PAE, 0xfee0_0000, 70), ok(func(r *result) {
			tables(r, true, 0xfec0_0000)
			tables(r, false, 0xfee0_0000, 0xfea0_0000)
		}), []mutant{hole}},
	)
}

// TestRangeRunsByEquality is about page_table_range_init's one bound: it stops
// only at exactly its end, so odd lengths run to the top of the address space,
// odd starts miss a table, and ranges across root entries work. Fact 12.
func TestRangeRunsByEquality(t *testing.T) {
	pkmap := func(mode golden.Mode, base uint64, slots int, edits ...func(*golden.Config)) golden.Config {
		return nativeConfig(t, mode, append(edits, func(c *golden.Config) {
			c.PSE, c.Highmem, c.PkmapBaseOverride, c.LastPkmap = true, true, &base, slots
			c.FixaddrTop = 0xffff_f000
		})...)
	}
	runaway := func(base uint64, added int) func(r *result) {
		return func(r *result) {
			want(r, "outcome", r.Outcome, "ok")
			for va := base; va < 1<<32; va += r.Config.PMDSize() {
				tables(r, true, va)
			}
			tables(r, false, base-1)
			l2 := strings.Count(r.purposes(), "pmd")
			want(r, "tables made", len(r.Bootmem)-l2, 1+added)
		}
	}
	bounded := rangeMutant("bound by order", func(k *hooks.Kernel, start, end, base model.VA) {
		if end == 0 {
			end = 1 << 32
		}
		orderedRange(k, start, end, base)
	})
	rounded := rangeMutant("start rounded down", func(k *hooks.Kernel, start, end, base model.VA) {
		span := k.M.L.Geo.Span(2)
		hooks.PageTableRangeInit(k, start&^(span-1), k.M.L.Geo.Wrap((end+span-1)&^(span-1)), base)
	})
	oneRoot := rangeMutant("stops at the end of the first L2", func(k *hooks.Kernel, start, end, base model.VA) {
		const slot = 1 << 30
		if start/slot != (end-1)/slot {
			end = (start/slot + 1) * slot
		}
		hooks.PageTableRangeInit(k, start, end, base)
	})
	doubled := rangeMutant("first L2 index used again", func(k *hooks.Kernel, start, end, base model.VA) {
		hooks.PageTableRangeInit(k, start, end, base)
		const slot = 1 << 30
		if start/slot != (end-1)/slot && end != 0 {
			oneTable(k, start+slot, base)
		}
	})
	low := func(c *golden.Config) { c.PageOffset, c.InitEnd = 0x4000_0000, 0x402a_1000 }
	holds(t,
		fact{"2-level runaway", pkmap(golden.TwoLevel, 0xf400_0000, 700), runaway(0xf400_0000, 47), []mutant{bounded}},
		fact{"PAE runaway", pkmap(golden.PAE, 0xf460_0000, 700), runaway(0xf460_0000, 92), []mutant{bounded}},
		fact{"2-level unaligned", pkmap(golden.TwoLevel, 0xf47f_f000, 1024), func(r *result) {
			want(r, "outcome", r.Outcome, "ok")
			tables(r, true, 0xf47f_f000)
			tables(r, false, 0xf480_0000, 0xf43f_f000)
		}, []mutant{rounded}},
		fact{"PAE unaligned", pkmap(golden.PAE, 0xf47f_f000, 512), func(r *result) {
			want(r, "outcome", r.Outcome, "ok")
			tables(r, true, 0xf47f_f000)
			tables(r, false, 0xf480_0000, 0xf45f_f000)
		}, []mutant{rounded}},
		fact{"PAE across a root entry", pkmap(golden.PAE, 0x7fc0_0000, 4*512, low), func(r *result) {
			want(r, "outcome", r.Outcome, "ok")
			tables(r, true, 0x7fc0_0000, 0x7fe0_0000, 0x8000_0000, 0x8020_0000)
			tables(r, false, 0x7fa0_0000, 0x8040_0000, 0xbfc0_0000)
		}, []mutant{oneRoot, doubled}},
	)
}

// TestPresentTablesStay is about the table-creating helper: whatever is present
// counts as a table, boot tables and large pages too, and low memory is not
// kept from running into fixmap or beyond the address space. Facts 9, 29.
func TestPresentTablesStay(t *testing.T) {
	large := func(mode golden.Mode, offset, frames, fixtop uint64) golden.Config {
		return nativeConfig(t, mode, func(c *golden.Config) {
			c.PSE, c.PageOffset, c.InitEnd, c.MaxLowPFN, c.FixaddrTop = true, offset, offset+0x2a1000, frames, fixtop
		})
	}
	// covered: low memory is mapped by large pages up to the top, and the boot
	// allocator gave out so many tables, none of them L1s.
	covered := func(from uint64, allocated string) func(r *result) {
		return func(r *result) {
			want(r, "outcome", r.Outcome, "ok")
			want(r, "allocations", r.purposes(), allocated)
			for va, pfn := from, uint64(0); va < 1<<32; va, pfn = va+r.Config.PMDSize(), pfn+r.slots() {
				raw, level := r.leaf(va)
				want(r, fmt.Sprintf("leaf of %#x", va), raw, pfn<<12|0x0e3)
				want(r, "its level", level, 2)
			}
		}
	}
	leafIsNoTable := mutant{"a large page is no table", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.OnePageTableInit = func(k *hooks.Kernel, pmd model.VA) model.VA {
			if k.Read(pmd).Is(model.PSE) {
				k.Write(pmd, 0)
			}
			return hooks.OnePageTableInit(k, pmd)
		}
	}}
	checked := mutant{"low memory may not reach the fixmap", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.KernelPhysicalMappingInit = func(k *hooks.Kernel, base model.VA) {
			start, _ := hooks.FixmapRange(k.M.L)
			if size := k.M.L.Geo.Wrap(start - k.M.L.Kernel.PageOffset); k.M.L.Kernel.MaxLowPFN.PA() > model.PA(size) {
				k.M.Bug("kernel_physical_mapping_init", model.OK)
			}
			hooks.KernelPhysicalMappingInit(k, base)
		}
	}}
	replaced := mutant{"present tables are replaced", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.OnePageTableInit = func(k *hooks.Kernel, pmd model.VA) model.VA {
			k.Write(pmd, 0)
			return hooks.OnePageTableInit(k, pmd)
		}
	}}
	holds(t,
		fact{"2-level, low memory over the fixmap", large(golden.TwoLevel, 0xe000_0000, 0x20000, 0xffff_f000), covered(0xe000_0000, ""), []mutant{leafIsNoTable, checked}},
		fact{"PAE, low memory over the fixmap", large(golden.PAE, 0xc000_0000, 0x40000, 0xffff_f000), covered(0xc000_0000, "pmd"), []mutant{leafIsNoTable, checked}},
		fact{"2-level, low memory over the top", large(golden.TwoLevel, 0xe000_0000, 0x23456, 0xffff_f000), covered(0xe000_0000, ""), []mutant{checked}},
		fact{"PAE, low memory over the top", large(golden.PAE, 0xc000_0000, 0x43456, 0xffff_f000), covered(0xc000_0000, "pmd"), []mutant{checked}},
		fact{"2-level, fixmap in a boot table", large(golden.TwoLevel, 0xc000_0000, 0xa42, 0x007f_d000), func(r *result) {
			want(r, "outcome", r.Outcome, "ok")
			want(r, "allocations", r.purposes(), "")
			want(r, "table at 4 MiB", r.tableOf(0x40_0000)<<12, r.Config.PG0+golden.PageSize)
		}, []mutant{replaced}},
	)
}

// TestLargePageServesAsTable calls the helper on a large page: it returns the
// address of the page's first frame as if that were a table. Fact 9.
func TestLargePageServesAsTable(t *testing.T) {
	c := nativeConfig(t, golden.TwoLevel, func(c *golden.Config) { c.PSE = true })
	s, ops, err := startOfDay(&c)
	if err != nil {
		t.Fatal(err)
	}
	k := hooks.New(model.NewMachine(s), &ops)
	if crash := k.M.Run(func() { hooks.PagingInit(k) }); crash != nil {
		t.Fatal(crash)
	}
	next, pde := s.Kernel.BootmemNext, k.Slot(k.Base(), 769)
	if got, want := hooks.OnePageTableInit(k, pde), model.VA(0xc040_0000); got != want || s.Kernel.BootmemNext != next {
		t.Errorf("table of a large page: %#x and %d new frames, want %#x and none", got, s.Kernel.BootmemNext-next, want)
	}
	if got, want := k.Read(pde), model.Entry(0x0040_00e3); got != want {
		t.Errorf("large page became %#x, want %#x", got, want)
	}
}

// TestHookOrderOfNewTables is about what happens to a new table, in order:
// allocation, the alloc hook, the pointer, and only then its leaves. Under Xen
// the table becomes read-only before it is hooked in. Facts 13, 35.
func TestHookOrderOfNewTables(t *testing.T) {
	pointerFirst := mutant{"alloc hook after the pointer", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.OnePageTableInit = func(k *hooks.Kernel, pmd model.VA) model.VA {
			if k.Val(2, k.Read(pmd))&1 == 0 {
				pfn := k.M.AllocBootmem()
				k.SetUpper(2, pmd, k.PV.MakePMD(k, uint64(pfn.PA())|uint64(hooks.PageTable)))
				k.PV.AllocPT[k.M.Kernel.AllocPT](k, k.Base(), pfn)
			}
			return k.TableOf(2, pmd)
		}
	}}
	noHook := mutant{"no alloc hook", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.OnePageTableInit = func(k *hooks.Kernel, pmd model.VA) model.VA {
			if k.Val(2, k.Read(pmd))&1 == 0 {
				k.SetUpper(2, pmd, k.PV.MakePMD(k, uint64(k.M.AllocBootmem().PA())|uint64(hooks.PageTable)))
			}
			return k.TableOf(2, pmd)
		}
	}}
	highmem := func(c *golden.Config) { c.Highmem = true }
	for _, mode := range []golden.Mode{golden.TwoLevel, golden.PAE} {
		holds(t, fact{"native " + string(mode), nativeConfig(t, mode, highmem), hookOrder, []mutant{pointerFirst, noHook}})
	}
	holds(t, fact{"xen", xenConfigOf(t, highmem), hookOrder, []mutant{pointerFirst, noHook}})
}

// hookOrder reads the life of each new table from the trace.
func hookOrder(r *result) {
	want(r, "outcome", r.Outcome, "ok")
	linked := map[uint64]bool{} // by frame
	seen := map[string]int{}
	for i, line := range r.lines {
		var pfn, pa, raw uint64
		var purpose string
		if n, _ := fmt.Sscanf(line, "bootmem %x %s", &pfn, &purpose); n == 2 && purpose != golden.PurposePMDCopy {
			seen[purpose]++
			linked[pfn] = false
			want(r, fmt.Sprintf("life of new %s", purpose), tableLife(r, r.lines[i+1:], pfn, purpose), "")
		}
		if n, _ := fmt.Sscanf(line, "set_pmd %x %x", &pa, &raw); n == 2 && raw&1 != 0 {
			to, _ := r.follow(raw)
			linked[to>>12] = true
		}
		if n, _ := fmt.Sscanf(line, "set_pte %x", &pa); n == 1 {
			if done, isNew := linked[pa>>12]; isNew && !done {
				r.complain("leaf in table %#x before its pointer", pa>>12)
			}
		}
	}
	want(r, "new L1 tables seen", seen[golden.PurposePTE] >= 3, true)
}

// tableLife checks the lines that follow the allocation of a table, and says
// which is not as it must be.
func tableLife(r *result, lines []string, pfn uint64, purpose string) string {
	next := []string{fmt.Sprintf("alloc_pt %x", pfn), "set_pmd "}
	if purpose == golden.PurposePMD {
		next = []string{fmt.Sprintf("alloc_pd %x", pfn), "set_pgd "}
	}
	if r.Config.Flavour == golden.Xen {
		mfn, _ := r.Config.MFN(pfn)
		next = []string{next[0], fmt.Sprintf("update_va %08x %016x", r.va(pfn), mfn<<12|0x061), next[1]}
	}
	for i, n := range next {
		if !strings.HasPrefix(lines[i], n) {
			return fmt.Sprintf("%s, want %s", lines[i], n)
		}
	}
	var at, raw uint64
	_, _ = fmt.Sscanf(lines[len(next)-1][len("set_pmd "):], "%x %x", &at, &raw)
	if to, _ := r.follow(raw); to>>12 != pfn {
		return lines[len(next)-1]
	}
	return ""
}
