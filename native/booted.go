package native

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// BootedOps returns the native hooks for a kernel that goes on after the boot: most
// of them do nothing, because the tables are the kernel's own business.
func BootedOps() hooks.Ops {
	o := Ops()
	nop := func(*hooks.Kernel) {}
	nopVA := func(*hooks.Kernel, model.VA) {}
	nopMM := func(*hooks.Kernel, *model.MM) {}
	o.Life = hooks.LifeOps{
		AllocTable:      func(*hooks.Kernel, model.VA, int, model.PFN) {},
		ReleaseTable:    func(*hooks.Kernel, int, model.PFN) {},
		PgdAlloc:        nopMM,
		PgdFree:         nopMM,
		DupMMap:         nopVA,
		ReadCR3:         func(k *hooks.Kernel) model.Frame { return k.M.CPU.CR3 },
		EnterLazy:       func(k *hooks.Kernel, mode model.LazyMode) { k.CPU().Lazy = mode },
		LeaveLazy:       func(k *hooks.Kernel) { k.CPU().Lazy = model.LazyNone },
		FlushLazy:       nop,
		KmapPTEReadOnly: func(*hooks.Kernel, model.PFN) bool { return false },
		FlushAll:        func(k *hooks.Kernel) { k.M.FlushTLBAll() },
		FlushPage:       func(k *hooks.Kernel, va model.VA) { k.M.FlushPageAll(va) },
		LoadGDT:         nopVA,
		AllocLDT:        nopVA,
		FreeLDT:         nopVA,
		SetLDT:          func(k *hooks.Kernel, va model.VA, entries int) { k.M.SetLDT(va, entries) },
		MapVMArea:       MapVMArea,
		PinAll:          nop,
		UnpinAll:        nop,
		MarkInitPinned:  nop,
	}
	return o
}

// MapVMArea maps a page by a plain store: there is no platform to ask.
func MapVMArea(k *hooks.Kernel, va model.VA, pfn model.PFN) {
	hooks.SetPTEPfn(k, va, pfn, k.KernelProt(false))
}
