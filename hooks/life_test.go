package hooks_test

import (
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/life"
	"github.com/ptcheck/ptcheck/xen"
)

// booted is a kernel that has booted: the first member of a theme of a system.
func booted(t *testing.T, b *kernel.Backend, theme string, levels int) *hooks.Kernel {
	t.Helper()
	s, err := b.New(kernel.Options{Themes: []string{theme}, Levels: []int{levels}})
	if err != nil {
		t.Fatal(err)
	}
	ops := xen.BootedOps()
	if s.Inits[0].State.L.Hyper == nil {
		ops = native.BootedOps()
	}
	k := hooks.New(model.NewMachine(s.Inits[0].State), &ops)
	k.M.OnFault = func(f model.PageFault) bool { return k.Fn.Life.PageFault(k, f) }
	return k
}

// do runs kernel code that must not die.
func do(t *testing.T, k *hooks.Kernel, code func()) {
	t.Helper()
	if died := k.M.Run(code); died != nil {
		t.Fatal(died)
	}
}

// start starts a first process.
func start(t *testing.T, k *hooks.Kernel) {
	t.Helper()
	do(t, k, func() { hooks.MMActivate(k, hooks.MMAlloc(k)) })
}

// page is the leaf entry of a process's first page.
func page(k *hooks.Kernel, n int) model.Entry {
	w, _ := k.M.WalkFrom(k.M.L.Geo, k.M.Kernel.Life.MM[n].Root, k.M.L.Life.Pages[0])
	if w.Level != 1 {
		return 0
	}
	return w.Entry
}

// everywhere runs a test on both backends and on two and three levels.
func everywhere(t *testing.T, theme string, test func(t *testing.T, k *hooks.Kernel)) {
	for _, b := range []*kernel.Backend{life.Native(), life.Xen()} {
		for _, levels := range []int{2, 3} {
			test(t, booted(t, b, theme, levels))
		}
	}
}

// TestCopyOnWrite: after a fork both share a page read-only; who writes first gets a
// copy, who writes last keeps the page.
func TestCopyOnWrite(t *testing.T) {
	everywhere(t, "fork", func(t *testing.T, k *hooks.Kernel) {
		va := k.M.L.Life.Pages[0]
		start(t, k)
		do(t, k, func() { hooks.TouchPage(k, va) })
		first := page(k, 0)
		do(t, k, func() { hooks.MMFork(k) })
		f := k.M.L.Map.Frame(first.MFN())
		if a, b := page(k, 0), page(k, 1); a.MFN() != first.MFN() || b.MFN() != first.MFN() || a.Is(model.RW) || b.Is(model.RW) || k.M.Kernel.Life.Refs.Of(f) != 1 {
			t.Errorf("%s: after the fork %#x and %#x, %d more users", k.PV.Name, a, b, k.M.Kernel.Life.Refs.Of(f))
		}
		do(t, k, func() { hooks.TouchPage(k, va) })
		if a, b := page(k, 0), page(k, 1); a.MFN() == first.MFN() || !a.Is(model.RW) || b.MFN() != first.MFN() || k.M.Kernel.Life.Refs.Of(f) != 0 {
			t.Errorf("%s: after the first write %#x and %#x", k.PV.Name, a, b)
		}
		do(t, k, func() { k.Fn.Life.SwitchMM(k, 1); hooks.TouchPage(k, va) })
		if b := page(k, 1); b.MFN() != first.MFN() || !b.Is(model.RW) {
			t.Errorf("%s: after the second write %#x", k.PV.Name, b)
		}
	})
}

// TestAbsentEntriesKeepTheirMeaning: entries that are not present are read back as
// they were written.
func TestAbsentEntriesKeepTheirMeaning(t *testing.T) {
	everywhere(t, "pages", func(t *testing.T, k *hooks.Kernel) {
		va := k.M.L.Life.Pages[0]
		start(t, k)
		do(t, k, func() { hooks.TouchPage(k, va) })
		before := page(k, 0)
		f := k.M.L.Map.Frame(before.MFN())
		do(t, k, func() { hooks.Protect(k, va, true) })
		if e := page(k, 0); e.Is(model.Present) || e == 0 || k.M.L.Page(model.PA(e&model.FrameMask)) != model.PFN(f) {
			t.Errorf("%s: without rights it is %#x, its page is %d", k.PV.Name, e, f)
		}
		if died := k.M.Run(func() { hooks.TouchPage(k, va) }); died == nil || died.Kind != model.CrashFault {
			t.Errorf("%s: a page without rights is written to: %v", k.PV.Name, died)
		}
		do(t, k, func() { hooks.Protect(k, va, false) })
		if e := page(k, 0); e != before {
			t.Errorf("%s: with rights again it is %#x, was %#x", k.PV.Name, e, before)
		}
		do(t, k, func() { hooks.SwapOut(k, 0, va) })
		if e := page(k, 0); e.Is(model.Present) || e == 0 || !model.In(k.M.Kernel.Life.Free, f) {
			t.Errorf("%s: swapped out it is %#x", k.PV.Name, e)
		}
		do(t, k, func() { hooks.TouchPage(k, va) })
		if e := page(k, 0); !e.Is(model.Present | model.RW) {
			t.Errorf("%s: swapped in it is %#x", k.PV.Name, e)
		}
	})
}

// TestVmallocReachesEverybody: by a fault, or by vmalloc_sync_all.
func TestVmallocReachesEverybody(t *testing.T) {
	everywhere(t, "vmalloc", func(t *testing.T, k *hooks.Kernel) {
		start(t, k)
		do(t, k, func() { hooks.MMAlloc(k); hooks.Vmalloc(k) })
		va := k.M.L.Life.Vmalloc
		shared := k.M.L.Geo.Levels == 3 && k.PV.SharedKernelPMD
		at := func(n int) bool {
			w, fault := k.M.WalkFrom(k.M.L.Geo, k.M.Kernel.Life.MM[n].Root, va)
			return fault == model.WalkOK && w.Frame == k.M.Kernel.Life.VPage
		}
		if at(0) != shared || at(1) != shared {
			t.Errorf("%s: at first mapped: %v, %v", k.PV.Name, at(0), at(1))
		}
		do(t, k, func() { hooks.VmallocTouch(k) })
		if !at(0) || at(1) != shared {
			t.Errorf("%s: after the fault mapped: %v, %v", k.PV.Name, at(0), at(1))
		}
		do(t, k, func() { hooks.SyncVmalloc(k) })
		if !at(1) || !k.M.Kernel.Life.Synced {
			t.Errorf("%s: after the synchronisation it is not mapped", k.PV.Name)
		}
		do(t, k, func() { hooks.Vfree(k) })
		if died := k.M.Run(func() { hooks.VmallocTouch(k) }); died == nil || died.Kind != model.CrashFault {
			t.Errorf("%s: access to what is freed: %v", k.PV.Name, died)
		}
	})
}

// TestPinnedWhileInUse: under Xen an address space in use is pinned and read-only,
// and nothing of that is left when it ends.
func TestPinnedWhileInUse(t *testing.T) {
	for levels := 2; levels <= 4; levels++ {
		k := booted(t, life.Xen(), "pages", levels)
		life := &k.M.Kernel.Life
		before := *life
		start(t, k)
		do(t, k, func() { hooks.TouchPage(k, k.M.L.Life.Pages[0]) })
		roots := []model.Frame{life.MM[0].Root}
		if levels == 4 {
			roots = append(roots, life.MM[0].User)
		}
		for _, f := range roots {
			i := k.M.Info(f)
			if w, _ := k.M.Walk(k.RootVA(f)); !i.Is(model.Pinned) || !k.PagePinned(model.PFN(f)) || w.RW {
				t.Errorf("%d levels: root %d is %+v, writable %v", levels, f, i, w.RW)
			}
		}
		if k.M.CPU.CR3 != roots[0] || levels == 4 && k.M.CPU.UserCR3 != roots[1] {
			t.Errorf("%d levels: CR3 is %d and %d", levels, k.M.CPU.CR3, k.M.CPU.UserCR3)
		}
		do(t, k, func() { hooks.MMExit(k, 0) })
		if !life.MM[0].Dead {
			t.Errorf("%d levels: the root that is still borrowed is gone", levels)
		}
		do(t, k, func() { k.Fn.Life.SwitchMM(k, -1) })
		if *life != before {
			t.Errorf("%d levels: %+v is left, was %+v", levels, *life, before)
		}
		var c model.Census
		if err := c.Check(k.M.State); err != nil {
			t.Error(err)
		}
	}
}

// TestKmapLeftBehind: a kmap that nobody uses stays until its page becomes a table.
func TestKmapLeftBehind(t *testing.T) {
	k := booted(t, life.Xen(), "high", 3)
	start(t, k)
	do(t, k, func() { hooks.Kmap(k); hooks.Kunmap(k) })
	pkmap := k.M.L.Kernel.PkmapBase
	w, fault := k.M.Walk(pkmap)
	if fault != model.WalkOK || !model.In(k.M.Kernel.Life.Free, w.Frame) {
		t.Fatalf("the kmap leads to %d (%v)", w.Frame, fault)
	}
	do(t, k, func() { hooks.TouchPage(k, k.M.L.Life.Pages[0]) })
	if _, fault := k.M.Walk(pkmap); fault == model.WalkOK {
		t.Error("the kmap is still there")
	}
	if i := k.M.Info(w.Frame); !i.InUseAs(model.TypeL1) {
		t.Errorf("its page is %v", i.Typ)
	}
}
