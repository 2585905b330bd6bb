package hooks

import "github.com/ptcheck/ptcheck/model"

// StartLife hands what the boot allocator has left to the page allocator, high
// memory too (Linux: mem_init, free_all_bootmem; xen_mark_init_mm_pinned).
func StartLife(k *Kernel) {
	l := k.life()
	l.Reset()
	l.Free = l.Free.Add(model.FrameRange{From: k.M.Kernel.BootmemNext, To: model.PFN(k.layout().Map.Guest())})
	k.PV.Life.MarkInitPinned(k)
}

// LifeCall carries out a call of life after boot. n is the process of the calls
// that name one (-1: none), va the page of those that name a page.
func LifeCall(k *Kernel, kind model.CallKind, n int, va model.VA) {
	outer := k.M.Begin(model.Call{Kind: kind, From: k.rootOf(n), Index: n})
	switch kind {
	case model.CallMMAlloc, model.CallMMFork, model.CallMMPopulate, model.CallMMActivate, model.CallMMSwitch, model.CallMMExit:
		mmCall(k, kind, n, va)
	case model.CallTouch, model.CallUnmap, model.CallProtNone, model.CallUnprotect, model.CallSwapOut, model.CallKmapHigh, model.CallKunmapHigh:
		pageCall(k, kind, n, va)
	case model.CallVmalloc, model.CallVfree, model.CallVTouch, model.CallVSync, model.CallVArea:
		vmallocCall(k, kind)
	default:
		platformCall(k, kind)
	}
	k.M.End(outer)
}

// rootOf is the root of a process, init_mm's for -1.
func (k *Kernel) rootOf(n int) model.PFN {
	if n < 0 {
		return k.layout().Kernel.Root
	}
	return model.PFN(k.life().MM[n].Root)
}

func mmCall(k *Kernel, kind model.CallKind, n int, va model.VA) {
	switch kind {
	case model.CallMMAlloc:
		MMAlloc(k)
	case model.CallMMFork:
		MMFork(k)
	case model.CallMMPopulate:
		HandleMMFault(k, n, va, true)
	case model.CallMMActivate:
		MMActivate(k, n)
	case model.CallMMSwitch:
		k.Fn.Life.SwitchMM(k, n)
	case model.CallMMExit:
		MMExit(k, n)
	}
}

func pageCall(k *Kernel, kind model.CallKind, n int, va model.VA) {
	switch kind {
	case model.CallTouch:
		TouchPage(k, va)
	case model.CallUnmap:
		Unmap(k, va)
	case model.CallProtNone:
		Protect(k, va, true)
	case model.CallUnprotect:
		Protect(k, va, false)
	case model.CallSwapOut:
		SwapOut(k, n, va)
	case model.CallKmapHigh:
		Kmap(k)
	case model.CallKunmapHigh:
		Kunmap(k)
	}
}

func vmallocCall(k *Kernel, kind model.CallKind) {
	switch kind {
	case model.CallVmalloc:
		Vmalloc(k)
	case model.CallVfree:
		Vfree(k)
	case model.CallVTouch:
		VmallocTouch(k)
	case model.CallVSync:
		SyncVmalloc(k)
	case model.CallVArea:
		AllocVMArea(k)
	}
}

func platformCall(k *Kernel, kind model.CallKind) {
	switch kind {
	case model.CallLazyEnter:
		k.PV.Life.EnterLazy(k, model.LazyMMU)
	case model.CallLazyLeave:
		k.PV.Life.LeaveLazy(k)
		k.PV.Life.FlushAll(k)
	case model.CallGDTLoad:
		LoadGDT(k)
	case model.CallLDTLoad:
		LoadLDT(k)
	case model.CallLDTUse:
		UseLDT(k)
	case model.CallLDTFree:
		FreeLDT(k)
	case model.CallSuspend:
		k.PV.Life.PinAll(k)
		k.life().Suspended = true
		k.M.Suspend()
	case model.CallResume:
		k.life().Suspended = false
		k.PV.Life.UnpinAll(k)
	}
}
