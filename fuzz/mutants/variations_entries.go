package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// wide asks for entries of eight bytes.
func wide(s *model.State) bool { return s.L.Geo.Width == 8 }

// long asks for 64-bit mode.
func long(s *model.State) bool { return s.L.Geo.SignExtend }

// halves asks for eight-byte entries that are stored in halves.
func halves(s *model.State) bool { return wide(s) && !long(s) }

// entryVariations make entries with other bits than the kernels of the systems do.
func entryVariations() []Variation {
	const ignored = "Intel SDM vol. 3, tables 4-6 and 4-11 to 4-20: bits that the processor ignores are software's"
	living := Fits{Span: invariants.Living}
	return []Variation{
		{ID: "clean-entries", What: "entries are made with the accessed and dirty bits clear", Source: "Intel SDM vol. 3, 4.8: the processor sets them when it uses an entry",
			Fits: Fits{}, Change: ofKernel(made(func(_ *hooks.Kernel, e model.Entry) model.Entry { return e &^ (model.Accessed | model.Dirty) }))},
		{ID: "software-bit", What: "entries are made with a software bit", Source: ignored,
			Fits: Fits{}, Change: ofKernel(made(func(_ *hooks.Kernel, e model.Entry) model.Entry { return e | 1<<9 }))},
		{ID: "software-bit-high", What: "entries are made with one of the upper software bits (_PAGE_BIT_SOFTW4)", Source: ignored,
			Fits: Fits{Machine: invariants.BareMetal}.also(long), Change: ofKernel(made(func(k *hooks.Kernel, e model.Entry) model.Entry {
				if k.M.L.Geo.SignExtend {
					e |= 1 << 58
				}
				return e
			}))},
		{ID: "marked-again", What: "a leaf that is written again gets a software bit, and one that is written a third time loses it", Source: ignored,
			Fits: booting(), Change: ofKernel(markedAgain)},
		{ID: "not-global", What: "nothing is global", Source: "Intel SDM vol. 3, 4.10.2.4: the bit saves flushes and nothing else",
			Fits: Fits{Only: []func(*model.State) bool{func(s *model.State) bool { return s.L.Kernel.HasPGE }}},
			Change: ofKernel(made(func(k *hooks.Kernel, e model.Entry) model.Entry {
				if k.M.L.Hyper != nil && k.M.L.Geo.SignExtend {
					return e // Xen's
				}
				return e &^ model.Global
			}))},
		{ID: "global-ignored", What: "leaves are global on a processor without global pages", Source: "Intel SDM vol. 3, 4.10.2.4: ignored while CR4.PGE is off",
			Fits: of2007On(invariants.BareMetal).also(func(s *model.State) bool { return !s.L.Kernel.HasPGE }), Change: ofKernel(globalIgnored)},
		{ID: "pointers-plain", What: "pointers to tables have no user, accessed or dirty bit (_KERNPG_TABLE)", Source: "Intel SDM vol. 3, 4.6: no user page lies below them",
			Fits: booting(), Change: ofKernel(pointersPlain)},
		{ID: "pointers-no-execute", What: "pointers to tables without text are no-execute", Source: "Intel SDM vol. 3, 4.6.1; Linux, direct maps of later kernels",
			Fits:   booting().also(func(s *model.State) bool { return s.L.Kernel.NX && wide(s) && (s.L.Hyper == nil || long(s)) }),
			Change: ofKernel(pointersNoExecute)},
		{ID: "whole-entries", What: "wide leaves are stored in one go (set_64bit)", Source: "Linux, native_set_pte_atomic",
			Fits: Fits{}.also(halves), Change: ofKernel(wholeEntries)},
		{ID: "clear-low-half", What: "the lower half is cleared, the upper one stored, then the lower one", Source: "Linux, native_set_pte_present",
			Fits: of2007On(invariants.BareMetal).also(halves), Change: ofKernel(setPresent)},
		{ID: "low-half-alone", What: "the lower half alone is stored where the upper one is right already", Source: "Linux 6.1 on 686-pae changes attributes so; Intel SDM vol. 3, 8.1.1",
			Fits: Fits{}.also(halves), Change: ofKernel(lowHalfAlone)},
		{ID: "inverted", What: "absent entries have their frame number inverted", Source: "Linux 6b28baca9b1f, against L1TF; Intel SDM vol. 3, 4.7: absent entries are the kernel's",
			Fits: living, Change: ofKernel(absentAs(false, true))},
		{ID: "prot-none-global", What: "pages without rights are marked by bit 8", Source: "Linux since 3.12, _PAGE_PROTNONE",
			Fits: living, Change: ofKernel(absentAs(true, false))},
		{ID: "inverted-global", What: "both", Source: "Linux since 4.18, pgtable-invert.h",
			Fits: living, Change: ofKernel(absentAs(true, true))},
		{ID: "encrypted", What: "memory is encrypted: entries have a bit for it", Source: "AMD APM vol. 2, 7.10; Linux, sme_me_mask",
			Fits: Fits{Machine: invariants.BareMetal}.also(long), Change: encrypted(nil)},
		{ID: "device", What: "device memory is mapped in the fixmap, uncached", Source: "Linux, set_fixmap_nocache; ioremap_nocache",
			Fits: of2007(), Change: device(kernel.FixAlias)},
		{ID: "unmapped-after-boot", What: "what the boot had mapped in the fixmap is taken away after the zap", Source: "Linux, clear_fixmap, early_iounmap",
			Fits: of2007(), Change: ofKernel(unmappedAfterBoot)},
	}
}

// made changes present entries as they are made, at each level but that of a PAE root.
func made(change func(k *hooks.Kernel, e model.Entry) model.Entry) func(*hooks.Ops, *hooks.Funcs) {
	return func(o *hooks.Ops, _ *hooks.Funcs) {
		for _, hook := range []*func(*hooks.Kernel, uint64) model.Entry{&o.MakePTE, &o.MakePMD} {
			mk := *hook
			*hook = func(k *hooks.Kernel, val uint64) model.Entry {
				e := mk(k, val)
				if !e.Is(model.Present) {
					return e
				}
				return change(k, e)
			}
		}
	}
}

// markedAgain turns a software bit of leaves that are written again.
func markedAgain(_ *hooks.Ops, f *hooks.Funcs) {
	f.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
		old := k.Read(pte)
		hooks.MapPage(k, pte, pfn)
		if old.Is(model.Present|model.Dirty) && old&(1<<9) == 0 {
			k.PV.SetPTE[k.M.Kernel.SetPTE](k, pte, k.Read(pte)|1<<9)
		}
	}
}

// globalIgnored sets the global bit in leaves.
func globalIgnored(o *hooks.Ops, _ *hooks.Funcs) {
	mk := o.MakePTE
	o.MakePTE = func(k *hooks.Kernel, val uint64) model.Entry {
		e := mk(k, val)
		if e.Is(model.Present) && !k.M.L.Kernel.HasPGE {
			e |= model.Global
		}
		return e
	}
}

// pointersPlain makes pointers without the bits that do not matter.
func pointersPlain(o *hooks.Ops, _ *hooks.Funcs) {
	mk := o.MakePMD
	o.MakePMD = func(k *hooks.Kernel, val uint64) model.Entry {
		e := mk(k, val)
		if e.Is(model.Present) && !e.Is(model.PSE) {
			e &^= model.User | model.Accessed | model.Dirty
		}
		return e
	}
}

// pointersNoExecute makes pointers to leaf tables of the kernel's half no-execute when
// construction ends, unless there is text below them.
func pointersNoExecute(o *hooks.Ops, _ *hooks.Funcs) {
	done := o.PagetableSetupDone
	o.PagetableSetupDone = func(k *hooks.Kernel, base model.VA) {
		done(k, base)
		l := k.M.L
		if !l.Kernel.NX || l.Geo.Width == 4 || l.Hyper != nil && !l.Geo.SignExtend {
			return
		}
		span := l.Geo.Span(2)
		for va := l.Kernel.TextEnd&^(span-1) + span; l.PA(va).PFN() < l.Kernel.MaxLowPFN; va += span {
			entry, ok := upperOf(k, va)
			if e := k.Read(entry); ok && e.Is(model.Present) && !e.Is(model.PSE) {
				k.SetUpper(2, entry, e|model.NX)
			}
		}
		k.PV.FlushTLB(k)
	}
}

// upperOf is the address of the L2 entry for an address of the kernel's.
func upperOf(k *hooks.Kernel, va model.VA) (entry model.VA, ok bool) {
	table := k.Base()
	for level := k.M.L.Geo.Root(); level > 2; level-- {
		entry := k.Slot(table, k.M.L.Geo.Index(va, level))
		if !k.Read(entry).Is(model.Present) {
			return 0, false
		}
		table = k.TableOf(level, entry)
	}
	return k.Slot(table, k.M.L.Geo.Index(va, 2)), true
}

// eachSetter replaces all variants of set_pte.
func eachSetter(o *hooks.Ops, by func(set func(*hooks.Kernel, model.VA, model.Entry)) func(*hooks.Kernel, model.VA, model.Entry)) {
	for v, set := range o.SetPTE {
		if set != nil {
			o.SetPTE[v] = by(set)
		}
	}
}

// wholeEntries stores leaves of every width in one go.
func wholeEntries(o *hooks.Ops, _ *hooks.Funcs) {
	set := o.SetPTE[model.VariantLate]
	o.SetPTE[model.VariantLate] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		if k.M.L.Life != nil && k.CPU().Lazy != model.LazyNone {
			set(k, ptep, pte) // held back
			return
		}
		k.Write(ptep, pte)
	}
}

// setPresent is native_set_pte_present of 3-level tables: the lower half is cleared
// first.
func setPresent(o *hooks.Ops, _ *hooks.Funcs) {
	set := o.SetPTE[model.VariantLate]
	o.SetPTE[model.VariantLate] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
		if k.M.L.Geo.Width == 8 {
			k.M.Store(ptep, 4, 0)
		}
		set(k, ptep, pte)
	}
}

// lowHalfAlone stores the lower half of a leaf alone where that is enough.
func lowHalfAlone(o *hooks.Ops, _ *hooks.Funcs) {
	eachSetter(o, func(set func(*hooks.Kernel, model.VA, model.Entry)) func(*hooks.Kernel, model.VA, model.Entry) {
		return func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
			old := k.Read(ptep)
			lazy := k.M.L.Life != nil && k.CPU().Lazy != model.LazyNone
			kept := old.Is(model.Present) && !old.Is(model.RW) // a setter may have its reasons
			if k.M.L.Geo.Width != 8 || k.M.L.Geo.SignExtend || lazy || kept || old>>32 != pte>>32 {
				set(k, ptep, pte)
				return
			}
			k.M.Store(ptep, 4, uint64(uint32(pte)))
		}
	})
}

// absentAs keeps absent entries in another encoding: with bit 8 instead of bit 7 as the
// mark of pages without rights, and with the frame number inverted.
func absentAs(global, inverted bool) func(*hooks.Ops, *hooks.Funcs) {
	turn := func(k *hooks.Kernel, e model.Entry) model.Entry {
		if mark := e & (model.PSE | model.Global); global && (mark == model.PSE || mark == model.Global) {
			e ^= model.PSE | model.Global
		}
		if inverted {
			e ^= model.FrameMask
		}
		if k.M.L.Geo.Width == 4 {
			e = model.Entry(uint32(e))
		}
		return e
	}
	return func(o *hooks.Ops, _ *hooks.Funcs) {
		mk, val := o.MakePTE, o.PTEVal
		o.MakePTE = func(k *hooks.Kernel, v uint64) model.Entry {
			e := mk(k, v)
			if e == 0 || e.Is(model.Present) {
				return e
			}
			return turn(k, e)
		}
		o.PTEVal = func(k *hooks.Kernel, e model.Entry) uint64 {
			mark := model.PSE
			if global {
				mark = model.Global
			}
			if !e.Is(model.Present) && e.Is(mark) {
				e = turn(k, e)
			}
			return val(k, e)
		}
	}
}

// encryptBit is the C-bit of the machines here (CPUID 8000_001F: 47 on the first ones).
const encryptBit model.Entry = 1 << 47

// encrypted is a machine with encrypted memory, and a kernel that knows of it. more may
// change the kernel further.
func encrypted(more func(*hooks.Ops, *hooks.Funcs)) (c systems.Change) {
	c.Machine = func(s *model.State) {
		if s.L.Hyper != nil || !s.L.Geo.SignExtend {
			return
		}
		s.L.Encrypt = encryptBit
		markTables(s, s.L.Geo.Root(), s.CPU.CR3)
	}
	c.Kernel = func(o *hooks.Ops, f *hooks.Funcs) {
		for _, hook := range []*func(*hooks.Kernel, uint64) model.Entry{&o.MakePTE, &o.MakePMD, &o.MakePGD} {
			mk := *hook
			*hook = func(k *hooks.Kernel, val uint64) model.Entry {
				e := mk(k, val)
				if e.Is(model.Present) {
					e |= k.M.L.Encrypt
				}
				return e
			}
		}
		for _, hook := range []*func(*hooks.Kernel, model.Entry) uint64{&o.PTEVal, &o.PMDVal, &o.PGDVal} {
			val := *hook
			*hook = func(k *hooks.Kernel, e model.Entry) uint64 { return val(k, e&^k.M.L.Encrypt) }
		}
		if more != nil {
			more(o, f)
		}
	}
	return c
}

// markTables sets the encryption bit in all present entries of a tree, as the first code
// of the kernel does.
func markTables(s *model.State, level int, table model.Frame) {
	for i := range s.L.Geo.Slots[level] {
		e := s.Entry(s.L.Geo, table, i)
		if !e.Is(model.Present) {
			continue
		}
		s.SetEntry(s.L.Geo, table, i, e|s.L.Encrypt)
		if level > 1 && !(level == 2 && e.Is(model.PSE)) {
			markTables(s, level-1, s.L.Map.Frame(s.L.Names(e)))
		}
	}
}

// deviceMFN is a machine frame far from memory.
const deviceMFN model.MFN = 0xfee0

// device maps a device's page at a fixmap index when construction ends.
func device(index int) (c systems.Change) {
	c.Machine = func(s *model.State) {
		r := []model.Region{{First: deviceMFN, Last: deviceMFN, Kind: model.Device}}
		if s.L.Hyper == nil {
			s.L.Devices = r
			return
		}
		h := *s.L.Hyper
		h.Regions, h.Devices = r, true
		s.L.Hyper = &h
	}
	c.Kernel = func(o *hooks.Ops, _ *hooks.Funcs) {
		done := o.PagetableSetupDone
		o.PagetableSetupDone = func(k *hooks.Kernel, base model.VA) {
			done(k, base)
			va := k.M.L.Fix(index)
			if pte, ok := k.Lookup(va); ok {
				prot := k.KernelProt(false) | model.PWT | model.PCD
				if !k.M.L.Kernel.NX || k.M.L.Geo.Width == 4 {
					prot &^= model.NX
				}
				k.PV.SetPTE[model.VariantLate](k, pte, model.MakeEntry(deviceMFN, prot))
				k.PV.FlushTLBSingle(k, va)
			}
		}
	}
	return c
}

// unmappedAfterBoot clears a fixmap index when a second address space comes into use.
func unmappedAfterBoot(o *hooks.Ops, _ *hooks.Funcs) {
	activate := o.ActivateMM
	o.ActivateMM = func(k *hooks.Kernel, pgd model.VA) {
		activate(k, pgd)
		if va := k.M.L.Fix(kernel.FixOwn); k.M.Kernel.Phase >= model.PhaseZapped {
			if _, ok := k.Lookup(va); ok {
				hooks.SetPTEPfn(k, va, 0, 0)
			}
		}
	}
}
