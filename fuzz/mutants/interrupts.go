package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/xen"
)

// interruptMutants are bugs that an interrupt shows which comes in the middle of something.
func interruptMutants() []Mutant {
	const (
		fault = "Linux, vmalloc_fault: \"Do _not_ use current here\"; x86/mm/64: In vmalloc_fault(), use CR3 instead of current->active_mm"
		ipi   = "Linux 9f79991d4186, xen_write_cr3: \"Update while interrupts are disabled, so its atomic with respect to ipis\""
	)
	return []Mutant{
		{ID: "irq-current", What: "a fault in the vmalloc area has the tables of the current process synchronised, not those that are loaded: an interrupt comes between the two", Source: fault,
			Place: lifeNative(2, "vmalloc"), Catch: "crash fault", Steps: 5, Change: ofKernel(faultOfCurrent)},
		{ID: "irq-current-xen", What: "the same under Xen", Source: fault,
			Place: lifeXen(3, "vmalloc"), Catch: "crash fault", Steps: 5, Change: ofKernel(faultOfCurrent)},
		{ID: "irq-load", What: "a root is noted as loaded before it is, with interrupts on: one comes in between, faults and synchronises the wrong tables", Source: ipi,
			Place: lifeXen(2, "vmalloc"), Catch: "crash fault", Steps: 5, Change: ofKernel(loadInterrupted)},
		{ID: "irq-switch", What: "a switch of processes holds a load back with interrupts on: one that comes in between faults for ever", Source: "Linux, context_switch and arch_start_context_switch run with interrupts off",
			Place: lifeXen(2, "vmalloc"), Catch: "crash fault", Steps: 4, Change: ofKernel(switchInterrupted)},
		{ID: "irq-switch-ipi", What: "the same: an interrupt of another processor, which wants the old root dropped, takes it for dropped", Source: ipi,
			Place: lifeSMP(3, "race"), Catch: "crash bug", Steps: 3, Change: ofKernel(switchInterrupted)},
	}
}

// faultOfCurrent takes the tables of the current process for those that are loaded.
func faultOfCurrent(o *hooks.Ops, _ *hooks.Funcs) {
	o.Life.ReadCR3 = func(k *hooks.Kernel) model.Frame {
		if n := k.CPU().Current; n >= 0 {
			return k.M.Kernel.Life.MM[n].Root
		}
		return model.Frame(k.M.L.Kernel.Root)
	}
}

// loadInterrupted notes a root and loads it, as if nothing could come in between.
func loadInterrupted(o *hooks.Ops, _ *hooks.Funcs) {
	o.WriteCR3 = func(k *hooks.Kernel, root model.PA) {
		f := model.Frame(root.PFN())
		k.M.Kernel.XenCR3, k.CPU().Pending = f, f
		if k.CPU().Lazy != model.LazyCPU {
			xen.FlushLazyCPU(k)
		}
	}
}

// switchInterrupted switches processes with interrupts on, after it has chosen the next one
// with interrupts off.
func switchInterrupted(o *hooks.Ops, f *hooks.Funcs) {
	loadInterrupted(o, f)
	f.Life.SwitchMM = func(k *hooks.Kernel, n int) {
		k.WithoutInterrupts(func() {}) // the next process is chosen
		root := k.M.L.Kernel.Root
		if n >= 0 {
			root = model.PFN(k.M.Kernel.Life.MM[n].Root)
		}
		k.PV.Life.EnterLazy(k, model.LazyCPU)
		c := k.CPU()
		c.Prev, c.Current = c.Current, int8(n)
		k.PV.WriteCR3(k, root.PA())
		k.PV.Life.LeaveLazy(k)
		c.Prev = -1
	}
}
