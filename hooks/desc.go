package hooks

// Descriptor tables in the vmalloc area, where their page has two addresses.

// LoadGDT makes the vmalloc page the processor's descriptor table, as where
// per-CPU data are mapped virtually (Linux: load_gdt, switch_to_new_gdt).
func LoadGDT(k *Kernel) { k.PV.Life.LoadGDT(k, k.lifeMap().Vmalloc) }

// ldtEntries is the number of descriptors of an LDT.
const ldtEntries = 1

// LoadLDT makes the vmalloc page the current process's LDT (Linux: alloc_ldt,
// write_ldt).
func LoadLDT(k *Kernel) {
	k.PV.Life.AllocLDT(k, k.lifeMap().Vmalloc)
	k.PV.Life.SetLDT(k, k.lifeMap().Vmalloc, ldtEntries)
	k.life().LDT = k.CPU().Current
}

// UseLDT loads a segment register from the LDT.
func UseLDT(k *Kernel) { k.M.UseLDT() }

// FreeLDT gives the LDT up (Linux: destroy_context: clear_LDT, then
// paravirt_free_ldt).
func FreeLDT(k *Kernel) {
	k.PV.Life.SetLDT(k, 0, 0)
	k.PV.Life.FreeLDT(k, k.lifeMap().Vmalloc)
	k.life().LDT = -1
}

// loadLDT loads the LDT of the process that runs next, or unloads that of another
// one (switch_mm, load_LDT_nolock).
func (k *Kernel) loadLDT(n int) {
	switch owner := int(k.life().LDT); {
	case owner < 0:
	case owner == n:
		k.PV.Life.SetLDT(k, k.lifeMap().Vmalloc, ldtEntries)
	case k.M.LDT.Entries > 0:
		k.PV.Life.SetLDT(k, 0, 0)
	}
}

// destroyLDT gives up the LDT of a process that goes.
func (k *Kernel) destroyLDT(n int) {
	if int(k.life().LDT) == n {
		FreeLDT(k)
	}
}
