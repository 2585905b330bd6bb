package hooks

import "github.com/ptcheck/ptcheck/model"

// The hooks that hear of table pages. The kernel calls them through these
// functions, which note the call on the machine, whatever the backend does.

// AllocPT tells the backend of a new L1 table of init_mm, before it is linked:
// the variant of alloc_pt that is live.
func (k *Kernel) AllocPT(pfn model.PFN) {
	f := k.PV.AllocPT[k.M.Kernel.AllocPT]
	if f == nil {
		k.M.Die(model.Crash{Kind: model.CrashNullCall, Where: "alloc_pt"})
	}
	k.M.NoteHook(model.HookAllocPT, pfn)
	f(k, k.Base(), pfn)
}

// AllocPD tells the backend of a new table above L1, before it is linked.
func (k *Kernel) AllocPD(pfn model.PFN) {
	k.M.NoteHook(model.HookAllocPD, pfn)
	k.PV.AllocPD(k, pfn)
}

// ReleasePT tells the backend that an L1 table has been unlinked.
func (k *Kernel) ReleasePT(pfn model.PFN) {
	k.M.NoteHook(model.HookReleasePT, pfn)
	k.PV.ReleasePT(k, pfn)
}

// ReleasePD tells the backend that a table above L1 has been unlinked.
func (k *Kernel) ReleasePD(pfn model.PFN) {
	k.M.NoteHook(model.HookReleasePD, pfn)
	k.PV.ReleasePD(k, pfn)
}

// Announce makes the hooks that hear of table pages note their calls on the
// machine themselves, for kernels whose code has been replaced: it may call the
// backend without the functions above.
func Announce(o *Ops) {
	for v, alloc := range o.AllocPT {
		if alloc != nil {
			o.AllocPT[v] = func(k *Kernel, pgd model.VA, pfn model.PFN) {
				if pgd == k.Base() {
					k.M.NoteHook(model.HookAllocPT, pfn)
				}
				alloc(k, pgd, pfn)
			}
		}
	}
	for _, x := range []struct {
		hook model.Hook
		call *func(*Kernel, model.PFN)
	}{{model.HookAllocPD, &o.AllocPD}, {model.HookReleasePT, &o.ReleasePT}, {model.HookReleasePD, &o.ReleasePD}} {
		call := *x.call
		*x.call = func(k *Kernel, pfn model.PFN) {
			k.M.NoteHook(x.hook, pfn)
			call(k, pfn)
		}
	}
}
