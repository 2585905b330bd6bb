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

// machineEntry is the entry that maps a frame of the guest with flags.
func (r *result) machineEntry(pfn, flags uint64) uint64 {
	mfn, _ := r.Config.MFN(pfn)
	return mfn<<12 | flags
}

// startVariant is xen_pagetable_setup_start with parts left out or changed.
type startVariant struct {
	shareL2    bool // the builder's L2 stays
	guestSlots bool // the hypervisor's slots are not copied
	kernelL2   bool // copied entries get the kernel's flags
	rootFirst  bool // the root becomes read-only before the zero page
	zeroRW     bool // the zero page stays writable
	clear      bool // non-present root entries are cleared
	rootFlags  model.Entry
}

// mutant runs the variant in place of the original.
func (v startVariant) mutant(name string) mutant {
	return mutant{name, func(o *hooks.Ops, _ *hooks.Funcs) {
		o.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) {
			l := k.M.L
			k.M.Kernel.SetPTE, k.M.Kernel.InitMM = model.VariantInit, model.Frame(l.Kernel.Root)
			builder := l.VA(l.Kernel.PTBase.PA())
			for i := range 4 {
				k.Write(k.Slot(base, i), k.Read(k.Slot(builder, i)))
			}
			for i := range 4 {
				v.copyL2(k, k.Slot(builder, i), k.Slot(base, i))
			}
			order := []model.VA{l.VA(l.Kernel.ZeroPage.PA()), base}
			if v.rootFirst {
				slices.Reverse(order)
			}
			for _, page := range order {
				if page == base || !v.zeroRW {
					xen.MakeLowmemPageReadonly(k, page)
				}
			}
			k.PV.WriteCR3(k, l.Kernel.Root.PA())
		}
	}}
}

func (v startVariant) copyL2(k *hooks.Kernel, from, to model.VA) {
	if !k.Read(from).Is(model.Present) {
		if v.clear {
			k.Write(to, 0)
		}
		return
	}
	if v.shareL2 {
		return
	}
	source, pfn := k.TableOf(3, from), k.M.AllocBootmem()
	table := k.M.L.VA(pfn.PA())
	for i := range 512 {
		e := k.Read(k.Slot(source, i))
		if v.guestSlots && i >= k.M.L.Hyper.XenFirst {
			e = 0
		}
		if v.kernelL2 && e.Is(model.Present) {
			e |= hooks.PageTable
		}
		k.Write(k.Slot(table, i), e)
	}
	xen.MakeLowmemPageReadonly(k, table)
	k.SetUpper(3, to, k.PV.MakePGD(k, uint64(pfn.PA())|uint64(model.Present|v.rootFlags)))
}

// twoGiB gives the guest a 2G split with an extra L2 for the last root slot.
func twoGiB(c *golden.Config) {
	c.PageOffset, c.InitEnd = 0x8000_0000, 0x804f_3000
	c.SOD.L2PFNs, c.SOD.ExtraL2ForSlot3 = []uint64{0x56a, 0x56f}, true
}

// hypervisorEntries puts two entries into the hypervisor's slots.
func hypervisorEntries(c *golden.Config) {
	c.HypervisorL2.Entries = []golden.Entry{{Index: 430, Raw: 0x7fff063}, {Index: 511, Raw: 0x7ffe063}}
}

// TestXenSetupStart is about the way from the builder's root to the kernel's:
// each L2 copied whole, read-only, hooked in with PRESENT alone; zero page
// read-only, root read-only, root switch, and only then low memory. Builder L1s
// are shared, builder L3 and L2 stay typed, read-only and out of reach.
// Facts 30, 31, 34.
func TestXenSetupStart(t *testing.T) {
	check := func(r *result) {
		want(r, "outcome", r.Outcome, "ok")
		c := &r.Config
		lines := []string{"setup_start"}
		ro := func(pfn uint64) string {
			return fmt.Sprintf("update_va %08x %016x", r.va(pfn), r.machineEntry(pfn, 0x21))
		}
		pfn := c.BootmemFirstPFN
		for slot := c.PageOffset >> 30; slot < 4; slot++ {
			lines = append(lines, fmt.Sprintf("bootmem %x pmd_copy", pfn), ro(pfn),
				fmt.Sprintf("set_pgd %08x %016x", c.SwapperPgDir+slot*8, r.machineEntry(pfn, 1)))
			pfn++
		}
		lines = append(lines, ro(c.EmptyZeroPage>>12), ro(c.SwapperPgDir>>12),
			fmt.Sprintf("new_baseptr %x", r.machineEntry(c.SwapperPgDir>>12, 0)>>12))
		want(r, "trace of setup_start", strings.Join(r.lines[:min(len(lines), len(r.lines))], "; "), strings.Join(lines, "; "))
		want(r, "low memory mapped before the switch", r.find("set_pte") >= len(lines), true)

		for n, l2 := range c.SOD.L2PFNs {
			copied := (c.BootmemFirstPFN + uint64(n)) << 12
			builtAt := func(slot int) uint64 { return r.raw(l2<<12, 2, slot) }
			_, reachable := r.has(l2<<12, 2)
			want(r, "builder's L2 reachable", reachable, false)
			want(r, "its type in use", r.state.Info(model.Frame(l2)).Typ.String(), "L2")
			for slot := range 512 {
				if e := builtAt(slot); e != 0 || slot >= c.HypervisorL2.FirstIndex {
					want(r, fmt.Sprintf("copied L2 entry %d", slot), r.raw(copied, 2, slot), e)
				}
			}
		}
		for i, l1 := range c.SOD.L1PFNs {
			want(r, "builder's L1 below the new L2", r.upper(r.va(uint64(i)*512)), r.machineEntry(l1, c.SOD.L2Flags))
		}
		_, reachable := r.has(c.SOD.L3PFN<<12, 3)
		want(r, "builder's L3 reachable", reachable, false)
		if i := r.state.Info(model.Frame(c.SOD.L3PFN)); !i.InUseAs(model.TypeL3) {
			r.complain("the builder's root is %+v", i)
		}
		raw, _ := r.leaf(r.va(c.SOD.L3PFN))
		want(r, "mapping of the builder's root", raw, r.machineEntry(c.SOD.L3PFN, 0x061))
	}
	mutants := []mutant{
		startVariant{guestSlots: true}.mutant("hypervisor's slots not copied"),
		startVariant{kernelL2: true}.mutant("copied entries with the kernel's flags"),
		startVariant{rootFirst: true}.mutant("root read-only before the zero page"),
		startVariant{shareL2: true}.mutant("builder's L2 shared"),
		startVariant{rootFlags: model.RW | model.User}.mutant("root entries with more than PRESENT"),
	}
	odd := func(c *golden.Config) { c.SOD.L2Flags = 0x27 }
	holds(t,
		fact{"3G", xenConfigOf(t, hypervisorEntries, odd), check, mutants},
		fact{"2G", xenConfigOf(t, twoGiB, hypervisorEntries, odd), check, mutants},
	)
	// The mutants differ in what they are named for only.
	if c := xenConfigOf(t, hypervisorEntries); bootFact(t, &c, startVariant{}.mutant("").patch).Hash != bootFact(t, &c, nil).Hash {
		t.Error("the mutants' common part is not the original")
	}
}

// TestXenEmptyRootEntries is about root entries that are not present: the clear
// of the original does nothing, so a value that they hold is copied. Fact 30.
func TestXenEmptyRootEntries(t *testing.T) {
	c := xenConfigOf(t)
	const left = model.Entry(0x7654_3000)
	rootEntry := func(patch func(*hooks.Ops, *hooks.Funcs)) model.Entry {
		s, ops, err := startOfDay(&c)
		if err != nil {
			t.Fatal(err)
		}
		s.SetEntry(s.L.Geo, model.Frame(c.SOD.L3PFN), 1, left)
		k := hooks.New(model.NewMachine(s), &ops)
		if patch != nil {
			patch(k.PV, k.Fn)
		}
		if crash := k.M.Run(func() { hooks.SetupStart(k) }); crash != nil {
			t.Fatal(crash)
		}
		return s.Entry(s.L.Geo, model.Frame(s.L.Kernel.Root), 1)
	}
	if got := rootEntry(nil); got != left {
		t.Errorf("root entry = %#x, want %#x as in the builder's root", got, left)
	}
	if got := rootEntry(startVariant{clear: true}.mutant("").patch); got != 0 {
		t.Errorf("with a clear that works it is %#x", got)
	}
}

// TestXenUserSlots is about the root entries below PAGE_OFFSET: empty as the
// builder left them, no identity mapping, no zero page until the zap, which
// writes it everywhere and needs it read-only. Facts 30, 31.
func TestXenUserSlots(t *testing.T) {
	for _, zap := range []bool{false, true} {
		check := func(r *result) {
			want(r, "outcome", r.Outcome, "ok")
			want(r, "writes of the zap", len(r.lines)-r.find("pin_l3"), map[bool]int{false: 1, true: 5}[zap])
			for slot := range 3 {
				expect := uint64(0)
				if zap {
					expect = r.machineEntry(r.Config.EmptyZeroPage>>12, 1)
				}
				want(r, fmt.Sprintf("root entry %d", slot), r.raw(r.Config.SwapperPgDir, 3, slot), expect)
			}
		}
		var mutants []mutant
		if zap {
			mutants = append(mutants, startVariant{zeroRW: true}.mutant("zero page stays writable"))
		} else {
			mutants = append(mutants, mutant{"identity mapping", func(o *hooks.Ops, _ *hooks.Funcs) {
				done := o.PagetableSetupDone
				o.PagetableSetupDone = func(k *hooks.Kernel, base model.VA) {
					k.SetPGD(base, k.PV.MakePGD(k, uint64(k.M.L.Kernel.ZeroPage.PA())|1))
					done(k, base)
				}
			}})
		}
		c := xenConfigOf(t, func(c *golden.Config) { c.ZapLowMappings = zap })
		holds(t, fact{fmt.Sprintf("zap=%t", zap), c, check, mutants})
	}
	c := xenConfigOf(t)
	if r := bootFact(t, &c, startVariant{zeroRW: true}.mutant("").patch); !strings.HasPrefix(r.Outcome, "bug xen_set_pgd BUG") {
		t.Errorf("with a writable zero page: %s, want the zap refused", r.Outcome)
	}
}

// checkXenLeaves compares every leaf of low memory and that of shared_info.
func checkXenLeaves(r *result) {
	c := &r.Config
	want(r, "outcome", r.Outcome, "ok")
	readOnly := map[uint64]bool{c.SwapperPgDir >> 12: true, c.EmptyZeroPage >> 12: true}
	for _, pfn := range c.SOD.Frames(c.Mode) {
		readOnly[pfn] = true
	}
	for _, b := range r.Bootmem {
		readOnly[b.PFN] = true
	}
	for pfn := range c.MaxLowPFN {
		flags := uint64(0x063)
		if readOnly[pfn] {
			flags = 0x061
		}
		raw, _ := r.leaf(r.va(pfn))
		want(r, fmt.Sprintf("leaf of frame %#x", pfn), raw, r.machineEntry(pfn, flags))
	}
	shared := c.SharedInfoMachine | 0x063
	if c.NX {
		shared |= nx
	}
	raw, _ := r.leaf(c.FixVA(c.FixParavirtBootmap))
	want(r, "leaf of shared_info", raw, shared)
}

// checkXenPointers compares the pointers to tables: those that the builder made
// keep its flags, new ones have 0x067, root entries only PRESENT.
func checkXenPointers(r *result) {
	c := &r.Config
	l1s := r.Bootmem[len(c.SOD.L2PFNs):]
	for i := uint64(0); i*512 < c.MaxLowPFN; i++ {
		expect := uint64(0)
		if n := uint64(len(c.SOD.L1PFNs)); i < n {
			expect = r.machineEntry(c.SOD.L1PFNs[i], c.SOD.L2Flags)
		} else {
			expect = r.machineEntry(l1s[i-n].PFN, 0x067)
		}
		want(r, fmt.Sprintf("pointer to L1 %d", i), r.upper(r.va(i*512)), expect)
	}
	want(r, "root entry", r.raw(c.SwapperPgDir, 3, 3), r.machineEntry(c.BootmemFirstPFN, 1))
}

// TestXenPointerFlags is about the flags of table pointers. Fact 34.
func TestXenPointerFlags(t *testing.T) {
	for _, flags := range []uint64{0x023, 0x067, 0x207} {
		c := xenConfigOf(t, func(c *golden.Config) { c.SOD.L2Flags = flags })
		mutants := []mutant{kernelTables(), startVariant{rootFlags: model.PWT}.mutant("root entries with more than PRESENT")}
		if flags != 0x067 {
			mutants = append(mutants, startVariant{kernelL2: true}.mutant("copied entries with the kernel's flags"))
		}
		holds(t, fact{fmt.Sprintf("builder's flags %#x", flags), c, checkXenPointers, mutants})
	}
}

// TestXenLeaves is about what the init-time setter makes of the builder's
// leaves: read-only pages stay so, all else is replaced, flags for user and
// dirty too; NX is lost in making an entry, but not for shared_info; frames
// above 4 GiB are whole. Facts 4, 32, 33, 36.
func TestXenLeaves(t *testing.T) {
	unfiltered := mutant{"no read-only filter", func(o *hooks.Ops, _ *hooks.Funcs) { o.SetPTE[model.VariantInit] = xen.SetPTE }}
	merging := mutant{"old flags kept", func(o *hooks.Ops, _ *hooks.Funcs) {
		o.SetPTE[model.VariantInit] = func(k *hooks.Kernel, p model.VA, e model.Entry) {
			xen.SetPTEInit(k, p, e|k.Read(p)&(model.User|model.PWT|model.Avail))
		}
	}}
	makePTE := func(name string, change func(val uint64, e model.Entry) model.Entry) mutant {
		return mutant{name, func(o *hooks.Ops, _ *hooks.Funcs) {
			make := o.MakePTE
			o.MakePTE = func(k *hooks.Kernel, val uint64) model.Entry { return change(val, make(k, val)) }
		}}
	}
	keepNX := makePTE("NX kept", func(val uint64, e model.Entry) model.Entry { return e | model.Entry(val)&model.NX })
	narrow := makePTE("frame not widened before the shift", func(_ uint64, e model.Entry) model.Entry {
		return e&^model.FrameMask | model.Entry(uint32(e&model.FrameMask))
	})
	skipping := mutant{"mapped leaves skipped", func(_ *hooks.Ops, fn *hooks.Funcs) {
		fn.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
			if !k.Read(pte).Is(model.Present) {
				hooks.MapPage(k, pte, pfn)
			}
		}
	}}
	high := func(c *golden.Config) { c.P2M.Base = 0x12_3450 }
	holds(t,
		fact{"builder's user and software flags", xenConfigOf(t, func(c *golden.Config) { c.SOD.L1Flags = 0x22f }), checkXenLeaves, []mutant{unfiltered, merging, keepNX, skipping}},
		fact{"nx off", xenConfigOf(t, func(c *golden.Config) { c.NX = false }), checkXenLeaves, []mutant{unfiltered, skipping}},
		fact{"frames above 4 GiB", xenConfigOf(t, high), checkXenLeaves, []mutant{narrow, keepNX}},
	)
}

// TestXenSetupDoneSetter is about shared_info being mapped by the plain setter:
// a read-only leaf in its place does not rub off, as it would before. Fact 32.
func TestXenSetupDoneSetter(t *testing.T) {
	c := xenConfigOf(t)
	boot := func(patch func(*hooks.Ops)) (before, after model.Entry, live model.Variant) {
		s, ops, err := startOfDay(&c)
		if err != nil {
			t.Fatal(err)
		}
		if patch != nil {
			patch(&ops)
		}
		k := hooks.New(model.NewMachine(s), &ops)
		crash := k.M.Run(func() {
			hooks.SetupStart(k)
			hooks.MapLowmem(k)
			start, end := hooks.FixmapRange(s.L)
			hooks.CreateRange(k, start, end)
			for _, readOnly := range []bool{true, false} {
				hooks.MapFixmap(k, model.CallFixmap, c.FixParavirtBootmap, 7, k.KernelProt(readOnly))
			}
			pte, _ := k.Lookup(s.L.Fix(c.FixParavirtBootmap))
			before = k.Read(pte)
			hooks.SetupDone(k)
			after = k.Read(pte)
		})
		if crash != nil {
			t.Fatal(crash)
		}
		return before, after, s.Kernel.SetPTE
	}
	before, after, live := boot(nil)
	if before.Is(model.RW) || !after.Is(model.RW) || live != model.VariantLate {
		t.Errorf("leaf before setup_done %#x, after %#x with setter %d live; want read-only, writable, %d", before, after, live, model.VariantLate)
	}
	if _, after, _ = boot(func(o *hooks.Ops) { o.SetPTE[model.VariantLate] = xen.SetPTEInit }); after.Is(model.RW) {
		t.Error("the init-time setter makes no difference")
	}
}
