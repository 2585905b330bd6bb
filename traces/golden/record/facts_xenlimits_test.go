package record

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/golden"
	"github.com/ptcheck/ptcheck/xen"
)

// TestXenBootmemMustBeMapped is about new tables being written and made
// read-only through low memory: their frames must be mapped. Fact 35.
func TestXenBootmemMustBeMapped(t *testing.T) {
	for first, outcome := range map[uint64]string{
		0x7fd: "ok",
		0x7ff: "fault write c0800000", // the copied L2 is fine, the first L1 is not
		0x800: "fault write c0800000",
	} {
		c := xenConfigOf(t, func(c *golden.Config) { c.BootmemFirstPFN, c.MaxLowPFN = first, 0x900 })
		if got := bootFact(t, &c, nil).Outcome; got != outcome {
			t.Errorf("tables from %#x on: %s, want %s", first, got, outcome)
		}
	}
}

// TestXenNeedsBuilderL2s is about L2 tables: alloc_pd does not make them
// read-only, so the hypervisor refuses one that the builder has not made.
// Fact 35.
func TestXenNeedsBuilderL2s(t *testing.T) {
	// Root slots 1 to 3 are the kernel's; there is no L2 for slot 2.
	c := xenConfigOf(t, twoGiB, func(c *golden.Config) { c.PageOffset, c.InitEnd = 0x4000_0000, 0x404f_3000 })
	r := bootFact(t, &c, nil)
	if !strings.HasPrefix(r.Outcome, "bug xen_set_pgd BUG") || r.count("hv_reject") != 1 {
		t.Errorf("outcome %q, want a refused root entry", r.Outcome)
	}
	readOnly := func(o *hooks.Ops, _ *hooks.Funcs) {
		o.AllocPD = func(k *hooks.Kernel, pfn model.PFN) { xen.MakeLowmemPageReadonly(k, k.M.L.VA(pfn.PA())) }
	}
	if r := bootFact(t, &c, readOnly); r.Outcome != "ok" {
		t.Errorf("with an alloc_pd that makes L2s read-only: %q, want ok", r.Outcome)
	}
}

// TestXenRefusesFeatures is about CPU features that the hypervisor should have
// hidden: large pages and global leaves are refused. Fact 37.
func TestXenRefusesFeatures(t *testing.T) {
	c := xenConfigOf(t, func(c *golden.Config) { c.PSE = true })
	if r := bootFact(t, &c, nil); !strings.HasPrefix(r.Outcome, "bug xen_set_pmd BUG") || r.count("set_pmd")+r.count("set_pte") != 0 {
		t.Errorf("PSE: %q after %d L2 entries, want the first large page refused", r.Outcome, r.count("set_pmd"))
	}
	c = xenConfigOf(t, func(c *golden.Config) { c.PGE = true })
	if r := bootFact(t, &c, nil); !strings.HasPrefix(r.Outcome, "fault pte-write-rejected") || r.count("set_pte") != 0 {
		t.Errorf("PGE: %q after %d leaves, want the first leaf refused", r.Outcome, r.count("set_pte"))
	}
}

// TestXenValuesReadBack is about the accessors: whatever is not zero reads as
// present, with its frame looked up in m2p, where the hypervisor's frames give
// garbage. Fact 38.
func TestXenValuesReadBack(t *testing.T) {
	c := xenConfigOf(t)
	s, ops, err := startOfDay(&c)
	if err != nil {
		t.Fatal(err)
	}
	k := hooks.New(model.NewMachine(s), &ops)
	mfn := uint64(s.L.Map.MFN(0x123))
	for _, x := range []struct{ entry, val uint64 }{
		{0, 0},
		{mfn<<12 | 0x67, 0x12_3067},
		{mfn << 12, 0x12_3001},
		{0x66, 0xffff_ffff_067}, // machine frame 0 is not the guest's
		{0x7fff_0063, 0xffff_ffff_063},
	} {
		for name, get := range map[string]func(*hooks.Kernel, model.Entry) uint64{"pte": ops.PTEVal, "pmd": ops.PMDVal, "pgd": ops.PGDVal} {
			if got := get(k, model.Entry(x.entry)); got != x.val {
				t.Errorf("%s_val(%#x) = %#x, want %#x", name, x.entry, got, x.val)
			}
		}
	}
}

// TestXenFixmapInHypervisorSlots is about a fixmap that reaches the slots of the
// hypervisor: an entry there looks like a table, and the kernel dies of the
// garbage; an empty slot is not the guest's to fill. Fact 38.
func TestXenFixmapInHypervisorSlots(t *testing.T) {
	high := func(c *golden.Config) { c.FixaddrTop = 0xffff_f000 }
	c := xenConfigOf(t, high, hypervisorEntries)
	r := bootFact(t, &c, nil)
	if last := r.Bootmem[len(r.Bootmem)-1].PFN; golden.OutcomeClass(r.Outcome) != "fault" || last != 0x572 || r.count("setup_done") != 1 {
		t.Errorf("occupied slot: %q, last table %#x, want a fault when setup_done uses the garbage", r.Outcome, last)
	}
	c = xenConfigOf(t, high)
	if r := bootFact(t, &c, nil); !strings.HasPrefix(r.Outcome, "bug xen_set_pmd BUG") {
		t.Errorf("empty slot: %q, want it refused", r.Outcome)
	}
	c = xenConfigOf(t, func(c *golden.Config) { c.FixaddrTop = 0xf57f_d000 }, hypervisorEntries)
	if r := bootFact(t, &c, nil); r.Outcome != "ok" {
		t.Errorf("fixmap below the hole: %q", r.Outcome)
	}
}

// TestReadonlyOfUnmappedPage is about making a page read-only that is not
// mapped: 0 is written back, and nobody notices; without a table to look into it
// is a BUG. Fact 39.
func TestReadonlyOfUnmappedPage(t *testing.T) {
	c := xenConfigOf(t, func(c *golden.Config) { c.SOD.MapEnd = 0x7f_e000 })
	s, ops, err := startOfDay(&c)
	if err != nil {
		t.Fatal(err)
	}
	m := model.NewMachine(s)
	k := hooks.New(m, &ops)
	if crash := m.Run(func() { hooks.SetupStart(k) }); crash != nil {
		t.Fatal(crash)
	}
	var steps result
	m.Observe(&steps)
	page := s.L.VA(0x7ff_000)
	if crash := m.Run(func() { xen.MakeLowmemPageReadonly(k, page) }); crash != nil {
		t.Errorf("page without a leaf: %v", crash)
	}
	if len(steps.steps) != 1 || steps.steps[0].Op != model.OpUpdateVA || steps.steps[0].Value != 0 || steps.steps[0].Errno != model.OK {
		t.Errorf("steps %+v, want one update_va_mapping of 0", steps.steps)
	}
	if _, fault := s.Walk(page); fault != model.WalkNotPresent {
		t.Errorf("walk says %d", fault)
	}
	beyond := s.L.VA(0x900_000)
	if crash := m.Run(func() { xen.MakeLowmemPageReadonly(k, beyond) }); crash == nil || crash.Kind != model.CrashBug {
		t.Errorf("page without a table: %v, want a BUG", crash)
	}
}

// TestXenPinsLevelThree is about the pin of setup_done: with two levels too it
// asks for an L3, which a two-level hypervisor ignores with success, so CR3
// alone holds the root. Fact 40. Its other half, the wrong mask of the
// virtual-to-machine helper for arbitrary addresses, is not modelled: nothing
// in the sequence calls it.
func TestXenPinsLevelThree(t *testing.T) {
	two := xenConfigOf(t, func(c *golden.Config) {
		c.Mode, c.HypervisorL2.Slot, c.HypervisorL2.FirstIndex = golden.TwoLevel, 0, 1008
		c.SOD.L3PFN, c.SOD.L2PFNs, c.SOD.L1PFNs = 0, []uint64{0x569}, []uint64{0x56a, 0x56b}
		c.NX = false
	})
	for _, x := range []struct {
		config golden.Config
		types  uint32
		pinned bool
	}{{two, 1, false}, {xenConfigOf(t), 2, true}} {
		r := bootFact(t, &x.config, nil)
		if r.Outcome != "ok" {
			t.Fatalf("%s: %s", x.config.Mode, r.Outcome)
		}
		i := slices.IndexFunc(r.steps, func(s model.Step) bool { return s.Op == model.OpPin })
		if i < 0 || r.steps[i].Level != 3 || r.steps[i].Errno != model.OK || r.steps[i].Call.Kind != model.CallSetupDone {
			t.Fatalf("%s: pin is %+v", x.config.Mode, r.steps[i])
		}
		root := r.state.Info(r.state.CPU.CR3)
		if root.Is(model.Pinned) != x.pinned || root.T != x.types {
			t.Errorf("%s: root %+v, want pinned %t and %d uses", x.config.Mode, root, x.pinned, x.types)
		}
	}
}

// TestXenReadOnlyForGood is about pages once read-only: no step of the boot
// makes one writable again. Fact 41.
func TestXenReadOnlyForGood(t *testing.T) {
	forGood := func(r *result) {
		want(r, "outcome", r.Outcome, "ok")
		want(r, "pages made writable again", fmt.Sprintf("%#x", r.loosened), "[]")
	}
	unfiltered := mutant{"no read-only filter", func(o *hooks.Ops, _ *hooks.Funcs) { o.SetPTE[model.VariantInit] = xen.SetPTE }}
	// The zero page comes before all tables: until the zap no rule protects it.
	early := func(c *golden.Config) { c.EmptyZeroPage = 0x10_0000 }
	holds(t,
		fact{"3G", xenConfigOf(t, early), forGood, []mutant{unfiltered}},
		fact{"2G", xenConfigOf(t, early, twoGiB), forGood, []mutant{unfiltered}},
	)
	c := xenConfigOf(t, early)
	if r := bootFact(t, &c, unfiltered.patch); !slices.Contains(r.loosened, 0x100) {
		t.Errorf("without the filter these become writable: %#x; want the zero page, frame 0x100, among them", r.loosened)
	}
}
