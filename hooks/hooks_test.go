package hooks_test

import (
	"runtime"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
)

// newKernel is a native two-level kernel of 16 frames on boot tables that map all
// of them. Its fixmap has no table yet.
func newKernel(t *testing.T, edit func(c *native.Config)) *hooks.Kernel {
	t.Helper()
	g, err := model.NewGeometry("tiny", 4, 16, 4)
	if err != nil {
		t.Fatal(err)
	}
	c := native.Config{Geo: g, Boot: g, PG0: 2, MapBeyondEnd: 0xa000}
	c.Kernel = model.KernelMap{PageOffset: 0x2_0000, MaxLowPFN: 16, Root: 0, ZeroPage: 1, BootmemFirst: 6, FixTop: 0x3_f000, NrFixed: 4}
	if edit != nil {
		edit(&c)
	}
	s, err := native.StartOfDay(c)
	if err != nil {
		t.Fatal(err)
	}
	ops := native.Ops()
	return hooks.New(model.NewMachine(s), &ops)
}

// died runs kernel code and says how it ended.
func died(k *hooks.Kernel, fn func()) string {
	if c := k.M.Run(fn); c != nil {
		return c.Error()
	}
	return "alive"
}

func TestFixmapLeaves(t *testing.T) {
	k := newKernel(t, nil)
	fix := func(index int, pfn model.PFN, prot model.Entry) string {
		return died(k, func() { hooks.SetFixmap(k, index, pfn, prot) })
	}
	if got := fix(1, 9, k.KernelProt(false)); got != "bug set_pte_pfn BUG" {
		t.Errorf("fixmap without a table: %s", got)
	}
	k.M.Run(func() {
		start, end := hooks.FixmapRange(k.M.L)
		hooks.CreateRange(k, start, end)
	})
	for _, x := range []struct {
		index int
		prot  model.Entry
		died  string
		leaf  model.Entry
	}{
		{0, 1, "bug __set_fixmap BUG", 0}, // the hole
		{4, 1, "bug __set_fixmap BUG", 0},
		{-1, 1, "bug __set_fixmap BUG", 0},
		{3, k.KernelProt(false), "alive", 0x9063},
		{3, k.KernelProt(true), "alive", 0x9061},
		{3, 0, "alive", 0},
	} {
		if got := fix(x.index, 9, x.prot); got != x.died {
			t.Errorf("fixmap index %d: %s, want %s", x.index, got, x.died)
			continue
		}
		if tr, _ := k.M.Walk(k.M.L.Fix(x.index)); x.died == "alive" && tr.Entry != x.leaf {
			t.Errorf("fixmap index %d: leaf %#x, want %#x", x.index, tr.Entry, x.leaf)
		}
	}
}

// TestFixmapFlushesItsPage checks that a cached translation of the page goes.
func TestFixmapFlushesItsPage(t *testing.T) {
	k := newKernel(t, nil)
	k.M.TLB.Sticky = true
	va := k.M.L.Fix(2)
	got := died(k, func() {
		start, end := hooks.FixmapRange(k.M.L)
		hooks.CreateRange(k, start, end)
		hooks.SetFixmap(k, 2, 9, k.KernelProt(false))
		k.M.Load(va, 4)
		hooks.SetFixmap(k, 2, 9, 0)
		k.M.Load(va, 4)
	})
	if got != "fault read 0003d000" {
		t.Errorf("access after the fixmap was cleared: %s", got)
	}
}

// TestHooksNotSet calls hooks in a phase in which there is none.
func TestHooksNotSet(t *testing.T) {
	k := newKernel(t, func(c *native.Config) { c.MapBeyondEnd = 0x2000 })
	k.M.Kernel.SetPTE = model.VariantNone
	if got := died(k, func() { hooks.MapLowmemLeaf(k, 0) }); got != "bug null call of set_pte" {
		t.Errorf("set_pte: %s", got)
	}
	k.M.Kernel.AllocPT = model.VariantNone
	if got := died(k, func() { hooks.MapLowmemLeaf(k, 8) }); got != "bug null call of alloc_pt" {
		t.Errorf("alloc_pt: %s", got)
	}
}

// TestNewTablesAreReadBack is about the BUG_ON of the table-creating helpers: a
// pointer that does not lead to the new table is noticed.
func TestNewTablesAreReadBack(t *testing.T) {
	k := newKernel(t, nil)
	make := k.PV.MakePGD
	k.PV.MakePGD = func(k *hooks.Kernel, v uint64) model.Entry { return make(k, v+0x1000) }
	if got := died(k, func() { k.Fn.OnePageTableInit(k, k.Slot(k.Base(), 15)) }); got != "bug one_page_table_init BUG" {
		t.Errorf("L1: %s", got)
	}
	k = newKernel(t, func(c *native.Config) {
		var err error
		if c.Geo, err = model.NewGeometry("tiny pae", 8, 2, 8, 4); err != nil {
			t.Fatal(err)
		}
	})
	k.PV.PGDVal = func(_ *hooks.Kernel, e model.Entry) uint64 { return uint64(e) ^ 0x1000 }
	if got := died(k, func() { k.Fn.OneMDTableInit(k, 3, k.M.L.VA(0x9000)) }); got != "bug one_md_table_init BUG" {
		t.Errorf("L2: %s", got)
	}
}

// TestLookupAddress finds leaves of both sizes in init_mm, and none where an
// upper entry is empty.
func TestLookupAddress(t *testing.T) {
	k := newKernel(t, func(c *native.Config) { c.Kernel.HasPSE = true })
	k.M.Run(func() {
		hooks.SetupStart(k)
		hooks.MapLowmemLeaf(k, 5) // frames 4 to 7, by a large page
	})
	for _, x := range []struct {
		va    model.VA
		entry model.VA
		level int
		ok    bool
	}{
		{0x2_2000, 0x2_2000 + 2*4, 1, true}, // boot table frame 2, slot 2
		{0x2_5000, 0x2_0000 + 9*4, 2, true},
		{0x3_f000, 0, 2, false},
	} {
		entry, level, ok := k.LookupAddress(x.va)
		if entry != x.entry || level != x.level || ok != x.ok {
			t.Errorf("%#x: entry at %#x, level %d, %t; want %#x, %d, %t", x.va, entry, level, ok, x.entry, x.level, x.ok)
		}
	}
}

// TestLeafByLeafIsTheWhole compares a search's way of mapping low memory, a leaf
// at a time in ascending order, with the kernel's loop.
func TestLeafByLeafIsTheWhole(t *testing.T) {
	for _, pse := range []bool{false, true} {
		features := func(c *native.Config) { c.Kernel.HasPSE, c.Kernel.HasPGE, c.MapBeyondEnd = pse, true, 0x2000 }
		whole, leaves := newKernel(t, features), newKernel(t, features)
		a := died(whole, func() { hooks.SetupStart(whole); hooks.MapLowmem(whole) })
		b := died(leaves, func() {
			hooks.SetupStart(leaves)
			for pfn := range leaves.M.L.Kernel.MaxLowPFN {
				hooks.MapLowmemLeaf(leaves, pfn)
			}
		})
		if a != "alive" || b != "alive" {
			t.Fatalf("%s, %s", a, b)
		}
		if x, y := string(whole.M.AppendPacked(nil)), string(leaves.M.AppendPacked(nil)); x != y {
			t.Errorf("pse %t: states differ:\n%x\n%x", pse, x, y)
		}
	}
}

// TestSecondAddressSpace checks what a second root shares with the kernel's: the
// kernel's part, and in PAE nothing of the user's.
func TestSecondAddressSpace(t *testing.T) {
	k := newKernel(t, nil)
	if got := died(k, func() { hooks.PagingInit(k); hooks.Zap(k); hooks.Fork(k) }); got != "alive" {
		t.Fatal(got)
	}
	for i := range 16 {
		want := model.Entry(0)
		if i >= k.M.L.UserSlots() {
			want = k.M.Entry(k.M.L.Geo, 0, i)
		}
		if e := k.M.Entry(k.M.L.Geo, k.M.Kernel.Second, i); e != want {
			t.Errorf("entry %d of the second root is %#x, want %#x", i, e, want)
		}
	}
	if got := died(k, func() { hooks.Activate(k); hooks.Switch(k, true) }); got != "alive" || k.M.CPU.CR3 != k.M.Kernel.Second {
		t.Errorf("switch: %s, CR3 %d", got, k.M.CPU.CR3)
	}
	if got := died(k, func() { hooks.Switch(k, false) }); got != "alive" || k.M.CPU.CR3 != 0 {
		t.Errorf("switch back: %s, CR3 %d", got, k.M.CPU.CR3)
	}
}

// TestRootLoadAndZapFlush checks that no translation outlives the root load or the
// zap, not even a global one.
func TestRootLoadAndZapFlush(t *testing.T) {
	k := newKernel(t, func(c *native.Config) { c.Kernel.HasPGE = true })
	k.M.TLB.Sticky = true
	globals := 0
	got := died(k, func() {
		hooks.PagingInit(k)
		k.M.Load(0x2_3000, 4)
		k.M.LoadCR3(0)
		for range k.M.TLB.Each {
			globals++
		}
		hooks.LoadRoot(k)
	})
	for c := range k.M.TLB.Each {
		t.Errorf("after the root load %#x is still cached", c.Page)
	}
	if got != "alive" || globals == 0 {
		t.Errorf("%s, %d global translations", got, globals)
	}
	got = died(k, func() {
		k.M.Load(0x3000, 4)
		hooks.Zap(k)
	})
	for c := range k.M.TLB.Each {
		t.Errorf("after the zap %#x is still cached", c.Page)
	}
	if got != "alive" {
		t.Error(got)
	}
}

// TestLeafCallsSayWhatTheyMap checks the range that a map call announces: the
// whole large page around a frame, but no more than there is memory.
func TestLeafCallsSayWhatTheyMap(t *testing.T) {
	for _, x := range []struct {
		pse           bool
		pfn, from, to model.PFN
	}{{false, 5, 5, 6}, {true, 5, 4, 8}, {true, 13, 12, 14}} {
		k := newKernel(t, func(c *native.Config) { c.Kernel.HasPSE, c.Kernel.MaxLowPFN = x.pse, 14 })
		calls := new(calls)
		k.M.Observe(calls)
		if got := died(k, func() { hooks.EnableFeatures(k); hooks.MapLowmemLeaf(k, x.pfn) }); got != "alive" {
			t.Fatal(got)
		}
		want := model.Call{Kind: model.CallMap, From: x.from, To: x.to}
		if last := (*calls)[len(*calls)-1]; last != want {
			t.Errorf("frame %d, PSE %t: %+v, want %+v", x.pfn, x.pse, last, want)
		}
	}
}

// calls are the protocol calls that steps belong to.
type calls []model.Call

func (l *calls) Step(_ *model.Machine, s *model.Step) { *l = append(*l, s.Call) }

// TestSites checks that a death names the kernel code that died, if asked.
func TestSites(t *testing.T) {
	for _, asked := range []bool{true, false} {
		k := newKernel(t, nil)
		k.M.RecordSites = asked
		crash := k.M.Run(func() { k.Write(0x1_F000, 0); t.Error("went on") })
		if crash == nil || crash.Kind != model.CrashFault {
			t.Fatal(crash)
		}
		var names []string
		for frames := runtime.CallersFrames(crash.Stack); ; {
			f, more := frames.Next()
			names = append(names, f.Function)
			if !more {
				break
			}
		}
		found := slices.Contains(names, "github.com/ptcheck/ptcheck/hooks.(*Kernel).Write")
		if found != asked {
			t.Errorf("asked %t: stack %q", asked, names)
		}
	}
}
