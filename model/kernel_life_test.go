package model

import (
	"bytes"
	"testing"
)

// lifeState is a small machine with life after boot, natively or under Xen.
func lifeState(t *testing.T, profile *Profile) *State {
	t.Helper()
	g, err := NewGeometry("life", 8, 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	l := &Layout{Geo: g, Map: IdentityMap(10), Life: &LifeMap{MMs: 2, Small: -1}}
	l.Kernel = KernelMap{PageOffset: 8 * PageSize, MaxLowPFN: 8}
	if profile != nil {
		l.Hyper = &Hyper{Profile: profile}
	}
	s := NewState(l)
	const flags = Present | RW | Accessed | Dirty
	for i := range 2 {
		s.SetEntry(g, 0, 2+i, MakeEntry(MFN(1+i), flags|User))
	}
	for f := range 8 {
		e := flags
		if profile != nil && f < 3 {
			e &^= RW
		}
		s.SetEntry(g, Frame(1+f/4), f%4, MakeEntry(MFN(f), e))
	}
	s.CPU.CR3 = 0
	if profile != nil {
		if rc := s.AdoptGuest(0); rc != OK {
			t.Fatal(rc)
		}
	}
	return s
}

func TestPageAllocator(t *testing.T) {
	s := lifeState(t, nil)
	m := NewMachine(s)
	for _, f := range []Frame{5, 3, 9} {
		Put(&s.Kernel.Life.Free, f, true)
	}
	if low, all := s.Available(); low != 2 || all != 3 {
		t.Errorf("%d and %d frames are available", low, all)
	}
	for _, x := range []struct {
		high bool
		pfn  PFN
		ok   bool
	}{{true, 9, true}, {true, 3, true}, {false, 5, true}, {false, 0, false}, {true, 0, false}} {
		if pfn, ok := m.AllocPage(x.high); pfn != x.pfn || ok != x.ok {
			t.Errorf("AllocPage(%v) = %d, %v, want %d, %v", x.high, pfn, ok, x.pfn, x.ok)
		}
	}
	if died := m.Run(func() { m.FreePage(5); m.FreePage(5) }); died == nil || died.Where != "bad_page" {
		t.Errorf("a page freed twice: %v", died)
	}
}

// TestLifePacked packs and unpacks what a booted kernel remembers.
func TestLifePacked(t *testing.T) {
	s := lifeState(t, Xen417())
	l := &s.Kernel.Life
	l.Free, l.Pinned, l.List, l.Saved = LowFrames(0x3f0), LowFrames(7), LowFrames(0x21), LowFrames(0x20)
	l.Refs.Set(4, 1)
	l.Refs.Set(63, 2)
	l.MM[1] = MM{Root: 5, User: 6, Ready: true}
	l.MM[0] = MM{Root: 0, User: NoFrame, Dead: true, Leaving: true}
	l.CPU[0].Current, l.CPU[0].Lazy, l.CPU[0].Pending, l.CPU[0].Queued = 1, LazyMMU, 3, 1
	l.CPU[0].Queue[0] = MMUItem{Ptr: 0x1008, Val: NX | 0x5067}
	l.VPage, l.LDT, l.Kmap, l.KmapCount, l.Suspended, l.Synced = 7, 1, 9, 2, true, true
	s.LDT = LDT{Base: 0x7000, Entries: 1, Mapped: true, Frame: 7}
	packed := s.AppendPacked(nil)
	o := lifeState(t, Xen417())
	if rest := o.Unpack(packed); len(rest) != 0 {
		t.Errorf("%d bytes are left over", len(rest))
	}
	if o.Kernel.Life != *l || o.LDT != s.LDT {
		t.Errorf("%+v came back as %+v", *l, o.Kernel.Life)
	}
	if !bytes.Equal(o.AppendPacked(nil), packed) {
		t.Error("packed again it differs")
	}
}

// TestLDT has descriptors found through the tables, at their first use, in a page
// that must not be writable.
func TestLDT(t *testing.T) {
	for _, profile := range []*Profile{Xen31(), Xen417()} {
		s := lifeState(t, profile)
		m := NewMachine(s)
		page := s.L.VA(PFN(5).PA())
		if rc := m.SetLDT(page+8, 1); rc != EINVAL {
			t.Errorf("%s: a table in the middle of a page: %v", profile.Name, rc)
		}
		if rc := m.SetLDT(page, 1); rc != OK {
			t.Errorf("%s: %v", profile.Name, rc)
		}
		if died := m.Run(m.UseLDT); died == nil || died.Kind != CrashFault {
			t.Errorf("%s: a writable table is used: %v", profile.Name, died)
		}
		if rc := m.UpdateVAMapping(page, MakeEntry(5, Present), UVMFNone); rc != OK {
			t.Fatal(rc)
		}
		if died := m.Run(m.UseLDT); died != nil {
			t.Errorf("%s: %v", profile.Name, died)
		}
		if i := s.Info(5); !i.InUseAs(TypeSegDesc) {
			t.Errorf("%s: the page is %v", profile.Name, i.Typ)
		}
		var c Census
		if err := c.Check(s); err != nil {
			t.Error(err)
		}
		if rc := m.UpdateVAMapping(page, MakeEntry(5, Present|RW), UVMFNone); rc == OK {
			t.Errorf("%s: the table becomes writable while it is in use", profile.Name)
		}
		m.SetLDT(0, 0)
		if rc := m.UpdateVAMapping(page, MakeEntry(5, Present|RW), UVMFNone); rc != OK {
			t.Errorf("%s: afterwards: %v", profile.Name, rc)
		}
	}
}

// TestFaultDelivered has accesses fault, be handled and tried again.
func TestFaultDelivered(t *testing.T) {
	s := lifeState(t, nil)
	m := NewMachine(s)
	g := s.L.Geo
	var got []PageFault
	fix := func(f PageFault) bool {
		got = append(got, f)
		s.SetEntry(g, 0, 0, MakeEntry(3, Present|RW))
		s.SetEntry(g, 3, 1, MakeEntry(4, Present|RW))
		return true
	}
	m.OnFault = fix
	if died := m.Run(func() { m.Store(PageSize, 8, 0) }); died != nil || len(got) != 1 || got[0] != (PageFault{VA: PageSize, Write: true}) {
		t.Errorf("%v, faults %v", died, got)
	}
	s.SetEntry(g, 3, 1, MakeEntry(4, Present))
	m.OnFault = func(PageFault) bool { return true }
	if died := m.Run(func() { m.Store(PageSize, 8, 0) }); died == nil || died.Kind != CrashFault {
		t.Errorf("a fault that is never mended: %v", died)
	}
	// An outdated read-only translation makes a store fault once.
	s.TLB.Sticky, got = true, nil
	m.Load(PageSize, 8)
	m.OnFault = fix
	if died := m.Run(func() { m.Store(PageSize, 8, 0) }); died != nil || len(got) != 1 || !got[0].Present {
		t.Errorf("%v, faults %v", died, got)
	}
	s.SetEntry(g, 3, 1, MakeEntry(4, Present))
	m.FlushTLB()
	m.Load(PageSize, 8)
	s.SetEntry(g, 3, 1, MakeEntry(4, Present|RW))
	got = nil
	if died := m.Run(func() { m.Store(PageSize, 8, 0) }); died != nil || len(got) != 1 || !got[0].Present {
		t.Errorf("%v, faults %v", died, got)
	}
}
