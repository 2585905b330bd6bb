package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// userModeMutants are bugs that only an access of user mode shows, or that let user mode
// see what is the kernel's.
func userModeMutants() []Mutant {
	const pointers = "no pointer to a table is open to user mode: a process faults for ever on its own page"
	const myos = "Intel SDM vol. 3, 4.6; zakki0925224/myos-x86_64 issue 2"
	return []Mutant{
		{ID: "user-pointers", What: pointers, Source: myos,
			Place: lifeNative(3, "fork"), Catch: "crash fault", Steps: 3, Change: ofKernel(closedPointers)},
		{ID: "user-pointers-2", What: pointers, Source: myos,
			Place: lifeNative(2, "pages"), Catch: "crash fault", Steps: 3, Change: ofKernel(closedPointers)},
		{ID: "user-pointers-xen", What: pointers, Source: myos,
			Place: lifeXen(3, "pages"), Catch: "crash fault", Steps: 3, Change: ofKernel(closedPointers)},
		{ID: "user-leaf", What: "pages of processes are the kernel's alone", Source: "Linux, PAGE_SHARED and PAGE_KERNEL",
			Place: lifeNative(2, "fork"), Catch: "crash fault", Steps: 3, Change: ofKernel(closedPages)},
		{ID: "user-root-missed", What: "the root of user mode lacks what the kernel's gets", Source: "Linux, arch/x86/xen/mmu.c, xen_set_pgd",
			Place: lifeXen(4, "pages"), Catch: "crash fault", Steps: 3, Change: ofKernel(missUserRoot)},
		{ID: "user-root-none", What: "a switch loads the kernel's root, and none for user mode", Source: "Linux, arch/x86/xen/mmu.c, __xen_write_cr3",
			Place: lifeXen(4, "small"), Catch: "crash fault", Steps: 3, Change: ofKernel(loadKernelRoot)},
		{ID: "open-vmalloc", What: "the vmalloc area is open to user mode", Source: "Linux, PAGE_KERNEL; XenLinux 7eb2ea0351",
			Place: lifeNative(3, "vmalloc"), Catch: "kernel-closed", Steps: 1, Change: ofKernel(openKernel)},
		{ID: "open-vmalloc-xen", What: "the vmalloc area of a 64-bit guest is open to user mode, and so global for Xen", Source: "XenLinux 7eb2ea0351, 65fd68d6d0",
			Place: lifeXen(4, "vmalloc"), Catch: "kernel-closed", Steps: 1, Change: ofKernel(openKernel)},
		{ID: "open-kmap", What: "an atomic kmap is open to user mode while it lasts", Source: "Linux, kmap_prot",
			Place: lifeNative(2, "high"), Catch: "kernel-closed", Steps: 1, Change: ofKernel(openKernel)},
	}
}

// closedPointers takes the user bit from pointers to tables.
func closedPointers(o *hooks.Ops, _ *hooks.Funcs) {
	pmd, pgd := o.MakePMD, o.MakePGD
	o.MakePMD = func(k *hooks.Kernel, v uint64) model.Entry { return pmd(k, v) &^ model.User }
	o.MakePGD = func(k *hooks.Kernel, v uint64) model.Entry { return pgd(k, v) &^ model.User }
}

// closedPages takes it from the pages of processes.
func closedPages(o *hooks.Ops, _ *hooks.Funcs) {
	entry := o.MakePTE
	o.MakePTE = func(k *hooks.Kernel, v uint64) model.Entry { return entry(k, v) &^ model.User }
}

// missUserRoot writes root entries to the kernel's root alone.
func missUserRoot(o *hooks.Ops, _ *hooks.Funcs) { o.SetPGD = o.SetPUD }

// loadKernelRoot loads the kernel's roots alone.
func loadKernelRoot(o *hooks.Ops, _ *hooks.Funcs) {
	load := o.WriteCR3
	o.WriteCR3 = func(k *hooks.Kernel, root model.PA) {
		n := k.M.Kernel.Life.Owner(model.Frame(root.PFN()))
		if n < 0 {
			load(k, root)
			return
		}
		mm := &k.M.Kernel.Life.MM[n]
		user := mm.User
		mm.User = model.NoFrame
		load(k, root)
		mm.User = user
	}
}

// openKernel gives all pages of the kernel the user bit.
func openKernel(o *hooks.Ops, _ *hooks.Funcs) {
	entry := o.MakePTE
	o.MakePTE = func(k *hooks.Kernel, v uint64) model.Entry {
		e := entry(k, v)
		if e.Is(model.Present) {
			e |= model.User
		}
		return e
	}
}
