package chooks

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// An accessor is what C code can ask the machine or the kernel for. The rows are numbered
// by their place; ptcheck.h gives them the names that kernels have for them.
type accessor struct {
	name string // behind "ptcheck_"
	args int    // numbers that it takes, 0 to 3; -1: a text
	do   func(k *hooks.Kernel, o *operation) uint64
}

// operation is what C code asks for.
type operation struct {
	kind uint32 // the number of the accessor, or how the call ended
	arg  [3]uint64
	text string
	at   []model.Place // where it does, innermost first; the first one is the accessor's
}

// where is the function that asks.
func (o *operation) where() string {
	if len(o.at) == 0 {
		return "C"
	}
	return o.at[0].Function
}

func (o *operation) va(i int) model.VA     { return model.VA(o.arg[i]) }
func (o *operation) pfn(i int) model.PFN   { return model.PFN(o.arg[i]) }
func (o *operation) e(i int) model.Entry   { return model.Entry(o.arg[i]) }
func (o *operation) mfn(i int) model.MFN   { return model.MFN(o.arg[i]) }
func (o *operation) small(i, most int) int { return int(min(o.arg[i], uint64(most))) }

// accessors lists them.
func accessors() []accessor {
	var all []accessor
	for _, list := range [][]accessor{memory(), liveHooks(), shape(), addresses(), constants(), kept(), processor(), hypervisor(), deaths()} {
		all = append(all, list...)
	}
	return all
}

func memory() []accessor {
	return []accessor{
		{"read", 1, func(k *hooks.Kernel, o *operation) uint64 { return uint64(k.Read(o.va(0))) }},
		{"write", 2, func(k *hooks.Kernel, o *operation) uint64 { k.Write(o.va(0), o.e(1)); return 0 }},
		{"load", 2, func(k *hooks.Kernel, o *operation) uint64 { return k.M.Load(o.va(0), width(k, o)) }},
		{"store", 3, func(k *hooks.Kernel, o *operation) uint64 { k.M.Store(o.va(0), width(k, o), o.arg[2]); return 0 }},
		{"alloc_bootmem", 0, func(k *hooks.Kernel, _ *operation) uint64 { return uint64(k.M.AllocBootmem()) }},
	}
}

// width is how many bytes are asked for.
func width(k *hooks.Kernel, o *operation) int {
	if o.arg[1] != 4 && o.arg[1] != 8 || o.arg[0]%o.arg[1] != 0 {
		dies(k, "an access that is not 4 or 8 aligned bytes")
	}
	return int(o.arg[1])
}

func liveHooks() []accessor {
	return []accessor{
		{"set_pte", 2, func(k *hooks.Kernel, o *operation) uint64 {
			f := k.PV.SetPTE[k.M.Kernel.SetPTE]
			if f == nil {
				k.M.Die(model.Crash{Kind: model.CrashNullCall, Where: "set_pte"})
			}
			f(k, o.va(0), o.e(1))
			return 0
		}},
		{"set_pmd", 2, func(k *hooks.Kernel, o *operation) uint64 { k.PV.SetPMD(k, o.va(0), o.e(1)); return 0 }},
		{"set_pud", 2, func(k *hooks.Kernel, o *operation) uint64 { k.PV.SetPUD(k, o.va(0), o.e(1)); return 0 }},
		{"set_pgd", 2, func(k *hooks.Kernel, o *operation) uint64 { k.SetPGD(o.va(0), o.e(1)); return 0 }},
		{"alloc_pd", 1, func(k *hooks.Kernel, o *operation) uint64 { k.AllocPD(model.PFN(frame(k, o))); return 0 }},
	}
}

func shape() []accessor {
	return []accessor{
		{"levels", 0, func(k *hooks.Kernel, _ *operation) uint64 { return uint64(k.M.L.Geo.Levels) }},
		{"width", 0, func(k *hooks.Kernel, _ *operation) uint64 { return uint64(k.M.L.Geo.Width) }},
		{"slots", 1, func(k *hooks.Kernel, o *operation) uint64 { return uint64(k.M.L.Geo.Slots[level(k, o)]) }},
		{"user_slots", 0, func(k *hooks.Kernel, _ *operation) uint64 { return uint64(k.M.L.UserSlots()) }},
		{"long_mode", 0, func(k *hooks.Kernel, _ *operation) uint64 { return is(k.M.L.Geo.SignExtend) }},
		{"slot", 2, func(k *hooks.Kernel, o *operation) uint64 {
			return uint64(k.Slot(o.va(0), o.small(1, model.PageSize)))
		}},
	}
}

// level is the level of tables that is asked for.
func level(k *hooks.Kernel, o *operation) int {
	n := o.small(0, k.M.L.Geo.Levels+1)
	if n < 1 || n > k.M.L.Geo.Levels {
		dies(k, "a level of tables that there is not")
	}
	return n
}

func addresses() []accessor {
	return []accessor{
		{"va", 1, func(k *hooks.Kernel, o *operation) uint64 { return uint64(k.M.L.VA(model.PA(o.arg[0]))) }},
		{"pa", 1, func(k *hooks.Kernel, o *operation) uint64 { return uint64(k.M.L.PA(o.va(0))) }},
		{"lookup_address", 1, func(k *hooks.Kernel, o *operation) uint64 {
			entry, _, ok := k.LookupAddress(o.va(0))
			return uint64(entry) * is(ok)
		}},
		{"lookup_kernel", 1, func(k *hooks.Kernel, o *operation) uint64 {
			entry, ok := k.Lookup(o.va(0))
			return uint64(entry) * is(ok)
		}},
		{"table_of", 2, func(k *hooks.Kernel, o *operation) uint64 { return uint64(k.TableOf(level(k, o), o.va(1))) }},
	}
}

func constants() []accessor {
	return []accessor{
		{"swapper", 0, func(k *hooks.Kernel, _ *operation) uint64 { return uint64(k.Base()) }},
		{"zero_page", 0, func(k *hooks.Kernel, _ *operation) uint64 { return uint64(k.M.L.Kernel.ZeroPage) }},
		{"pt_base", 0, func(k *hooks.Kernel, _ *operation) uint64 { return uint64(k.M.L.VA(k.M.L.Kernel.PTBase.PA())) }},
		{"shared_info", 0, func(k *hooks.Kernel, _ *operation) uint64 { return uint64(k.M.L.Kernel.SharedInfo) }},
		{"fix_shared_info", 0, func(k *hooks.Kernel, _ *operation) uint64 { return uint64(k.M.L.Fix(k.M.L.Kernel.FixSharedInfo)) }},
		{"page_kernel", 0, func(k *hooks.Kernel, _ *operation) uint64 { return uint64(k.KernelProt(false)) }},
		{"nx", 0, func(k *hooks.Kernel, _ *operation) uint64 { return is(k.M.L.Kernel.NX) }},
	}
}

// kept is what kernels remember.
func kept() []accessor {
	return []accessor{
		{"use_set_pte", 1, func(k *hooks.Kernel, o *operation) uint64 { k.M.Kernel.SetPTE = variant(k, o); return 0 }},
		{"use_alloc_pt", 1, func(k *hooks.Kernel, o *operation) uint64 { k.M.Kernel.AllocPT = variant(k, o); return 0 }},
		{"set_init_mm", 1, func(k *hooks.Kernel, o *operation) uint64 { k.M.Kernel.InitMM = frame(k, o); return 0 }},
		{"shared_mapped", 0, func(k *hooks.Kernel, _ *operation) uint64 { k.M.Kernel.SharedMapped = true; return 0 }},
		{"xen_cr3", 0, func(k *hooks.Kernel, _ *operation) uint64 { return uint64(k.M.Kernel.XenCR3) }},
		{"set_xen_cr3", 1, func(k *hooks.Kernel, o *operation) uint64 { k.M.Kernel.XenCR3 = frame(k, o); return 0 }},
		{"second_pinned", 0, func(k *hooks.Kernel, _ *operation) uint64 { return is(k.M.Kernel.SecondPinned) }},
		{"set_second_pinned", 1, func(k *hooks.Kernel, o *operation) uint64 { k.M.Kernel.SecondPinned = o.arg[0] != 0; return 0 }},
	}
}

// variant is an enum pv_variant.
func variant(k *hooks.Kernel, o *operation) model.Variant {
	if o.arg[0] > uint64(model.VariantLate) {
		dies(k, "a variant of a hook that there is not")
	}
	return model.Variant(o.arg[0])
}

// frame is one of the guest's frames.
func frame(k *hooks.Kernel, o *operation) model.Frame {
	if o.arg[0] >= uint64(k.M.L.Map.Guest()) {
		dies(k, "a frame that is none of the guest's")
	}
	return model.Frame(o.arg[0])
}

func processor() []accessor {
	return []accessor{
		{"load_cr3", 1, func(k *hooks.Kernel, o *operation) uint64 { k.M.LoadCR3(root(o)); return 0 }},
		{"flush_tlb", 0, func(k *hooks.Kernel, _ *operation) uint64 { k.M.FlushTLB(); return 0 }},
		{"flush_page", 1, func(k *hooks.Kernel, o *operation) uint64 { k.M.FlushPage(o.va(0)); return 0 }},
	}
}

// root is the frame of a physical address; one that is far out of memory stays so.
func root(o *operation) model.Frame {
	const far = 1 << 30
	return model.Frame(min(o.arg[0]>>model.PageShift, far))
}

func hypervisor() []accessor {
	return []accessor{
		{"pfn_to_mfn", 1, func(k *hooks.Kernel, o *operation) uint64 { return uint64(toMFN(k, o.pfn(0))) }},
		{"mfn_to_pfn", 1, func(k *hooks.Kernel, o *operation) uint64 {
			if f := k.M.L.Map.Frame(o.mfn(0)); k.M.L.Map.IsGuest(f) {
				return uint64(f)
			}
			return 0xffff_ffff // as the machine_to_phys table has it
		}},
		{"virt_to_machine", 1, func(k *hooks.Kernel, o *operation) uint64 {
			pa := k.M.L.PA(o.va(0))
			return uint64(toMFN(k, pa.PFN()))<<model.PageShift | uint64(pa)&(model.PageSize-1)
		}},
		{"mmu_update", 2, func(k *hooks.Kernel, o *operation) uint64 { return answer(k.M.MMUUpdate(o.arg[0], o.e(1))) }},
		{"update_va_mapping", 2, func(k *hooks.Kernel, o *operation) uint64 {
			return answer(k.M.UpdateVAMapping(o.va(0), o.e(1), model.UVMFNone))
		}},
		{"pin", 2, func(k *hooks.Kernel, o *operation) uint64 { return answer(k.M.Pin(o.small(0, 99), o.mfn(1))) }},
		{"unpin", 1, func(k *hooks.Kernel, o *operation) uint64 { return answer(k.M.Unpin(o.mfn(0))) }},
		{"new_baseptr", 1, func(k *hooks.Kernel, o *operation) uint64 { return answer(k.M.NewBaseptr(o.mfn(0))) }},
		{"announce", 2, func(k *hooks.Kernel, o *operation) uint64 {
			if o.arg[0]>>model.PageShift >= uint64(k.M.L.Map.Guest()) {
				dies(k, "an address that is none of the guest's memory")
			}
			k.M.Announce(model.PA(o.arg[0]), o.small(1, model.PageSize))
			return 0
		}},
	}
}

// toMFN is the guest's list of machine frames; a number outside of its memory has none
// (INVALID_P2M_ENTRY).
func toMFN(k *hooks.Kernel, pfn model.PFN) model.MFN {
	if pfn >= model.PFN(k.M.L.Map.Guest()) {
		return model.MFN(model.FrameMask >> model.PageShift)
	}
	return k.M.L.Map.MFN(model.Frame(pfn))
}

// answer is what a hypercall returns in C: 0 or a negative number.
func answer(rc model.Errno) uint64 { return -uint64(rc) }

func deaths() []accessor {
	return []accessor{
		{"bug", 1, func(k *hooks.Kernel, o *operation) uint64 {
			k.M.Bug(o.where(), model.Errno(-o.arg[0]))
			return 0
		}},
		{"panic", -1, func(k *hooks.Kernel, o *operation) uint64 {
			k.M.Die(model.Crash{Kind: model.CrashPanic, Where: o.text})
			return 0
		}},
	}
}

// dies ends C code that asks for what cannot be.
func dies(k *hooks.Kernel, what string) { k.M.Die(model.Crash{Kind: model.CrashC, Where: what}) }

func is(yes bool) uint64 {
	if yes {
		return 1
	}
	return 0
}
