package model

import "testing"

// put writes an entry to a frame that is no table.
func put(t *testing.T, s *State, f Frame, slot int, e Entry) {
	t.Helper()
	if rc := s.mmuUpdate(uint64(s.L.Map.MFN(f))<<PageShift+uint64(slot*s.L.Geo.Width), e); rc != OK {
		t.Fatalf("frame %d slot %d: %v", f, slot, rc)
	}
}

// TestEntryMasks tries flags of entries at each level under each profile.
func TestEntryMasks(t *testing.T) {
	cases := []struct {
		profile *Profile
		geo     *Geometry
		level   int
		flags   Entry
		want    Errno
	}{
		{Xen31(), I386(), 1, Global, EINVAL},
		{Xen31(), I386(), 1, PSE, EINVAL},
		{Xen31(), I386(), 1, PCD | PWT, OK},
		{Xen31(), I386(), 2, PSE, EINVAL},
		{Xen31(), PAE(), 1, NX, OK},
		{Xen31(), PAE(), 1, 1 << 52, EINVAL},
		{Xen31(), PAE(), 3, RW, EINVAL},
		{Xen31(), PAE(), 3, Accessed, EINVAL},
		{Xen31(), PAE(), 3, PCD, OK},
		{Xen31(), AMD64(), 1, Global, OK},
		{Xen31(), AMD64(), 1, 1 << 60, OK},
		{Xen31(), AMD64(), 4, Global, EINVAL},
		{Xen417(), AMD64(), 1, Global, OK},
		{Xen417(), AMD64(), 1, PCD, EINVAL}, // not a domain with device access
		{Xen417(), AMD64(), 3, PCD, EINVAL},
		{Xen417(), PAE(), 1, AvailHigh, OK},
		{Xen417(), PAE(), 3, RW | User | Accessed | Dirty, OK},
		{Xen417(), PAE(), 3, NX, EINVAL},
		{Xen417(), PAE(), 3, 1 << 52, EINVAL},
	}
	for _, c := range cases {
		w := world{geo: c.geo, hyper: Hyper{Profile: c.profile}, frames: 8}
		s := w.start(t)
		if c.geo.PAERoot {
			put(t, s, 2, 3, MakeEntry(s.L.Map.MFN(3), Present))
		}
		if rc := s.pin(c.level, s.L.Map.MFN(2)); rc != OK {
			t.Fatalf("%s %s: pin %d: %v", c.profile.Name, c.geo.Name, c.level, rc)
		}
		ptr := uint64(s.L.Map.MFN(2)) << PageShift
		if rc := s.mmuUpdate(ptr, MakeEntry(s.L.Map.MFN(5), Present|c.flags)); rc != c.want {
			t.Errorf("%s %s level %d flags %#x: %v, want %v", c.profile.Name, c.geo.Name, c.level, c.flags, rc, c.want)
		}
	}
}

// TestFastPathOfUpperEntries: Xen 3.1 lets a guest make a same-level entry
// writable without a second look, which was fixed as XSA-148 and XSA-182.
func TestFastPathOfUpperEntries(t *testing.T) {
	for _, p := range Profiles() {
		w := world{geo: I386(), hyper: Hyper{Profile: p}, frames: 6}
		s := w.start(t)
		m := s.L.Map.MFN(2)
		if rc := s.pin(2, m); rc != OK {
			t.Fatal(rc)
		}
		if rc := s.mmuUpdate(uint64(m)<<PageShift, MakeEntry(m, Present)); rc != OK {
			t.Errorf("%s: entry to itself: %v", p.Name, rc)
		}
		rc := s.mmuUpdate(uint64(m)<<PageShift, MakeEntry(m, Present|RW))
		if (rc == OK) != !p.Modern {
			t.Errorf("%s: the same, writable: %v", p.Name, rc)
		}
	}
}

// TestLostReference rebuilds the case of stuck.txt in a tiny geometry: an L2
// that fails at slot 1, below slot 0 of an L3, below slot 1 of an L4.
func TestLostReference(t *testing.T) {
	geo, err := NewGeometry("tiny", 8, 2, 1, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []*Profile{Xen417(), Ideal()} {
		w := world{geo: geo, hyper: Hyper{Profile: p}, frames: 6}
		s := w.start(t)
		m := s.L.Map
		put(t, s, 1, 1, MakeEntry(m.MFN(5), Present|PSE))
		put(t, s, 2, 0, MakeEntry(m.MFN(1), Present))
		put(t, s, 3, 1, MakeEntry(m.MFN(2), Present))
		if rc := s.pin(4, m.MFN(3)); rc != EINVAL {
			t.Errorf("%s: pin: %v", p.Name, rc)
		}
		var c Census
		err := c.Check(s)
		if (err != nil) != p.Residue {
			t.Errorf("%s: census: %v", p.Name, err)
		}
		if i := s.Info(1); p.Residue && (!i.Is(Partial) || i.T != 1 || s.clearFrame(m.MFN(1)) != EINVAL) {
			t.Errorf("%s: the L2 is not abandoned: %+v", p.Name, i)
		}
	}
}

// TestUnknownOperations: what a profile does not have answers ENOSYS.
func TestUnknownOperations(t *testing.T) {
	w := world{geo: PAE(), hyper: Hyper{Profile: Xen31()}, frames: 6}
	s := w.start(t)
	m := s.L.Map.MFN(4)
	for name, rc := range map[string]Errno{
		"clear":            s.clearFrame(m),
		"copy":             s.copyFrame(m, m),
		"new_user_baseptr": s.newUserBaseptr(m),
		"preserve_ad":      s.mmuUpdate(uint64(m)<<PageShift|MMUPreserveAD, 0),
	} {
		if rc != ENOSYS {
			t.Errorf("xen-3.1 PAE: %s: %v, want -ENOSYS", name, rc)
		}
	}
	if rc := s.pin(4, m); rc != OK || s.info[4].Is(Pinned) {
		t.Errorf("pin of a level that does not exist: %v", rc)
	}
}
