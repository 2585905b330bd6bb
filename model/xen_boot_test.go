package model

import "testing"

// bootGuest builds the start of day of a small guest: tables in the last frames,
// every frame mapped at VA 0 upwards, tables read-only.
func bootGuest(t testing.TB, geo *Geometry, p *Profile, frames int) *State {
	t.Helper()
	l := &Layout{Geo: geo, Map: IdentityMap(frames), Hyper: &Hyper{Profile: p}}
	s := NewState(l)
	next := Frame(frames)
	tables := 0
	alloc := func() Frame { next--; tables++; return next }
	root := alloc()
	var link func(f Frame, level int, va VA) Frame
	link = func(f Frame, level int, va VA) Frame {
		if level == 1 {
			return f
		}
		slot := geo.Index(va, level)
		e := s.Entry(geo, f, slot)
		if !e.Is(Present) {
			flags := Present | RW | User | Accessed
			if geo.PAERoot && level == geo.Root() {
				flags = Present
			}
			e = MakeEntry(MFN(alloc()), flags)
			s.SetEntry(geo, f, slot, e)
		}
		return link(Frame(e.MFN()), level-1, va)
	}
	for n := 0; n < frames; n++ {
		link(root, geo.Root(), VA(n)<<PageShift)
	}
	if geo.PAERoot {
		link(root, geo.Root(), 3<<30)
	}
	for n := 0; n < frames; n++ {
		va := VA(n) << PageShift
		flags := Present | RW | Accessed
		if Frame(n) >= next {
			flags &^= RW
		}
		s.SetEntry(geo, link(root, geo.Root(), va), geo.Index(va, 1), MakeEntry(MFN(n), flags))
	}
	if rc := s.AdoptGuest(root); rc != OK {
		t.Fatalf("%s %s: AdoptGuest = %v", geo.Name, p.Name, rc)
	}
	return s
}

func allGeometries() []*Geometry { return []*Geometry{I386(), PAE(), AMD64()} }

func TestAdoptGuestEndState(t *testing.T) {
	for _, p := range Profiles() {
		for _, geo := range allGeometries() {
			s := bootGuest(t, geo, p, 100)
			root := s.CPU.CR3
			for f := Frame(0); f < 100; f++ {
				i := s.Info(f)
				switch {
				case f == root:
					if i.T != 2 || i.G != 4 || !i.Is(Pinned|Validated) {
						t.Errorf("%s %s: root %+v", p.Name, geo.Name, i)
					}
				case i.Typ.Level() > 0:
					if i.T != 1 || i.G != 3 && i.G != 2 {
						t.Errorf("%s %s: table %d %+v", p.Name, geo.Name, f, i)
					}
				default:
					if i.Typ != TypeWritable || i.T != 1 || i.G != 2 {
						t.Errorf("%s %s: data %d %+v", p.Name, geo.Name, f, i)
					}
				}
			}
		}
	}
}

// TestPromoteOrder walks a frame from data to table and back.
func TestPromoteOrder(t *testing.T) {
	for _, p := range Profiles() {
		for _, geo := range allGeometries() {
			s := bootGuest(t, geo, p, 100)
			va := VA(5) << PageShift
			if rc := s.pin(1, 5); rc != EINVAL {
				t.Errorf("%s %s: pin of a writable frame = %v", p.Name, geo.Name, rc)
			}
			if _, _, rc := s.updateVAMapping(va, MakeEntry(5, Present), UVMFInvlpg); rc != OK {
				t.Errorf("%s %s: read-only remap = %v", p.Name, geo.Name, rc)
			}
			if rc := s.pin(1, 5); rc != OK {
				t.Errorf("%s %s: pin = %v", p.Name, geo.Name, rc)
			}
			if _, _, rc := s.updateVAMapping(va, MakeEntry(5, Present|RW), UVMFInvlpg); rc == OK {
				t.Errorf("%s %s: a table became writable", p.Name, geo.Name)
			}
			if rc := s.mmuUpdate(5<<PageShift, MakeEntry(5, Present|RW)); rc == OK {
				t.Errorf("%s %s: a table maps itself writable", p.Name, geo.Name)
			}
			if rc := s.mmuUpdate(5<<PageShift, MakeEntry(6, Present|RW)); rc != OK {
				t.Errorf("%s %s: entry = %v", p.Name, geo.Name, rc)
			}
			if i := s.Info(6); i.T != 2 || i.G != 3 {
				t.Errorf("%s %s: target %+v", p.Name, geo.Name, i)
			}
			if rc := s.unpin(5); rc != OK {
				t.Errorf("%s %s: unpin = %v", p.Name, geo.Name, rc)
			}
			if i := s.Info(6); i.T != 1 || i.G != 2 {
				t.Errorf("%s %s: target after demotion %+v", p.Name, geo.Name, i)
			}
		}
	}
}
