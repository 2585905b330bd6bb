package native

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// Ops returns the native hooks (Linux: the native_* functions of
// arch/i386/mm/init.c and include/asm-i386/pgtable-{2,3}level.h, b239fb25).
func Ops() hooks.Ops {
	return hooks.Ops{
		Name:                "native",
		SharedKernelPMD:     true,
		BootSetPTE:          model.VariantLate,
		BootAllocPT:         model.VariantLate,
		PagetableSetupStart: PagetableSetupStart,
		PagetableSetupDone:  PagetableSetupDone,
		AllocPT:             [...]func(*hooks.Kernel, model.VA, model.PFN){model.VariantLate: func(*hooks.Kernel, model.VA, model.PFN) {}},
		AllocPD:             nopPFN,
		ReleasePT:           nopPFN,
		ReleasePD:           nopPFN,
		SetPTE:              [...]func(*hooks.Kernel, model.VA, model.Entry){model.VariantLate: SetPTE},
		SetPMD:              setWhole,
		SetPUD:              setWhole,
		SetPGD:              setWhole,
		MakePTE:             makeEntry,
		MakePMD:             makeEntry,
		MakePGD:             makeEntry,
		PTEVal:              entryVal,
		PMDVal:              entryVal,
		PGDVal:              entryVal,
		WriteCR3:            WriteCR3,
		FlushTLB:            func(k *hooks.Kernel) { k.M.FlushTLB() },
		FlushTLBSingle:      func(k *hooks.Kernel, va model.VA) { k.M.FlushPage(va) },
		ActivateMM:          func(*hooks.Kernel, model.VA) {},
		ExitMMap:            func(*hooks.Kernel, model.VA) {},
	}
}

// PagetableSetupStart readies swapper_pg_dir for construction (Linux:
// native_pagetable_setup_start, b239fb25).
//
// In PAE the user slots name the zero page and the kernel slots are cleared, so
// that the generic code creates tables for them. The root is at that time the
// live two-level directory: the entries overwrite its lowest slots, which the
// kernel no longer needs because it runs at high addresses.
func PagetableSetupStart(k *hooks.Kernel, base model.VA) {
	l := k.M.L
	switch l.Geo.Levels {
	case 2:
		k.AllocPD(l.Kernel.Root)
	case 3:
		zero := uint64(l.Kernel.ZeroPage.PA()) | uint64(model.Present)
		user := l.UserSlots()
		for i := range user {
			k.SetPGD(k.Slot(base, i), k.PV.MakePGD(k, zero))
		}
		for i := user; i < l.Geo.Slots[l.Geo.Root()]; i++ {
			k.Write(k.Slot(base, i), 0)
		}
	}
}

// PagetableSetupDone ends construction (Linux: native_pagetable_setup_done,
// b239fb25). In PAE the first kernel root entry is copied to slot 0: low
// identity mappings, which other processors need when they leave real mode.
func PagetableSetupDone(k *hooks.Kernel, base model.VA) {
	if k.M.L.Geo.Levels == 3 {
		k.SetPGD(base, k.Read(k.Slot(base, k.M.L.UserSlots())))
	}
}

// SetPTE stores a leaf entry (Linux: native_set_pte). An eight-byte entry of a
// 32-bit kernel is stored in two halves, the upper one first, so that the
// present bit arrives last.
func SetPTE(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	if k.M.L.Geo.Width == 8 && !k.M.L.Geo.SignExtend {
		k.M.Store(ptep+4, 4, uint64(pte>>32))
		k.M.Store(ptep, 4, uint64(uint32(pte)))
		return
	}
	k.Write(ptep, pte)
}

// setWhole stores an upper entry in one go (native_set_pmd, set_64bit).
func setWhole(k *hooks.Kernel, entry model.VA, e model.Entry) { k.Write(entry, e) }

// WriteCR3 loads the root at a physical address (native_write_cr3).
func WriteCR3(k *hooks.Kernel, root model.PA) { k.M.LoadCR3(model.Frame(root.PFN())) }

func nopPFN(*hooks.Kernel, model.PFN) {}

func makeEntry(k *hooks.Kernel, val uint64) model.Entry { return model.Entry(val) }

func entryVal(k *hooks.Kernel, e model.Entry) uint64 { return uint64(e) }
