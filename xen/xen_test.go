package xen_test

import (
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/xen"
)

// guest describes a small guest of 16 frames, all mapped; machine frame numbers
// run backwards from 115. Frames: 0 root, 1 zero page, then the builder's root,
// middle and leaf tables, then free ones.
func guest(t *testing.T, levels int) xen.Config {
	t.Helper()
	slots := [][]int{2: {8, 4}, 3: {2, 8, 4}, 4: {4, 2, 8, 4}}[levels]
	width := 8
	if levels == 2 {
		width = 4
	}
	g, err := model.NewGeometry("guest", width, slots...)
	if err != nil {
		t.Fatal(err)
	}
	g.PAERoot, g.SignExtend = levels == 3, levels == 4
	c := xen.Config{Geo: g, Hyper: model.Hyper{Profile: model.Xen31()}, P2M: make([]model.MFN, 16), Extra: []model.MFN{77}}
	c.Hyper.Extra = []model.Extra{{Name: "h", Kind: model.SharedInfo}}
	for i := range c.P2M {
		c.P2M[i] = model.MFN(115 - i)
	}
	next := model.PFN(2)
	for level := levels; level > 1; level-- {
		c.Tables.Frames[level] = []model.PFN{next}
		next++
	}
	for range 4 {
		c.Tables.Frames[1] = append(c.Tables.Frames[1], next)
		next++
	}
	c.Tables.MapEnd = 0x1_0000
	for level := range levels + 1 {
		c.Tables.Flags[level] = model.Present | model.RW | model.User
	}
	if levels == 3 {
		c.Tables.Flags[3] = model.Present
	}
	c.Kernel = model.KernelMap{PageOffset: g.Wrap(1 << (g.VABits() - 1)), MaxLowPFN: 16, ZeroPage: 1, BootmemFirst: next, PTBase: 2, SharedInfo: 77}
	return c
}

// kernel boots the guest's backend on its tables.
func kernel(t *testing.T, c xen.Config) *hooks.Kernel {
	t.Helper()
	s, err := xen.StartOfDay(c)
	if err != nil {
		t.Fatal(err)
	}
	ops := xen.Ops()
	return hooks.New(model.NewMachine(s), &ops)
}

// leaf is the leaf entry of a frame in low memory.
func leaf(k *hooks.Kernel, pfn model.PFN) model.Entry {
	tr, _ := k.M.Walk(k.M.L.VA(pfn.PA()))
	return tr.Entry
}

func TestStartOfDay(t *testing.T) {
	for levels := 2; levels <= 4; levels++ {
		c := guest(t, levels)
		k := kernel(t, c)
		tables := map[model.PFN]int{}
		for level := 1; level <= levels; level++ {
			for _, f := range c.Tables.Frames[level] {
				tables[f] = level
			}
		}
		for pfn := range model.PFN(16) {
			e := leaf(k, pfn)
			if level := tables[pfn]; e.MFN() != c.P2M[pfn] || e.Is(model.RW) != (level == 0) {
				t.Errorf("%d levels: leaf of frame %d is %#x", levels, pfn, e)
			}
			want := model.TypeWritable
			if tables[pfn] > 0 {
				want = model.TableType(tables[pfn])
			}
			if i := k.M.Info(model.Frame(pfn)); !i.InUseAs(want) {
				t.Errorf("%d levels: frame %d is %+v, want %v", levels, pfn, i, want)
			}
		}
		if root := k.M.Info(2); k.M.CPU.CR3 != 2 || !root.Is(model.Pinned) || k.M.Kernel.SetPTE != model.VariantNone || k.M.Kernel.AllocPT != model.VariantInit {
			t.Errorf("%d levels: CR3 %d, root %+v, kernel %+v", levels, k.M.CPU.CR3, root, k.M.Kernel)
		}
	}
}

func TestStartOfDayRefuses(t *testing.T) {
	for _, x := range []struct {
		name string
		edit func(c *xen.Config)
		want string
	}{
		{"two roots", func(c *xen.Config) { c.Tables.Frames[3] = []model.PFN{2, 9} }, "2 root tables"},
		{"no root", func(c *xen.Config) { c.Tables.Frames[3] = nil }, "0 root tables"},
		{"table beyond memory", func(c *xen.Config) { c.Tables.Frames[1][3] = 16 }, "is not the guest's"},
		{"frame used twice", func(c *xen.Config) { c.Tables.Frames[1][3] = 2 }, "two tables"},
		{"mapped beyond memory", func(c *xen.Config) { c.Tables.MapEnd = 0x1_1000 }, "exceeds the guest's memory"},
		{"too few L1 tables", func(c *xen.Config) { c.Tables.Frames[1] = c.Tables.Frames[1][:3] }, "too few L1 tables"},
		{"too few L2 tables", func(c *xen.Config) { c.Tables.Frames[2] = nil }, "too few L2 tables"},
		{"no L2 to spare", func(c *xen.Config) { c.Tables.ExtraL2 = true }, "no L2 table to spare"},
		{"flags that Xen refuses", func(c *xen.Config) { c.Tables.Flags[2] |= model.PSE }, "hypervisor refuses"},
		{"machine frame twice", func(c *xen.Config) { c.P2M[3] = c.P2M[4] }, "share machine frame"},
	} {
		c := guest(t, 3)
		x.edit(&c)
		if _, err := xen.StartOfDay(c); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, want an error about %q", x.name, err, x.want)
		}
	}
	c := guest(t, 4)
	c.Hyper.XenLevel, c.Hyper.XenFirst, c.Hyper.XenLast = 4, 2, 2
	if _, err := xen.StartOfDay(c); err == nil || !strings.Contains(err.Error(), "hypervisor's slots") {
		t.Errorf("low memory in the hypervisor's slots: %v", err)
	}
}

// TestMakeAndRead converts entries both ways. On 32 bits everything above the
// frame number's 32 bits is lost in making, and any non-zero entry reads as
// present, but not a leaf without PAE; 64 bits keep all flags.
func TestMakeAndRead(t *testing.T) {
	const flags = uint64(model.NX) | 1<<54 | 0x267
	for _, x := range []struct {
		levels     int
		made       model.Entry // of frame 5 with these flags
		pte, upper uint64      // of a non-present entry that names its machine frame
	}{
		{2, 110<<12 | 0x267, 110<<12 | 0x66, 0x5067},
		{3, 110<<12 | 0x267, 0x5067, 0x5067},
		{4, 110<<12 | model.Entry(flags), 0x5067, 0x5067},
	} {
		k := kernel(t, guest(t, x.levels))
		for name, make := range map[string]func(*hooks.Kernel, uint64) model.Entry{"pte": k.PV.MakePTE, "pmd": k.PV.MakePMD, "pgd": k.PV.MakePGD} {
			if got := make(k, 0x5000|flags); got != x.made {
				t.Errorf("%d levels: make_%s = %#x, want %#x", x.levels, name, got, x.made)
			}
			if got := make(k, 0x5066); got != 0x5066 {
				t.Errorf("%d levels: make_%s of a non-present value = %#x", x.levels, name, got)
			}
			for _, beyond := range []uint64{0x1_0001, 0x9_9001} {
				if got := make(k, beyond); k.M.L.Map.Frame(got.MFN()) != model.NoFrame {
					t.Errorf("%d levels: make_%s(%#x), beyond memory, is %#x, which is somebody's", x.levels, name, beyond, got)
				}
			}
		}
		for name, get := range map[string]func(*hooks.Kernel, model.Entry) uint64{"pmd": k.PV.PMDVal, "pgd": k.PV.PGDVal} {
			if got := get(k, 110<<12|0x66); got != x.upper {
				t.Errorf("%d levels: %s_val = %#x, want %#x", x.levels, name, got, x.upper)
			}
		}
		if got := k.PV.PTEVal(k, 110<<12|0x66); got != x.pte {
			t.Errorf("%d levels: pte_val = %#x, want %#x", x.levels, got, x.pte)
		}
		if got := k.PV.PTEVal(k, 110<<12|0x63); got != 0x5063 {
			t.Errorf("%d levels: pte_val of a present entry = %#x", x.levels, got)
		}
	}
}

// TestLowmemProtection makes a page read-only and writable again, which the
// hypervisor refuses while the page is a table.
func TestLowmemProtection(t *testing.T) {
	k := kernel(t, guest(t, 3))
	page, table := k.M.L.VA(0xc000), k.M.L.VA(0x4000)
	if c := k.M.Run(func() { xen.MakeLowmemPageReadonly(k, page) }); c != nil || leaf(k, 12).Is(model.RW) {
		t.Errorf("read-only: %v, leaf %#x", c, leaf(k, 12))
	}
	if c := k.M.Run(func() { k.PV.ReleasePT(k, 12) }); c != nil || !leaf(k, 12).Is(model.RW) {
		t.Errorf("writable: %v, leaf %#x", c, leaf(k, 12))
	}
	if c := k.M.Run(func() { xen.MakeLowmemPageReadwrite(k, table) }); c == nil || c.Where != "make_lowmem_page_readwrite" || c.Errno != model.EINVAL {
		t.Errorf("writable table: %v, want a BUG", c)
	}
	if leaf(k, 4).Is(model.RW) {
		t.Error("a table became writable")
	}
}

// TestAllocPT checks when a new table becomes read-only: early always, later
// only for a pinned root.
func TestAllocPT(t *testing.T) {
	for _, x := range []struct {
		name     string
		variant  model.Variant
		second   bool // for the second root instead of the kernel's
		pinned   bool
		readOnly bool
	}{
		{"early", model.VariantInit, false, false, true},
		{"early, for another root", model.VariantInit, true, false, true},
		{"late", model.VariantLate, false, false, true},
		{"late, for a root not pinned", model.VariantLate, true, false, false},
		{"late, for a pinned root", model.VariantLate, true, true, true},
	} {
		k := kernel(t, guest(t, 3))
		k.M.Kernel.SecondPinned = x.pinned
		pgd := k.Base()
		if x.second {
			pgd = k.M.L.VA(0xd000)
		}
		if c := k.M.Run(func() { k.PV.AllocPT[x.variant](k, pgd, 12) }); c != nil || leaf(k, 12).Is(model.RW) == x.readOnly {
			t.Errorf("%s: %v, leaf %#x, want read-only %t", x.name, c, leaf(k, 12), x.readOnly)
		}
	}
}

// TestAllocPD checks that new L2 tables stay writable on 32 bits.
func TestAllocPD(t *testing.T) {
	for levels := 2; levels <= 4; levels++ {
		k := kernel(t, guest(t, levels))
		if c := k.M.Run(func() { k.PV.AllocPD(k, 12) }); c != nil || leaf(k, 12).Is(model.RW) != (levels < 4) {
			t.Errorf("%d levels: %v, leaf %#x", levels, c, leaf(k, 12))
		}
	}
}

// TestSetPTEInit tries old and new leaves in all combinations that matter.
func TestSetPTEInit(t *testing.T) {
	for _, x := range []struct {
		name     string
		old, new model.Entry
		want     model.Entry
	}{
		{"read-only stays so", 0x021, 0x063, 0x061},
		{"writable", 0x027, 0x063, 0x063},
		{"not present", 0x020, 0x063, 0x063},
		{"nothing", 0, 0x063, 0x063},
		{"read-only replaced by nothing", 0x021, 0, 0},
		{"writable becomes read-only", 0x063, 0x061, 0x061},
	} {
		k := kernel(t, guest(t, 3))
		page := k.M.L.VA(0xd000)
		entry := func() model.VA { pte, _, _ := k.LookupAddress(page); return pte }
		frame := model.MakeEntry(k.M.L.Map.MFN(13), 0)
		withFrame := func(e model.Entry) model.Entry {
			if e == 0 {
				return 0
			}
			return frame | e
		}
		if rc := k.M.UpdateVAMapping(page, withFrame(x.old), model.UVMFNone); rc != model.OK {
			t.Fatal(rc)
		}
		if c := k.M.Run(func() { xen.SetPTEInit(k, entry(), withFrame(x.new)) }); c != nil || k.Read(entry()) != withFrame(x.want) {
			t.Errorf("%s: %v, leaf %#x, want %#x", x.name, c, k.Read(entry()), withFrame(x.want))
		}
	}
}

// TestWriteCR3 checks that the root in use is not loaded again.
func TestWriteCR3(t *testing.T) {
	k := kernel(t, guest(t, 3))
	steps := new(log)
	k.M.Observe(steps)
	if c := k.M.Run(func() { k.PV.WriteCR3(k, 0x2000) }); c != nil || len(*steps) != 1 || (*steps)[0].Op != model.OpFlush {
		t.Errorf("the root in use: %v, steps %+v", c, *steps)
	}
	if c := k.M.Run(func() { k.PV.WriteCR3(k, 0xc000) }); c == nil || c.Where != "xen_write_cr3" {
		t.Errorf("a page that is no root: %v, want a BUG", c)
	}
}

type log []model.Step

func (l *log) Step(_ *model.Machine, s *model.Step) { *l = append(*l, *s) }

// booted takes a guest through its boot, up to the root load.
func booted(t *testing.T, c xen.Config) *hooks.Kernel {
	t.Helper()
	k := kernel(t, c)
	crash := k.M.Run(func() {
		hooks.SetupStart(k)
		for pfn := range model.PFN(16) {
			hooks.MapLowmemLeaf(k, pfn)
		}
		start, end := hooks.FixmapRange(k.M.L)
		hooks.CreateRange(k, start, end)
		hooks.SetupDone(k)
		hooks.LoadRoot(k)
	})
	if crash != nil {
		t.Fatal(crash)
	}
	return k
}

// withFixmap puts the fixmap into an L2 slot of the kernel's part.
func withFixmap(c xen.Config, slot int) xen.Config {
	c.Kernel.FixTop = c.Geo.Wrap(c.Kernel.PageOffset + model.VA(slot+1)*c.Geo.Span(2) - 0x1000)
	c.Kernel.NrFixed, c.Kernel.FixSharedInfo = 3, 1
	return c
}

// TestPinAndUnpin takes a second address space through its life: all its tables
// read-only and pinned, then writable again.
func TestPinAndUnpin(t *testing.T) {
	for levels, fixmap := range map[int]int{2: 4, 3: 7} {
		k := booted(t, withFixmap(guest(t, levels), fixmap))
		if crash := k.M.Run(func() { hooks.Fork(k); hooks.Activate(k); hooks.Switch(k, true) }); crash != nil {
			t.Fatalf("%d levels: %v", levels, crash)
		}
		second := k.M.Kernel.Second
		if i := k.M.Info(second); k.M.CPU.CR3 != second || !i.Is(model.Pinned) || !k.M.Kernel.SecondPinned || leaf(k, model.PFN(second)).Is(model.RW) {
			t.Errorf("%d levels: CR3 %d, second root %d %+v, leaf %#x", levels, k.M.CPU.CR3, second, i, leaf(k, model.PFN(second)))
		}
		for va := k.M.L.Kernel.PageOffset; levels == 3 && va != 0; va = k.M.L.Geo.Wrap(va + 0x1000) {
			a, x := k.M.WalkFrom(k.M.L.Geo, 0, va)
			b, y := k.M.WalkFrom(k.M.L.Geo, second, va)
			if x != y || a.Entry != b.Entry {
				t.Errorf("%#x is %#x in the kernel's tables, %#x in the second", va, a.Entry, b.Entry)
			}
		}
		pgd := k.M.L.VA(model.PFN(second).PA())
		if crash := k.M.Run(func() { xen.ExitMMap(k, pgd) }); crash != nil {
			t.Fatalf("%d levels: exit: %v", levels, crash)
		}
		if i := k.M.Info(second); k.M.CPU.CR3 != 0 || i.Is(model.Pinned) || i.InUseAs(model.TableType(levels)) || k.M.Kernel.SecondPinned || !leaf(k, model.PFN(second)).Is(model.RW) {
			t.Errorf("%d levels after exit: CR3 %d, second root %+v, leaf %#x", levels, k.M.CPU.CR3, i, leaf(k, model.PFN(second)))
		}
		steps := new(log)
		k.M.Observe(steps)
		if crash := k.M.Run(func() { xen.ExitMMap(k, pgd) }); crash != nil || len(*steps) != 0 {
			t.Errorf("%d levels: exit of what is not pinned: %v, %+v", levels, crash, *steps)
		}
	}
}

// TestForkLeavesHypervisorSlots checks that a new root's slots of the hypervisor
// stay for it to fill.
func TestForkLeavesHypervisorSlots(t *testing.T) {
	c := withFixmap(guest(t, 2), 4)
	c.P2M, c.Kernel.MaxLowPFN, c.Tables.MapEnd = c.P2M[:12], 12, 0xc000
	c.Tables.Frames[1] = c.Tables.Frames[1][:3]
	c.Hyper.XenLevel, c.Hyper.XenFirst, c.Hyper.XenLast = 2, 7, 7
	c.Tables.Xen = []xen.XenEntry{{Slot: 7, Raw: 0x7_7063}}
	k := kernel(t, c)
	if crash := k.M.Run(func() { hooks.SetupStart(k); hooks.Fork(k) }); crash != nil {
		t.Fatal(crash)
	}
	g := k.M.L.Geo
	if first, second := k.M.Entry(g, 0, 7), k.M.Entry(g, k.M.Kernel.Second, 7); first != 0x7_7063 || second != 0 {
		t.Errorf("hypervisor's slot: %#x in the kernel's root, %#x in the second", first, second)
	}
	if first, second := k.M.Entry(g, 0, 5), k.M.Entry(g, k.M.Kernel.Second, 5); first == 0 || second != first {
		t.Errorf("kernel's slot: %#x in the kernel's root, %#x in the second", first, second)
	}
}
