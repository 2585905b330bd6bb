package record

import (
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/xen"
)

// booted takes a kernel through paging_init and the zap.
func booted(t *testing.T, s *model.State, ops hooks.Ops) *model.State {
	t.Helper()
	k := hooks.New(model.NewMachine(s), &ops)
	if died := k.M.Run(func() { hooks.PagingInit(k); hooks.Zap(k) }); died != nil {
		t.Fatalf("%s: %v", ops.Name, died)
	}
	return s
}

// TestBackendsAgree boots a kernel on bare metal and as a guest, with the same
// memory and addresses, and compares what both built: every page of the kernel's
// half leads to the same frame or nowhere, and has a leaf table in both or in
// neither. Apart are the hypervisor's slots, shared_info, and what head.S mapped
// beyond the end of memory.
func TestBackendsAgree(t *testing.T) {
	for _, x := range []struct {
		name string
		geo  *model.Geometry
		pse  bool
	}{{"two levels", model.I386(), false}, {"PAE", model.PAE(), false}, {"PAE, large pages natively", model.PAE(), true}} {
		c := guest(x.geo, model.Xen31())
		c.Kernel.NX = false
		gs, err := xen.StartOfDay(c)
		if err != nil {
			t.Fatal(err)
		}
		n := native.Config{Geo: x.geo, Boot: model.I386(), Kernel: c.Kernel, PG0: 0x510, MapBeyondEnd: 0x20000}
		if x.geo.Levels == 2 {
			n.Boot = x.geo
		}
		n.Kernel.HasPSE = x.pse
		ns, err := native.StartOfDay(n)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, x.name, booted(t, ns, native.Ops()), booted(t, gs, xen.Ops()))
	}
}

// compare compares the kernel's half of two machines page by page.
func compare(t *testing.T, name string, bare, guest *model.State) {
	t.Helper()
	l, root := guest.L, model.Frame(guest.L.Kernel.Root)
	pages, differ := 0, 0
	for va := l.Kernel.PageOffset; va != 0 && differ < 5; va = l.Geo.Wrap(va + model.PageSize) {
		if l.XenSlot(2, l.Geo.Index(va, 2), l.Geo.Index(va, l.Geo.Levels) == l.Geo.Slots[l.Geo.Levels]-1) || va == l.Fix(l.Kernel.FixSharedInfo) {
			continue
		}
		a, x := bare.WalkFrom(bare.L.Geo, root, va)
		b, y := guest.WalkFrom(l.Geo, root, va)
		mapped := [2]bool{x == model.WalkOK && a.Frame != model.NoFrame, y == model.WalkOK}
		if pages++; mapped[0] != mapped[1] || mapped[1] && a.Frame != b.Frame || a.Level == 1 && b.Level > 1 && mapped[0] {
			differ++
			t.Errorf("%s: %#x leads to frame %d (%v) on bare metal, to %d (%v) in the guest", name, va, a.Frame, x, b.Frame, y)
		}
		if direct := l.PA(va).PFN(); direct < l.Kernel.MaxLowPFN && b.Frame != model.Frame(direct) {
			differ++
			t.Errorf("%s: %#x leads to frame %d", name, va, b.Frame)
		}
	}
	if pages < 1<<17 {
		t.Errorf("%s: %d pages only", name, pages)
	}
	for _, va := range []model.VA{l.Fix(l.Kernel.NrFixed - 1), l.Fix(1), l.Kernel.PkmapBase} {
		a, _ := bare.WalkFrom(bare.L.Geo, root, va)
		b, _ := guest.WalkFrom(l.Geo, root, va)
		if a.Level != 1 || b.Level != 1 {
			t.Errorf("%s: no leaf table for %#x: walks end at levels %d and %d", name, va, a.Level, b.Level)
		}
	}
}
