// Package shadow is a worked example of a backend: a guest of a hypervisor that
// keeps shadow page tables, as VMI's and lguest's did. The guest's tables stay
// writable and it writes them itself; the processor uses the hypervisor's
// shadows, and so every change must be announced.
//
// docs/your-backend.md leads through it.
package shadow

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
)

// Ops returns the hooks: the native ones, each followed by the announcement of
// what it stored (compare lguest_set_pte, lguest_set_pmd: Linux 2.6.23,
// drivers/lguest/lguest.c; vmi_set_pte: Linux 2.6.22, arch/i386/kernel/vmi.c).
func Ops() hooks.Ops {
	o := native.Ops()
	o.Name = "shadow"
	o.PagetableSetupStart = PagetableSetupStart
	o.SetPTE[model.VariantLate] = announced(native.SetPTE)
	o.SetPMD = announced(o.SetPMD)
	o.SetPUD = announced(o.SetPUD)
	o.SetPGD = announced(o.SetPGD)
	return o
}

// announced is a store followed by its announcement.
func announced(set func(*hooks.Kernel, model.VA, model.Entry)) func(*hooks.Kernel, model.VA, model.Entry) {
	return func(k *hooks.Kernel, entry model.VA, e model.Entry) {
		set(k, entry, e)
		k.M.Announce(k.M.L.PA(entry), k.M.L.Geo.Width)
	}
}

// PagetableSetupStart is the native one and a flush: in PAE it clears root slots
// with plain stores, past the hooks, while the root's page is in use.
func PagetableSetupStart(k *hooks.Kernel, base model.VA) {
	native.PagetableSetupStart(k, base)
	k.PV.FlushTLB(k)
}
