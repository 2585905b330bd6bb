package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/xen"
)

// The way from the builder's root to the kernel's, in pieces that can be put
// together in any order.

// piece is one step of the hand-over.
type piece func(k *hooks.Kernel, base model.VA)

// handOver makes a setup_start for a guest from pieces. The 2007 order is copyRoot,
// zeroRO, rootRO, load; a 64-bit kernel pins the new root and gives up the old one
// before the load.
func handOver(pieces ...piece) func(*hooks.Ops, *hooks.Funcs) {
	return func(o *hooks.Ops, _ *hooks.Funcs) {
		o.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) {
			k.M.Kernel.SetPTE, k.M.Kernel.InitMM = model.VariantInit, model.Frame(k.M.L.Kernel.Root)
			for _, p := range pieces {
				p(k, base)
			}
		}
	}
}

func builderRoot(k *hooks.Kernel) model.VA { return k.M.L.VA(k.M.L.Kernel.PTBase.PA()) }

func machine(k *hooks.Kernel, pfn model.PFN) model.MFN { return k.M.L.Map.MFN(model.Frame(pfn)) }

// copyTable copies all entries of a table of a level.
func copyTable(k *hooks.Kernel, level int, from, to model.VA) {
	for i := range k.M.L.Geo.Slots[level] {
		k.Write(k.Slot(to, i), k.Read(k.Slot(from, i)))
	}
}

// shareRoot copies the builder's root and keeps the tables below it.
func shareRoot(k *hooks.Kernel, base model.VA) {
	copyTable(k, k.M.L.Geo.Root(), builderRoot(k), base)
}

// copyRoot copies the builder's root, and each table above L1 below it.
func copyRoot(k *hooks.Kernel, base model.VA) {
	shareRoot(k, base)
	copyBelow(k, k.M.L.Geo.Root(), builderRoot(k), base)
}

func copyBelow(k *hooks.Kernel, level int, from, to model.VA) {
	if level == 2 {
		return
	}
	for i := range k.M.L.Geo.Slots[level] {
		if !k.Read(k.Slot(from, i)).Is(model.Present) {
			continue
		}
		source, pfn := k.TableOf(level, k.Slot(from, i)), k.M.AllocBootmem()
		table := k.M.L.VA(pfn.PA())
		copyTable(k, level-1, source, table)
		copyBelow(k, level-1, source, table)
		xen.MakeLowmemPageReadonly(k, table)
		flags := hooks.PageTable
		if !k.M.L.Geo.GrantsRights(level) {
			flags = model.Present
		}
		k.SetUpper(level, k.Slot(to, i), k.PV.MakePMD(k, uint64(pfn.PA())|uint64(flags)))
	}
}

func zeroRO(k *hooks.Kernel, _ model.VA) {
	xen.MakeLowmemPageReadonly(k, k.M.L.VA(k.M.L.Kernel.ZeroPage.PA()))
}

func rootRO(k *hooks.Kernel, base model.VA) { xen.MakeLowmemPageReadonly(k, base) }

func load(k *hooks.Kernel, _ model.VA) { k.PV.WriteCR3(k, k.M.L.Kernel.Root.PA()) }

// loadAnyway switches to the kernel's root and does not look at the answer.
func loadAnyway(k *hooks.Kernel, _ model.VA) {
	k.M.Kernel.XenCR3 = model.Frame(k.M.L.Kernel.Root)
	k.M.NewBaseptr(machine(k, k.M.L.Kernel.Root))
}

// oldRW makes the builder's root writable again.
func oldRW(k *hooks.Kernel, _ model.VA) { xen.MakeLowmemPageReadwrite(k, builderRoot(k)) }

func pinNew(k *hooks.Kernel, _ model.VA) {
	if rc := k.M.Pin(k.M.L.Geo.Root(), machine(k, k.M.L.Kernel.Root)); rc != model.OK {
		k.M.Bug("pin_pagetable_pfn", rc)
	}
}

func unpinOld(k *hooks.Kernel, _ model.VA) {
	if rc := k.M.Unpin(machine(k, k.M.L.Kernel.PTBase)); rc != model.OK {
		k.M.Bug("pin_pagetable_pfn", rc)
	}
}

// on64 does a piece with four levels only.
func on64(p piece) piece {
	return func(k *hooks.Kernel, base model.VA) {
		if k.M.L.Geo.SignExtend {
			p(k, base)
		}
	}
}

// onOld does a piece with init_mm still on the builder's tables.
func onOld(p piece) piece {
	return func(k *hooks.Kernel, base model.VA) {
		k.M.Kernel.InitMM = model.Frame(k.M.L.Kernel.PTBase)
		p(k, base)
		k.M.Kernel.InitMM = model.Frame(k.M.L.Kernel.Root)
	}
}
