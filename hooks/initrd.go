package hooks

import "github.com/ptcheck/ptcheck/model"

// FreeInitrd gives up what the loader has put into memory, once it has been read: the
// mapping besides the direct map goes first, then the frames (Linux: free_initrd_mem;
// cleanup_highmap, and xen_cleanhighmap in a guest, for the initial mapping).
func FreeInitrd(k *Kernel) {
	UnmapInitrd(k)
	ReleaseInitrd(k)
}

// UnmapInitrd is the first half of it.
func UnmapInitrd(k *Kernel) {
	e := k.early()
	for i := range e.Initrd.Len() {
		va := e.InitrdBase + model.VA(i)*model.PageSize
		pte, ok := k.Lookup(va)
		if !ok {
			k.M.Bug("free_initrd_mem", model.OK)
		}
		k.setPTE(pte, 0)
		k.PV.FlushTLBSingle(k, va)
	}
}

// ReleaseInitrd is the second.
func ReleaseInitrd(k *Kernel) { Release(k, k.early().Initrd.From, k.early().Initrd.To) }
