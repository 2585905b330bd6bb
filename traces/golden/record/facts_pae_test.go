package record

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/traces/golden"
)

// TestPAESetupStart is about the root at the beginning: user entries name the
// zero page through the hook, kernel entries are cleared without it, and nobody
// is told of root and zero page. Facts 19, 20.
func TestPAESetupStart(t *testing.T) {
	start := func(r *result) {
		want(r, "outcome", r.Outcome, "ok")
		c := &r.Config
		user := int(c.PageOffset >> 30)
		for i := range user {
			want(r, "line", r.lines[1+i], fmt.Sprintf("set_pgd %08x %016x", c.SwapperPgDir+uint64(i)*8, c.EmptyZeroPage|1))
		}
		want(r, "line after the user entries", strings.Fields(r.lines[1+user])[0], "bootmem")
		want(r, "stores", len(r.stores(model.CallSetupStart)), 4)
		for i, s := range r.stores(model.CallSetupStart) {
			want(r, "place of a store", s.VA, model.VA(c.PageOffset+c.SwapperPgDir)+model.VA(i)*8)
			want(r, "cleared", s.Value == 0, i >= user)
		}
		for _, table := range []uint64{c.SwapperPgDir, c.EmptyZeroPage} {
			want(r, "alloc_pd of root or zero page", r.count(fmt.Sprintf("alloc_pd %x", table>>12)), 0)
		}
	}
	// Entries that head.S left behind would be taken for tables.
	uncleared := mutant{"kernel entries not cleared", func(o *hooks.Ops, _ *hooks.Funcs) {
		o.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) {
			for i := range k.M.L.UserSlots() {
				k.SetPGD(k.Slot(base, i), model.Entry(k.M.L.Kernel.ZeroPage.PA())|model.Present)
			}
		}
	}}
	hooked := mutant{"kernel entries cleared by the hook", func(o *hooks.Ops, _ *hooks.Funcs) {
		o.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) {
			native.PagetableSetupStart(k, base)
			for i := k.M.L.UserSlots(); i < 4; i++ {
				k.SetPGD(k.Slot(base, i), 0)
			}
		}
	}}
	announced := mutant{"alloc_pd of the root", func(o *hooks.Ops, _ *hooks.Funcs) {
		o.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) {
			native.PagetableSetupStart(k, base)
			k.PV.AllocPD(k, k.M.L.Kernel.Root)
		}
	}}
	for _, offset := range []uint64{0x4000_0000, 0x8000_0000, 0xc000_0000} {
		c := nativeConfig(t, golden.PAE, func(c *golden.Config) {
			c.PSE, c.PageOffset, c.InitMapBeyondEnd = true, offset, 0x280_0000 // boot tables up to 48 MiB
		})
		holds(t, fact{fmt.Sprintf("%#x", offset), c, start, []mutant{uncleared, hooked, announced}})
	}
}

// TestPAERootResidue is about the root's page, which is head.S's directory at
// that time: exactly the first eight of its entries, 32 MiB, are overwritten;
// those above and the kernel half survive until the switch. Fact 21.
func TestPAERootResidue(t *testing.T) {
	c := nativeConfig(t, golden.PAE, func(c *golden.Config) { c.InitMapBeyondEnd = 0x280_0000 })
	survive := func(r *result) {
		want(r, "outcome", r.Outcome, "ok")
		c := &r.Config
		tables := uint64(c.BootTables())
		want(r, "boot tables", tables, 11)
		var expect []golden.Entry
		for k := uint64(8); k < tables; k++ {
			expect = append(expect, golden.Entry{Index: int(k), Raw: c.PG0 + k<<12 | 7})
		}
		for k := range tables {
			expect = append(expect, golden.Entry{Index: int(0xc00/4 + k), Raw: c.PG0 + k<<12 | 7})
		}
		want(r, "residue", fmt.Sprintf("%x", r.RootResidue), fmt.Sprintf("%x", expect))
	}
	more := mutant{"eight root entries", func(o *hooks.Ops, _ *hooks.Funcs) {
		o.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) {
			native.PagetableSetupStart(k, base)
			for i := 4; i < 8; i++ {
				k.Write(k.Slot(base, i), 0)
			}
		}
	}}
	holds(t, fact{"", c, survive, []mutant{more}})
}

// TestPAEBuildsThroughBootTables is about where new tables may lie before the
// root switch: every frame must be mapped by the boot tables, in PAE with large
// pages too. In 2-level mode large pages are live at once, small ones are not.
// Fact 22.
func TestPAEBuildsThroughBootTables(t *testing.T) {
	for _, x := range []struct {
		mode   golden.Mode
		pse    bool
		beyond int // pages from the end of the boot map to the first new table
		ok     bool
	}{
		{golden.PAE, false, 0, false},
		{golden.PAE, true, 0, false},
		{golden.PAE, true, -1, false}, // the L2 is fine, the fixmap's table is not
		{golden.PAE, true, -2, true},
		{golden.TwoLevel, false, 0, false},
		{golden.TwoLevel, true, 0, true},
	} {
		c := nativeConfig(t, x.mode, func(c *golden.Config) {
			c.PSE, c.MaxLowPFN = x.pse, 0x1000
			c.BootmemFirstPFN = uint64(int(c.BootMapEnd()>>12) + x.beyond)
		})
		expect := "ok"
		if !x.ok {
			expect = fmt.Sprintf("fault write %08x", c.PageOffset+c.BootMapEnd())
		}
		if got := bootFact(t, &c, nil).Outcome; got != expect {
			t.Errorf("%s pse=%t, first table %d pages behind the boot map: %s, want %s", x.mode, x.pse, x.beyond, got, expect)
		}
	}
}

// TestOldSlack is about the 128 KiB that head.S used to map beyond its tables:
// enough or not for PAE's tables depending on the rounding to 4 MiB. Fact 22.
func TestOldSlack(t *testing.T) {
	for _, x := range []struct {
		pg0, slack uint64
		outcome    string
	}{
		{0x3d_0000, 0x2_0000, "fault write c0400000"},
		{0x3d_0000, 0x82_8000, "ok"},
		{0x3f_0000, 0x2_0000, "ok"}, // a second boot table, by rounding
	} {
		c := nativeConfig(t, golden.PAE, func(c *golden.Config) {
			c.MaxLowPFN, c.PG0, c.InitMapBeyondEnd = 0x6000, x.pg0, x.slack // 96 MiB: 50 tables
			c.BootmemFirstPFN = c.InitPgTablesEnd() >> 12
		})
		f, err := Run("slack", &c, Options{NoDump: true})
		if err != nil {
			t.Fatal(err)
		}
		if f.Outcome != x.outcome {
			t.Errorf("tables from %#x, slack %#x: %s, want %s", x.pg0, x.slack, f.Outcome, x.outcome)
		}
	}
}

// TestPAEMiddleTables is about L2 tables: one for each kernel root slot, also
// beyond low memory, each followed by its L1s, and only then the next. Fact 23.
func TestPAEMiddleTables(t *testing.T) {
	lowmemOnly := mutant{"L2 tables for low memory only", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.KernelPhysicalMappingInit = func(k *hooks.Kernel, base model.VA) {
			for pfn := range k.M.L.Kernel.MaxLowPFN {
				hooks.MapLeaf(k, base, pfn)
			}
		}
	}}
	lastFirst := mutant{"the last L2 first", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.KernelPhysicalMappingInit = func(k *hooks.Kernel, base model.VA) {
			k.Fn.OneMDTableInit(k, 3, k.Slot(base, 3))
			hooks.KernelPhysicalMappingInit(k, base)
		}
	}}
	allFirst := mutant{"all L2 tables first", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.KernelPhysicalMappingInit = func(k *hooks.Kernel, base model.VA) {
			for i := k.M.L.UserSlots(); i < 4; i++ {
				k.Fn.OneMDTableInit(k, 3, k.Slot(base, i))
			}
			hooks.KernelPhysicalMappingInit(k, base)
		}
	}}
	const l1s = " pte pte pte pte pte pte" // for 0xa42 frames
	for _, x := range []struct {
		offset   uint64
		purposes string
		mutants  []mutant
	}{
		{0xc000_0000, "pmd" + l1s + " pte", nil},
		{0x8000_0000, "pmd" + l1s + " pmd pte", []mutant{lastFirst, allFirst}},
		{0x4000_0000, "pmd" + l1s + " pmd pmd pte", []mutant{lowmemOnly, lastFirst, allFirst}},
	} {
		check := func(r *result) {
			want(r, "outcome", r.Outcome, "ok")
			want(r, "allocations", r.purposes(), x.purposes)
			for slot := int(x.offset >> 30); slot < 4; slot++ {
				raw := r.raw(r.Config.SwapperPgDir, 3, slot)
				want(r, "flags of a root entry", raw&0xfff, 1)
				_, reachable := r.has(raw&^0xfff, 2)
				want(r, "L2 reachable", reachable, true)
			}
		}
		c := nativeConfig(t, golden.PAE, func(c *golden.Config) { c.PageOffset, c.InitEnd = x.offset, x.offset+0x2a1000 })
		holds(t, fact{fmt.Sprintf("%#x", x.offset), c, check, x.mutants})
	}
}

// TestPAELowSlots is about the root entries below PAGE_OFFSET: slot 0 is a copy
// of the first kernel entry, fixmap and all, whatever the number of processors;
// the others are the zero page, which is an empty L2; the zap puts it into slot
// 0 as well. Facts 24, 25.
func TestPAELowSlots(t *testing.T) {
	check := func(r *result) {
		want(r, "outcome", r.Outcome, "ok")
		c := &r.Config
		user := int(c.PageOffset >> 30)
		for i := range user {
			expect := c.EmptyZeroPage | 1
			if i == 0 && !c.ZapLowMappings {
				expect = r.raw(c.SwapperPgDir, 3, user)
			}
			want(r, fmt.Sprintf("root entry %d", i), r.raw(c.SwapperPgDir, 3, i), expect)
		}
		if listed, reachable := r.has(c.EmptyZeroPage, 2); c.ZapLowMappings || user > 1 {
			want(r, "zero page is an L2", listed && reachable, true)
			want(r, "its entries", len(r.pages[pageID{c.EmptyZeroPage, 2, 8}]), 0)
		}
		if c.ZapLowMappings {
			return
		}
		low, level := r.leaf(0x12_3000)
		high, _ := r.leaf(c.PageOffset + 0x12_3000)
		want(r, "low identity", level == 1 && low == high, true)
		if user == 3 {
			want(r, "fixmap in the identity mapping", r.tableOf(c.FixLowestVA()&0x3fff_ffff), r.tableOf(c.FixLowestVA()))
		}
	}
	zeroes := mutant{"zap writes 0", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.ZapLowMappings = func(k *hooks.Kernel) {
			for i := range k.M.L.UserSlots() {
				k.SetPGD(k.Slot(k.Base(), i), 0)
			}
		}
	}}
	noCopy := mutant{"no identity mapping", func(o *hooks.Ops, _ *hooks.Funcs) {
		o.PagetableSetupDone = func(*hooks.Kernel, model.VA) {}
	}}
	empty := mutant{"user entries empty", func(o *hooks.Ops, _ *hooks.Funcs) {
		o.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) {
			for i := range 4 {
				k.Write(k.Slot(base, i), 0)
			}
		}
	}}
	for _, offset := range []uint64{0x4000_0000, 0x8000_0000, 0xc000_0000} {
		for _, zap := range []bool{false, true} {
			c := nativeConfig(t, golden.PAE, func(c *golden.Config) { c.PageOffset, c.ZapLowMappings = offset, zap })
			var mutants []mutant
			if zap {
				mutants = append(mutants, zeroes)
			} else {
				mutants = append(mutants, noCopy)
				if offset > 0x4000_0000 {
					mutants = append(mutants, empty)
				}
			}
			holds(t, fact{fmt.Sprintf("%#x zap=%t", offset, zap), c, check, mutants})
		}
	}
}

// TestPAEAbandonsBootTables is about head.S's tables: out of reach afterwards,
// and as they were. Fact 26.
func TestPAEAbandonsBootTables(t *testing.T) {
	abandoned := func(r *result) {
		want(r, "outcome", r.Outcome, "ok")
		for n := range r.Config.BootTables() {
			pa := r.Config.PG0 + uint64(n)<<12
			listed, reachable := r.has(pa, 1)
			want(r, "boot table listed, reachable", fmt.Sprint(listed, reachable), "true false")
			for i := range uint64(1024) {
				want(r, "entry of a boot table", r.pages[pageID{pa, 1, 4}][int(i)], (uint64(n)*1024+i)<<12|7)
			}
		}
	}
	// A kernel that fills the tables that it finds, as 2-level ones do.
	reuse := mutant{"first L1 in a boot table", func(_ *hooks.Ops, fn *hooks.Funcs) {
		md := fn.OneMDTableInit
		fn.OneMDTableInit = func(k *hooks.Kernel, level int, entry model.VA) model.VA {
			table := md(k, level, entry)
			if k.Read(table) == 0 {
				k.Write(table, 0x30e067) // pg0
			}
			return table
		}
	}}
	holds(t, fact{"", nativeConfig(t, golden.PAE), abandoned, []mutant{reuse}})
}

// TestPAEUnalignedOffset is about a PAGE_OFFSET inside a root slot: low memory
// is mapped from the slot's base while text is judged by PAGE_OFFSET; the first
// access after the root load faults, or hits other memory if there is enough of
// it. Fact 28.
func TestPAEUnalignedOffset(t *testing.T) {
	const offset = 0xa000_0000
	unaligned := func(frames uint64, zap bool) golden.Config {
		return nativeConfig(t, golden.PAE, func(c *golden.Config) {
			c.PSE, c.NX, c.MaxLowPFN, c.ZapLowMappings = true, true, frames, zap
			c.PageOffset, c.InitEnd = offset, offset+0x2a1000
		})
	}
	outcome := func(text string) func(r *result) {
		return func(r *result) { want(r, "outcome", r.Outcome, text) }
	}
	aligned := mutant{"mapping starts at PAGE_OFFSET's own entry", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.KernelPhysicalMappingInit = func(k *hooks.Kernel, base model.VA) {
			for pfn := model.PFN(0); pfn < k.M.L.Kernel.MaxLowPFN; pfn += 512 {
				hooks.MapLeaf(k, base, pfn)
			}
			k.Fn.OneMDTableInit(k, 3, k.Slot(base, 3))
		}
	}}
	holds(t,
		fact{"before the first access", unaligned(0xa42, false), func(r *result) {
			want(r, "outcome", r.Outcome, "ok")
			for pfn := uint64(0); pfn < r.Config.MaxLowPFN; pfn += 512 {
				raw, _ := r.leaf(0x8000_0000 + pfn<<12)
				expect := pfn<<12 | 0x0e3
				if offset+pfn<<12 > r.Config.InitEnd {
					expect |= nx
				}
				want(r, fmt.Sprintf("leaf of frame %#x", pfn), raw, expect)
				raw, _ = r.leaf(offset + pfn<<12)
				want(r, "leaf where it should be", raw, 0)
			}
		}, []mutant{aligned}},
		fact{"addresses wrap", unaligned(0x7_fe00, false), func(r *result) {
			want(r, "outcome", r.Outcome, "ok")
			for _, pfn := range []uint64{0x5_fe00, 0x6_0000, 0x6_0200, 0x7_fc00} { // the second is at address 0
				raw, _ := r.leaf(0x8000_0000 + pfn<<12)
				want(r, fmt.Sprintf("leaf of frame %#x", pfn), raw, pfn<<12|0x0e3|nx)
			}
		}, []mutant{textRule("text from 0 on", func(k *hooks.Kernel, va model.VA) bool { return va <= k.M.L.Kernel.TextEnd })}},
		fact{"zap", unaligned(0xa42, true), outcome("fault write a02a1000"), []mutant{aligned}},
		fact{"zap with much memory", unaligned(0x2_0400, true), outcome("misaccess write a02a1000 reaches pa 0202a1000"), []mutant{aligned}},
	)
}
