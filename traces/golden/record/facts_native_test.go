package record

import (
	"fmt"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/golden"
)

// TestBootTables is about head.S's tables: two-level whatever the kernel is,
// flags 0x007 at both levels, the low half and the kernel half of the root
// pointing to the same tables, as many as map themselves and the slack. Fact 1.
func TestBootTables(t *testing.T) {
	for _, c := range []golden.Config{
		nativeConfig(t, golden.TwoLevel),
		nativeConfig(t, golden.TwoLevel, func(c *golden.Config) { c.PageOffset, c.InitMapBeyondEnd = 0x4000_0000, 0x20000 }),
		nativeConfig(t, golden.PAE, func(c *golden.Config) { c.PageOffset = 0x8000_0000 }),
		nativeConfig(t, golden.PAE, func(c *golden.Config) { c.InitMapBeyondEnd = 0x280_0000 }),
		nativeConfig(t, golden.PAE, func(c *golden.Config) { c.InitMapBeyondEnd = 0x8e_f000 }), // three tables exactly
	} {
		n := 1
		for n*0x40_0000 < int(c.PG0)+n*0x1000+int(c.InitMapBeyondEnd) {
			n++
		}
		r := bootFact(t, &c, nil)
		name := fmt.Sprintf("%s %#x", c.Mode, c.PageOffset)
		if len(r.Initial) != 1+n {
			t.Fatalf("%s: %d tables, want a root and %d", name, len(r.Initial), n)
		}
		for _, table := range r.Initial {
			if table.Width != 4 || !table.Reachable {
				t.Errorf("%s: table %#x: width %d, reachable %t", name, table.PA, table.Width, table.Reachable)
			}
			for i, e := range table.Entries {
				var expect golden.Entry
				switch k := int(table.PA-c.PG0) >> 12; {
				case table.PA != c.SwapperPgDir:
					expect = golden.Entry{Index: i, Raw: uint64(k*1024+i)<<12 | 7}
				case i < n:
					expect = golden.Entry{Index: i, Raw: c.PG0 + uint64(i)<<12 | 7}
				default:
					expect = golden.Entry{Index: int(c.PageOffset>>22) + i - n, Raw: c.PG0 + uint64(i-n)<<12 | 7}
				}
				if e != expect {
					t.Fatalf("%s: table %#x: entry %d is %#x, want %d %#x", name, table.PA, e.Index, e.Raw, expect.Index, expect.Raw)
				}
			}
			if got, want := len(table.Entries), map[bool]int{true: 2 * n, false: 1024}[table.PA == c.SwapperPgDir]; got != want {
				t.Errorf("%s: table %#x has %d entries, want %d", name, table.PA, got, want)
			}
		}
	}
}

// TestOrderOfWork is about the order of pagetable_init: setup_start, CPU
// features, low memory, fixmap, pkmap, setup_done; then the root load and the
// zap. It shows in the order of frames. Fact 2.
func TestOrderOfWork(t *testing.T) {
	mutants := []mutant{
		reorder("pkmap before fixmap", func(k *hooks.Kernel, lowmem, fixmap, pkmap func()) {
			hooks.SetupStart(k)
			lowmem()
			pkmap()
			fixmap()
			hooks.SetupDone(k)
		}),
		reorder("features after low memory", func(k *hooks.Kernel, lowmem, fixmap, pkmap func()) {
			k.PV.PagetableSetupStart(k, k.Base())
			lowmem()
			hooks.EnableFeatures(k)
			fixmap()
			pkmap()
			hooks.SetupDone(k)
		}),
		reorder("fixmap after setup_done", func(k *hooks.Kernel, lowmem, fixmap, pkmap func()) {
			hooks.SetupStart(k)
			lowmem()
			hooks.SetupDone(k)
			fixmap()
			pkmap()
		}),
	}
	for _, mode := range []golden.Mode{golden.TwoLevel, golden.PAE} {
		for _, pse := range []bool{false, true} {
			c := nativeConfig(t, mode, func(c *golden.Config) { c.PSE, c.PGE, c.Highmem, c.ZapLowMappings = pse, true, true, true })
			holds(t, fact{fmt.Sprintf("%s pse=%t", mode, pse), c, inOrder, mutants})
		}
	}
}

// inOrder checks the order of stages and of the frames that they take.
func inOrder(r *result) {
	c := &r.Config
	want(r, "outcome", r.Outcome, "ok")
	lowmem, fixmap, pkmap := r.tableOf(r.va(c.MaxLowPFN-1)), r.tableOf(c.FixLowestVA()), r.tableOf(c.PkmapBase())
	want(r, "pkmap below the fixmap", c.PkmapBase() < c.FixLowestVA(), true)
	want(r, "pkmap's table after the fixmap's, that after low memory's", lowmem < fixmap && fixmap < pkmap, true)
	stages := []struct {
		name string
		is   func(s *model.Step) bool
	}{
		{"setup_start", func(s *model.Step) bool { return s.Op == model.OpCallBegin && s.Call.Kind == model.CallSetupStart }},
		{"PSE", func(s *model.Step) bool { return s.Op == model.OpSetCR4 && s.Value == uint64(model.CR4PSE) }},
		{"PGE", func(s *model.Step) bool {
			return s.Op == model.OpSetCR4 && s.Value&^uint64(model.CR4PSE) == uint64(model.CR4PGE)
		}},
		{"low memory", func(s *model.Step) bool { return s.Call.Kind == model.CallMap }},
		{"table ranges", func(s *model.Step) bool { return s.Call.Kind == model.CallRange }},
		{"setup_done", func(s *model.Step) bool { return s.Call.Kind == model.CallSetupDone }},
		{"root load", func(s *model.Step) bool { return s.Op == model.OpLoadCR3 }},
		{"zap", func(s *model.Step) bool { return s.Call.Kind == model.CallZap }},
	}
	at, seen := 0, map[string]bool{"PSE": !c.PSE}
	for i := range r.steps {
		for n, stage := range stages {
			if stage.is(&r.steps[i]) {
				want(r, stage.name+" before "+stages[at].name, n < at, false)
				at, seen[stage.name] = max(at, n), true
			}
		}
	}
	want(r, "stages seen", len(seen), len(stages))
	want(r, "CR4", r.CR4Set, map[bool]uint64{false: 0x80, true: 0x90}[c.PSE])
}

// reorder is a pagetable_init that does its work in another order.
func reorder(name string, init func(k *hooks.Kernel, lowmem, fixmap, pkmap func())) mutant {
	return mutant{name, func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.PagetableInit = func(k *hooks.Kernel) {
			init(k, func() { hooks.MapLowmem(k) }, func() {
				start, end := hooks.FixmapRange(k.M.L)
				hooks.CreateRange(k, start, end)
			}, func() { k.Fn.PermanentKmapsInit(k, k.Base()) })
		}
	}}
}

// TestTwoLevelSetup is about the hooks around construction doing no more than
// announce the root. Fact 14.
func TestTwoLevelSetup(t *testing.T) {
	quiet := func(r *result) {
		want(r, "first lines", fmt.Sprint(r.lines[:2]), fmt.Sprintf("[setup_start alloc_pd %x]", r.Config.SwapperPgDir>>12))
		want(r, "calls of alloc_pd", r.count("alloc_pd"), 1)
		want(r, "line after setup_done", r.lines[r.find("setup_done")+1], fmt.Sprintf("load_cr3 %08x", r.Config.SwapperPgDir))
		for _, call := range []model.CallKind{model.CallSetupStart, model.CallSetupDone} {
			want(r, fmt.Sprintf("stores of %v", call), len(r.stores(call)), 0)
		}
	}
	holds(t, fact{"", nativeConfig(t, golden.TwoLevel), quiet, []mutant{
		{"no alloc_pd", func(o *hooks.Ops, _ *hooks.Funcs) { o.PagetableSetupStart = func(*hooks.Kernel, model.VA) {} }},
		{"setup_done makes identity mappings", func(o *hooks.Ops, _ *hooks.Funcs) {
			o.PagetableSetupDone = func(k *hooks.Kernel, base model.VA) { k.Write(base, k.Read(k.Slot(base, 768))) }
		}},
	}})
}

// TestTwoLevelKeepsBootTables is about small pages: boot tables stay in both
// halves of the root with their pointers as they were; the leaves that exist as
// memory are rewritten, which shows in the low half too, the others stay. Fact 15.
func TestTwoLevelKeepsBootTables(t *testing.T) {
	c := nativeConfig(t, golden.TwoLevel, func(c *golden.Config) { c.MaxLowPFN, c.PGE = 0x5ff, true })
	kept := func(r *result) {
		want(r, "outcome", r.Outcome, "ok")
		c := &r.Config
		for n := range uint64(2) {
			for _, half := range []uint64{0, c.PageOffset} {
				want(r, "boot table pointer", r.upper(half+n<<22), c.PG0+n<<12|7)
			}
		}
		for pfn := range uint64(0x800) {
			expect := pfn<<12 | 0x163
			if pfn >= c.MaxLowPFN {
				expect = pfn<<12 | 7
			}
			for _, half := range []uint64{0, c.PageOffset} {
				raw, _ := r.leaf(half + pfn<<12)
				want(r, fmt.Sprintf("leaf of %#x", half+pfn<<12), raw, expect)
			}
		}
	}
	holds(t, fact{"", c, kept, []mutant{
		{"boot tables replaced", func(_ *hooks.Ops, fn *hooks.Funcs) {
			pt := fn.OnePageTableInit
			fn.OnePageTableInit = func(k *hooks.Kernel, pmd model.VA) model.VA {
				if k.Read(pmd).Flags() == 7 {
					k.Write(pmd, k.Read(pmd)|model.Accessed|model.Dirty)
				}
				return pt(k, pmd)
			}
		}},
		{"mapped leaves skipped", func(_ *hooks.Ops, fn *hooks.Funcs) {
			fn.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
				if !k.Read(pte).Is(model.Present) {
					hooks.MapPage(k, pte, pfn)
				}
			}
		}},
		{"leaves beyond memory cleared", func(_ *hooks.Ops, fn *hooks.Funcs) {
			fn.KernelPhysicalMappingInit = func(k *hooks.Kernel, base model.VA) {
				hooks.KernelPhysicalMappingInit(k, base)
				for pfn := k.M.L.Kernel.MaxLowPFN; pfn < 0x800; pfn++ {
					if pte, ok := k.Lookup(k.M.L.VA(pfn.PA())); ok {
						k.PV.SetPTE[model.VariantLate](k, pte, 0)
					}
				}
			}
		}},
	}})
}

// TestTwoLevelLargePages is about large pages: they replace the kernel's
// pointers to boot tables, which then hang on the low half alone, unchanged;
// kernel pointers beyond low memory stay, also after the zap, which frees
// nothing. Facts 16, 17.
func TestTwoLevelLargePages(t *testing.T) {
	const frames = 0x300 // 3 MiB: the second boot table lies beyond
	check := func(zapped bool) func(r *result) {
		return func(r *result) {
			want(r, "outcome", r.Outcome, "ok")
			c := &r.Config
			want(r, "first kernel entry", r.upper(c.PageOffset), 0x0e3)
			want(r, "second kernel entry", r.upper(c.PageOffset+1<<22), c.PG0+0x1000|7)
			_, first := r.has(c.PG0, 1)
			want(r, "first boot table reachable", first, !zapped)
			for n := range uint64(2) {
				expect := c.PG0 + n<<12 | 7
				if zapped {
					expect = 0
				}
				want(r, "low entry", r.upper(n<<22), expect)
				for i := range uint64(1024) {
					want(r, "entry of a boot table", r.raw(c.PG0+n<<12, 1, int(i)), (n*1024+i)<<12|7)
				}
			}
		}
	}
	presentStays := mutant{"large pages only where nothing is", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.MapLarge = func(k *hooks.Kernel, pmd model.VA, pfn model.PFN) {
			if !k.Read(pmd).Is(model.Present) {
				hooks.MapLarge(k, pmd, pfn)
			}
		}
	}}
	clears := mutant{"kernel entries beyond memory cleared", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.MapLarge = func(k *hooks.Kernel, pmd model.VA, pfn model.PFN) {
			hooks.MapLarge(k, pmd, pfn)
			k.PV.SetPMD(k, pmd+4, 0)
		}
	}}
	halfZap := mutant{"zap leaves the second entry", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.ZapLowMappings = func(k *hooks.Kernel) { k.SetPGD(k.Base(), 0) }
	}}
	large := func(zap bool) golden.Config {
		return nativeConfig(t, golden.TwoLevel, func(c *golden.Config) { c.MaxLowPFN, c.BootmemFirstPFN, c.PSE, c.ZapLowMappings = frames, 4, true, zap })
	}
	holds(t,
		fact{"kept", large(false), check(false), []mutant{presentStays, clears}},
		fact{"zapped", large(true), check(true), []mutant{presentStays, clears, halfZap}},
	)
}

// TestTwoLevelZap is about the zap: one write of 0 through the PMD hook for each
// entry below PAGE_OFFSET, empty or not. Fact 17.
func TestTwoLevelZap(t *testing.T) {
	zaps := func(r *result) {
		want(r, "outcome", r.Outcome, "ok")
		lines := r.lines[r.find("zap")+1:]
		want(r, "writes", len(lines), int(r.Config.PageOffset>>22))
		for i, l := range lines {
			want(r, "write", l, fmt.Sprintf("set_pmd %08x %016x", r.Config.SwapperPgDir+uint64(i)*4, 0))
		}
	}
	onlyPresent := mutant{"empty entries skipped", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.ZapLowMappings = func(k *hooks.Kernel) {
			for i := range k.M.L.UserSlots() {
				if entry := k.Slot(k.Base(), i); k.Read(entry) != 0 {
					k.SetPGD(entry, 0)
				}
			}
		}
	}}
	plain := mutant{"plain writes", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.ZapLowMappings = func(k *hooks.Kernel) {
			for i := range k.M.L.UserSlots() {
				k.Write(k.Slot(k.Base(), i), 0)
			}
		}
	}}
	for _, offset := range []uint64{0x4000_0000, 0xc000_0000} {
		c := nativeConfig(t, golden.TwoLevel, func(c *golden.Config) { c.PageOffset, c.PSE, c.ZapLowMappings = offset, true, true })
		holds(t, fact{fmt.Sprintf("%#x", offset), c, zaps, []mutant{onlyPresent, plain}})
	}
}
