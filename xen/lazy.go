package xen

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// Lazy mode: updates are collected and carried out in one go (Linux:
// arch/x86/xen/multicalls.c).

// EnterLazy begins a section in which updates of a kind may be held back.
func EnterLazy(k *hooks.Kernel, mode model.LazyMode) {
	if k.CPU().Lazy != model.LazyNone {
		k.M.Bug("enter_lazy", model.OK)
	}
	k.CPU().Lazy = mode
}

// LeaveLazy ends it (Linux: xen_leave_lazy).
func LeaveLazy(k *hooks.Kernel) {
	FlushQueue(k)
	FlushLazyCPU(k)
	k.CPU().Lazy = model.LazyNone
}

// FlushLazyMMU carries out held-back updates and goes on being lazy (Linux:
// arch_flush_lazy_mmu_mode).
func FlushLazyMMU(k *hooks.Kernel) {
	if k.CPU().Lazy == model.LazyMMU {
		FlushQueue(k)
	}
}

// FlushQueue carries out held-back updates of entries (Linux: xen_mc_flush).
func FlushQueue(k *hooks.Kernel) {
	l := k.CPU()
	n := l.Queued
	l.Queued = 0
	for i := range l.Queue[:n] {
		item := l.Queue[i]
		l.Queue[i] = model.MMUItem{}
		if rc := k.M.MMUUpdate(item.Ptr, item.Val); rc != model.OK {
			k.M.Bug("xen_mc_flush", rc)
		}
	}
}

// update changes an entry now, or later if that is allowed (Linux:
// xen_extend_mmu_update, xen_mc_issue).
func update(k *hooks.Kernel, name string, entry model.VA, e model.Entry) {
	l := k.CPU()
	ptr := anyToMachine(k, entry) | model.MMUNormal
	if l.Lazy != model.LazyMMU {
		if rc := k.M.MMUUpdate(ptr, e); rc != model.OK {
			k.M.Bug(name, rc)
		}
		return
	}
	if int(l.Queued) == len(l.Queue) {
		FlushQueue(k)
	}
	l.Queue[l.Queued] = model.MMUItem{Ptr: ptr, Val: e}
	l.Queued++
	k.M.NoteHeld(ptr, e)
}

// anyToMachine is the machine address of any kernel address (Linux:
// arbitrary_virt_to_machine).
func anyToMachine(k *hooks.Kernel, va model.VA) uint64 {
	if k.PfnOf(va) < k.M.L.Kernel.MaxLowPFN {
		return virtToMachine(k, va)
	}
	pte, _, ok := k.LookupAddress(va)
	if !ok {
		k.M.Bug("arbitrary_virt_to_machine", model.OK)
	}
	return uint64(k.Read(pte).MFN())<<model.PageShift | uint64(va)&(model.PageSize-1)
}

// SetPTELazy stores a leaf entry: by a plain store, or held back (Linux:
// xen_set_pte, xen_batched_set_pte).
func SetPTELazy(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
	if k.CPU().Lazy == model.LazyMMU {
		update(k, "xen_set_pte", ptep, pte)
		return
	}
	SetPTE(k, ptep, pte)
}

// setUpperLazy stores an entry above L1: plainly while the table is not pinned, by
// hypercall afterwards (Linux: xen_set_pmd, xen_set_pmd_hyper).
func setUpperLazy(name string) func(k *hooks.Kernel, entry model.VA, e model.Entry) {
	return func(k *hooks.Kernel, entry model.VA, e model.Entry) { setPinned(k, name, entry, e) }
}

func setPinned(k *hooks.Kernel, name string, entry model.VA, e model.Entry) {
	if !k.PagePinned(k.PfnOf(entry)) {
		k.Write(entry, e)
		return
	}
	update(k, name, entry, e)
}

// SetPGDBoth stores a root entry, and an entry of the user's part of a 64-bit root
// in the user-mode root too (Linux: xen_set_pgd).
func SetPGDBoth(k *hooks.Kernel, entry model.VA, e model.Entry) {
	setPGD(k, entry, e)
	l := k.M.L
	if !l.Geo.SignExtend {
		return
	}
	slot := int(entry&(model.PageSize-1)) / l.Geo.Width
	if user := userRoot(k, model.Frame(k.PfnOf(entry))); user != model.NoFrame && slot < l.UserSlots() {
		setPGD(k, k.Slot(k.RootVA(user), slot), e)
	}
}

func setPGD(k *hooks.Kernel, entry model.VA, e model.Entry) { setPinned(k, "xen_set_pgd", entry, e) }

// WriteCR3Lazy switches to a root, now or when the switch of processes is over
// (Linux: xen_write_cr3). Asking for the root already in use only flushes.
func WriteCR3Lazy(k *hooks.Kernel, root model.PA) {
	l := k.CPU()
	f := model.Frame(root.PFN())
	if k.M.Kernel.XenCR3 == f {
		flushTLB(k)
		return
	}
	k.M.Kernel.XenCR3, l.Pending = f, f
	if l.Lazy != model.LazyCPU {
		FlushLazyCPU(k)
	}
}

// FlushLazyCPU loads the root whose load was held back, and the user-mode root
// that goes with it (Linux: arch_flush_lazy_cpu_mode, __xen_write_cr3).
func FlushLazyCPU(k *hooks.Kernel) {
	l := k.CPU()
	f := l.Pending
	if f == model.NoFrame {
		return
	}
	l.Pending = model.NoFrame
	if rc := k.M.NewBaseptr(pfnToMFN(k, model.PFN(f))); rc != model.OK {
		k.M.Bug("xen_write_cr3", rc)
	}
	if !k.M.L.Geo.SignExtend {
		return
	}
	var mfn model.MFN
	if user := userRoot(k, f); user != model.NoFrame {
		mfn = pfnToMFN(k, model.PFN(user))
	}
	if rc := k.M.NewUserBaseptr(mfn); rc != model.OK {
		k.M.Bug("xen_write_cr3", rc)
	}
}
