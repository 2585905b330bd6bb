package record

import (
	"fmt"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/golden"
)

// nx is bit 63 of an eight-byte entry.
const nx = 1 << 63

// TestLeafAndPointerFlags is about the exact flags of every leaf of low memory
// and of every new table pointer, in all modes. Facts 3, 4, 5, 20, 27.
func TestLeafAndPointerFlags(t *testing.T) {
	for _, mode := range []golden.Mode{golden.TwoLevel, golden.PAE} {
		for bits := range 8 {
			pse, pge, noExec := bits&1 != 0, bits&2 != 0, bits&4 != 0
			c := nativeConfig(t, mode, func(c *golden.Config) { c.PSE, c.PGE, c.NX, c.Highmem = pse, pge, noExec, true })
			f := fact{
				name:   fmt.Sprintf("%s pse=%t pge=%t nx=%t", mode, pse, pge, noExec),
				config: c,
				check: func(r *result) {
					checkLeaves(r)
					checkPointers(r)
				},
				mutants: []mutant{userLeaves(), kernelTables()},
			}
			if pge {
				f.mutants = append(f.mutants, globalTables(), noGlobal())
			}
			if mode == golden.PAE {
				f.mutants = append(f.mutants, mutant{"root entries like any other", func(o *hooks.Ops, _ *hooks.Funcs) {
					make := o.MakePGD
					o.MakePGD = func(k *hooks.Kernel, v uint64) model.Entry { return make(k, v) | hooks.PageTable }
				}})
				f.mutants = append(f.mutants, flipNX())
			}
			holds(t, f)
		}
	}
}

// checkLeaves compares the leaf of every page of low memory with what
// PAGE_KERNEL is under these features.
func checkLeaves(r *result) {
	c := &r.Config
	want(r, "outcome", r.Outcome, "ok")
	flags, step, level := uint64(0x063), uint64(1), 1
	if c.PSE {
		flags, step, level = 0x0e3, r.slots(), 2
	}
	if c.PGE {
		flags |= 0x100
	}
	for pfn := uint64(0); pfn < c.MaxLowPFN; pfn += step {
		expect := pfn<<12 | flags
		if c.Mode == golden.PAE && c.NX && r.va(pfn) > c.InitEnd {
			expect |= nx
		}
		raw, n := r.leaf(r.va(pfn))
		want(r, fmt.Sprintf("level of the leaf of frame %#x", pfn), n, level)
		want(r, fmt.Sprintf("leaf of frame %#x", pfn), raw, expect)
	}
}

// checkPointers compares every pointer to a table from the boot allocator.
func checkPointers(r *result) {
	taken := map[uint64]bool{}
	for _, b := range r.Bootmem {
		taken[b.PFN] = true
	}
	found := 0
	for _, t := range r.Tables {
		for _, e := range t.Entries {
			if t.Level < 2 || !t.Reachable || t.Level == 2 && e.Raw&0x80 != 0 || !taken[e.Raw&0xfffff_ffff_f000>>12] {
				continue
			}
			found++
			flags := uint64(0x067)
			if t.Level == 3 {
				flags = 0x001
			}
			want(r, fmt.Sprintf("flags of entry %d of the L%d at %#x", e.Index, t.Level, t.PA), e.Raw&^0xfffff_ffff_f000, flags)
		}
	}
	if found < len(taken) {
		r.complain("%d pointers to %d tables", found, len(taken))
	}
}

// upperMake changes the values of upper entries before they are made, in a
// 2-level root too.
func upperMake(o *hooks.Ops, change func(v uint64) uint64) {
	pmd, pgd := o.MakePMD, o.MakePGD
	o.MakePMD = func(k *hooks.Kernel, v uint64) model.Entry { return pmd(k, change(v)) }
	o.MakePGD = func(k *hooks.Kernel, v uint64) model.Entry { return pgd(k, change(v)) }
}

// userLeaves lets user mode at low memory.
func userLeaves() mutant {
	return mutant{"leaves with the user bit", func(o *hooks.Ops, _ *hooks.Funcs) {
		pte := o.MakePTE
		o.MakePTE = func(k *hooks.Kernel, v uint64) model.Entry { return pte(k, v) | model.User }
		upperMake(o, func(v uint64) uint64 {
			if v&uint64(model.PSE) != 0 {
				v |= uint64(model.User)
			}
			return v
		})
	}}
}

// kernelTables uses _KERNPG_TABLE for new tables.
func kernelTables() mutant {
	return mutant{"table pointers without the user bit", func(o *hooks.Ops, _ *hooks.Funcs) {
		upperMake(o, func(v uint64) uint64 {
			if v&uint64(model.PSE) == 0 {
				v &^= uint64(model.User)
			}
			return v
		})
	}}
}

// globalTables sets the global bit in table pointers too.
func globalTables() mutant {
	return mutant{"global table pointers", func(o *hooks.Ops, _ *hooks.Funcs) {
		set := o.SetPMD
		o.SetPMD = func(k *hooks.Kernel, p model.VA, e model.Entry) {
			if e.Is(model.Present) {
				e |= model.Global
			}
			set(k, p, e)
		}
	}}
}

// noGlobal forgets that the CPU has global pages.
func noGlobal() mutant {
	return mutant{"no global leaves", func(_ *hooks.Ops, fn *hooks.Funcs) {
		page, large := fn.MapPage, fn.MapLarge
		fn.MapPage = func(k *hooks.Kernel, p model.VA, pfn model.PFN) { k.M.Kernel.Global = false; page(k, p, pfn) }
		fn.MapLarge = func(k *hooks.Kernel, p model.VA, pfn model.PFN) { k.M.Kernel.Global = false; large(k, p, pfn) }
	}}
}

// flipNX marks what must not be marked no-execute, and the reverse.
func flipNX() mutant {
	return mutant{"NX the wrong way round", func(o *hooks.Ops, _ *hooks.Funcs) {
		pte := o.MakePTE
		o.MakePTE = func(k *hooks.Kernel, v uint64) model.Entry { return pte(k, v^nx) }
		upperMake(o, func(v uint64) uint64 {
			if v&uint64(model.PSE) != 0 {
				v ^= nx
			}
			return v
		})
	}}
}

// TestTextRange is about where kernel text ends: the last address belongs to
// it, a small page is judged by its first byte, a large one by its first and
// last, and each page of a table for itself. Facts 6, 7.
func TestTextRange(t *testing.T) {
	const text = 0xc0253000 // in the middle of the second table
	small := func(end uint64) golden.Config {
		return nativeConfig(t, golden.PAE, func(c *golden.Config) { c.NX, c.InitEnd = true, end })
	}
	large := func(end uint64) golden.Config {
		return nativeConfig(t, golden.PAE, func(c *golden.Config) { c.NX, c.PSE, c.InitEnd = true, true, end })
	}
	// last is the last page that must be executable.
	pages := func(last uint64) func(r *result) {
		return func(r *result) {
			for pfn := uint64(0); pfn < r.Config.MaxLowPFN; pfn++ {
				raw, _ := r.leaf(r.va(pfn))
				want(r, fmt.Sprintf("NX of %#x", r.va(pfn)), raw&nx != 0, r.va(pfn) > last)
			}
		}
	}
	holds(t,
		fact{"small page at the end", small(text), pages(text), []mutant{exclusiveText(), textByTable()}},
		fact{"small page just behind the end", small(text - 1), pages(text - 0x1000), []mutant{textByLastByte(), textByTable()}},
		fact{"end inside a small page", small(text + 1), pages(text), []mutant{textByTable()}},
		fact{"large page at the end", large(0xc0600000), pages(0xc07fffff), []mutant{exclusiveText()}},
		fact{"large page just behind the end", large(0xc05fffff), pages(0xc05fffff), []mutant{textByLastByte()}},
		fact{"end inside a large page", large(0xc0600001), pages(0xc07fffff), nil},
		fact{"2-level leaves do not differ", nativeConfig(t, golden.TwoLevel, func(c *golden.Config) { c.NX, c.InitEnd = true, text }),
			checkLeaves, nil},
	)
}

// textRule replaces the text test of both kinds of leaves.
func textRule(name string, isText func(k *hooks.Kernel, va model.VA) bool) mutant {
	return mutant{name, func(_ *hooks.Ops, fn *hooks.Funcs) {
		fix := func(k *hooks.Kernel, entry, va model.VA) {
			e := k.Read(entry) &^ model.NX
			if !isText(k, va) {
				e |= model.NX
			}
			k.Write(entry, e)
		}
		page, large := fn.MapPage, fn.MapLarge
		fn.MapPage = func(k *hooks.Kernel, p model.VA, pfn model.PFN) { page(k, p, pfn); fix(k, p, k.M.L.VA(pfn.PA())) }
		fn.MapLarge = func(k *hooks.Kernel, p model.VA, pfn model.PFN) { large(k, p, pfn); fix(k, p, k.M.L.VA(pfn.PA())) }
	}}
}

func exclusiveText() mutant {
	return textRule("text ends before its end", func(k *hooks.Kernel, va model.VA) bool { return va < k.M.L.Kernel.TextEnd })
}

func textByLastByte() mutant {
	return textRule("a page is text if the next one starts at its end", func(k *hooks.Kernel, va model.VA) bool { return va <= k.M.L.Kernel.TextEnd+1 })
}

// textByTable judges all entries of a table by its first address: the VA is not
// advanced in the inner loop.
func textByTable() mutant {
	return textRule("VA not advanced in the inner loop", func(k *hooks.Kernel, va model.VA) bool {
		return va&^(k.M.L.Geo.Span(2)-1) <= k.M.L.Kernel.TextEnd
	})
}

// TestTwoLevelIgnoresNX is about no-execute having no meaning in four-byte
// entries, wherever it is asked for. Fact 18.
func TestTwoLevelIgnoresNX(t *testing.T) {
	for _, pse := range []bool{false, true} {
		c := nativeConfig(t, golden.TwoLevel, func(c *golden.Config) { c.PSE, c.PGE, c.InitEnd = pse, true, 0xc0253fff })
		without := bootFact(t, &c, nil)
		c.NX = true
		with := bootFact(t, &c, nil)
		if with.Hash.Tables != without.Hash.Tables || with.Hash.Trace != without.Hash.Trace {
			t.Errorf("pse=%t: the boot depends on nx", pse)
		}
		// The translation of configurations drops nx here; the kernel must not care
		// either when it is told.
		force := func(_ *hooks.Ops, fn *hooks.Funcs) {
			init := fn.PagetableInit
			fn.PagetableInit = func(k *hooks.Kernel) { k.M.L.Kernel.NX = true; init(k) }
		}
		if forced := bootFact(t, &c, force); forced.Hash.Tables != without.Hash.Tables || forced.Hash.Trace != without.Hash.Trace {
			t.Errorf("pse=%t: the kernel uses NX in four-byte entries", pse)
		}
		// PAE shows that asking for it does have an effect where there is one.
		p := nativeConfig(t, golden.PAE, func(c *golden.Config) { c.PSE = pse })
		if plain, forced := bootFact(t, &p, nil), bootFact(t, &p, force); plain.Hash.Trace == forced.Hash.Trace {
			t.Errorf("pse=%t: PAE ignores NX too", pse)
		}
	}
}

// TestEndOfLowMemory is about the last table: small pages stop at max_low_pfn
// and leave the other slots as they were, a large page is always whole. Fact 8.
func TestEndOfLowMemory(t *testing.T) {
	beyond := func(level int, raw func(r *result, pfn uint64) uint64) func(r *result) {
		return func(r *result) {
			checkLeaves(r)
			last := r.Config.MaxLowPFN - 1
			for pfn := last + 1; pfn%r.slots() != 0; pfn++ {
				got, n := r.leaf(r.va(pfn))
				want(r, fmt.Sprintf("leaf of frame %#x", pfn), got, raw(r, pfn))
				want(r, "its level", n, level)
			}
		}
	}
	zero := func(*result, uint64) uint64 { return 0 }
	large := func(r *result, pfn uint64) uint64 { return pfn&^(r.slots()-1)<<12 | 0x0e3 }
	tooFar := mutant{"the last table is filled", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.KernelPhysicalMappingInit = func(k *hooks.Kernel, base model.VA) {
			hooks.KernelPhysicalMappingInit(k, base)
			for pfn := k.M.L.Kernel.MaxLowPFN; int(pfn)%k.M.L.Geo.Slots[1] != 0; pfn++ {
				hooks.MapLeaf(k, base, pfn)
			}
		}
	}}
	tooNear := mutant{"no large page beyond the end", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.MapLarge = func(k *hooks.Kernel, pmd model.VA, pfn model.PFN) {
			if pfn+model.PFN(k.M.L.Geo.Slots[1]) <= k.M.L.Kernel.MaxLowPFN {
				hooks.MapLarge(k, pmd, pfn)
			}
		}
	}}
	for _, mode := range []golden.Mode{golden.TwoLevel, golden.PAE} {
		holds(t,
			fact{string(mode) + " small pages in a new table", nativeConfig(t, mode), beyond(0, zero), []mutant{tooFar}},
			fact{string(mode) + " large pages", nativeConfig(t, mode, func(c *golden.Config) { c.PSE = true }), beyond(2, large), []mutant{tooNear}},
		)
	}
	boot := func(_ *result, pfn uint64) uint64 { return pfn<<12 | 7 }
	short := nativeConfig(t, golden.TwoLevel, func(c *golden.Config) { c.MaxLowPFN = 0x555 })
	holds(t, fact{"small pages in a boot table", short, beyond(1, boot), []mutant{tooFar}})
}
