package property_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/ptcheck/ptcheck/model"
)

// A walk written from the manual, for one paging mode at a time, to compare the
// machine's with: Intel SDM vol. 3, 4.3 (32-bit), 4.4 (PAE) and 4.5 (4-level). It
// reads 8 or 4 bytes of a frame at a byte offset, and knows no geometry.

// found is where a manual walk ends.
type found struct {
	ok, reserved     bool
	undefined        bool
	phys             uint64 // the byte's physical address
	writable, user   bool
	global, noExec   bool
	entryAt, entryOf uint64 // offset and frame of the leaf entry
}

// memory reads the table words of a state by physical address.
type memory struct{ s *model.State }

func (m memory) read(phys uint64, width int) uint64 {
	f := model.Frame(phys >> 12)
	if int(f) >= m.s.L.Map.Frames() {
		return 0
	}
	return m.s.LoadFrame(f, int(phys&0xfff), width)
}

const (
	bitP, bitW, bitU        = 1, 2, 4
	bitPS, bitG             = 1 << 7, 1 << 8
	bitXD            uint64 = 1 << 63
	addr4K           uint64 = 0x000f_ffff_ffff_f000
	addr2M           uint64 = 0x000f_ffff_ffe0_0000
)

// walk32 is 32-bit paging.
func walk32(m memory, cr3, lin uint64, pse bool) (r found) {
	pdeAt := cr3 + 4*(lin>>22)
	pde := m.read(pdeAt, 4)
	if pde&bitP == 0 {
		return r
	}
	r.writable, r.user = pde&bitW != 0, pde&bitU != 0
	if pse && pde&bitPS != 0 {
		if pde&0x3f_e000 != 0 { // 21:13; there is no PSE-36 here
			return found{reserved: true}
		}
		r.ok, r.global = true, pde&bitG != 0
		r.phys = pde&0xffc0_0000 | lin&0x3f_ffff
		r.entryOf, r.entryAt = pdeAt>>12, pdeAt&0xfff
		return r
	}
	pteAt := pde&0xffff_f000 + 4*(lin>>12&0x3ff)
	pte := m.read(pteAt, 4)
	if pte&bitP == 0 {
		return found{}
	}
	r.ok, r.global = true, pte&bitG != 0
	r.writable, r.user = r.writable && pte&bitW != 0, r.user && pte&bitU != 0
	r.phys = pte&0xffff_f000 | lin&0xfff
	r.entryOf, r.entryAt = pteAt>>12, pteAt&0xfff
	return r
}

// walkLong is the part that PAE and 4-level paging share: from the table that
// holds the entries for bits top to top+8 of the address on.
func walkLong(m memory, table, lin uint64, top int, nxe bool) (r found) {
	r.writable, r.user = true, true
	for shift := top; ; shift -= 9 {
		at := table + 8*(lin>>shift&0x1ff)
		e := m.read(at, 8)
		if e&bitP == 0 {
			return found{}
		}
		if e&bitXD != 0 && !nxe {
			return found{reserved: true}
		}
		r.writable, r.user = r.writable && e&bitW != 0, r.user && e&bitU != 0
		r.noExec = r.noExec || e&bitXD != 0
		r.entryOf, r.entryAt = at>>12, at&0xfff
		switch {
		case shift == 12:
			r.ok, r.global, r.phys = true, e&bitG != 0, e&addr4K|lin&0xfff
			return r
		case shift == 21 && e&bitPS != 0:
			if e&0x1f_e000 != 0 { // 20:13
				return found{reserved: true}
			}
			r.ok, r.global, r.phys = true, e&bitG != 0, e&addr2M|lin&0x1f_ffff
			return r
		}
		table = e & addr4K
	}
}

// walkPAE is PAE paging. The registers that hold the root entries are not
// modelled: memory is read. A root entry with reserved bits cannot be loaded
// (4.4.1), so what a walk makes of one is undefined.
func walkPAE(m memory, cr3, lin uint64, nxe bool) found {
	pdpte := m.read(cr3+8*(lin>>30), 8)
	if pdpte&bitP == 0 {
		return found{}
	}
	if pdpte&^(addr4K|0xe19) != 0 { // P, PWT, PCD and the ignored bits 9 to 11
		return found{undefined: true}
	}
	return walkLong(m, pdpte&addr4K, lin, 21, nxe)
}

// walk4 is 4-level paging.
func walk4(m memory, cr3, lin uint64, nxe bool) found {
	if top := int64(lin) >> 47; top != 0 && top != -1 {
		return found{}
	}
	return walkLong(m, cr3, lin, 39, nxe)
}

// tangle fills frames with entries to one another. They are put where a few
// addresses look for them, so that walks get far.
func tangle(t *rapid.T, s *model.State, slots []int) {
	g := s.L.Geo
	for f := range model.Frame(s.L.Map.Frames()) {
		for _, slot := range slots {
			if slot*g.Width >= model.PageSize {
				continue
			}
			e := model.Entry(rapid.Uint64().Draw(t, "bits"))
			flags := e & (model.RW | model.User | model.Accessed | model.Dirty | model.Global)
			if rapid.IntRange(0, 9).Draw(t, "present") > 0 {
				flags |= model.Present
			}
			switch n := rapid.IntRange(0, 7).Draw(t, "special"); {
			case g.PAERoot && f == 0 && slot < 4: // this one can be a root
				flags &= model.Present
			case n == 0:
				flags |= model.PSE
			case n == 1:
				flags |= model.NX
			}
			frame := model.MFN(rapid.IntRange(0, s.L.Map.Frames()).Draw(t, "frame"))
			if flags.Is(model.PSE) {
				frame = model.MFN(rapid.SampledFrom([]int{0, 1, 2, 512, 1024, 513}).Draw(t, "large"))
			}
			s.SetEntry(g, f, slot, model.MakeEntry(frame, flags))
		}
	}
}

// TestWalkManual compares the machine's walk with the manual's.
func TestWalkManual(t *testing.T) {
	for _, geo := range []*model.Geometry{model.I386(), model.PAE(), model.AMD64()} {
		t.Run(geo.Name, rapid.MakeCheck(func(t *rapid.T) {
			const frames = 5
			s := model.NewState(&model.Layout{Geo: geo, Map: model.IdentityMap(frames)})
			slots := []int{0, 1, 3, geo.Slots[1] - 1}
			tangle(t, s, slots)
			if s.CPU.CR3 = 0; !geo.PAERoot {
				s.CPU.CR3 = model.Frame(rapid.IntRange(0, frames-1).Draw(t, "CR3"))
			}
			s.CPU.NXE = rapid.Bool().Draw(t, "NXE")
			pse := rapid.Bool().Draw(t, "PSE")
			if pse {
				s.CPU.CR4 = model.CR4PSE
			}
			for range 8 {
				lin := address(t, geo, slots)
				compareWalks(t, s, lin, manual(s, lin, pse))
			}
		}))
	}
}

// address draws an address that uses the slots of a tangle, or any.
func address(t *rapid.T, g *model.Geometry, slots []int) uint64 {
	if rapid.IntRange(0, 9).Draw(t, "any address") == 0 {
		return rapid.Uint64Range(0, 1<<g.VABits()-1).Draw(t, "address")
	}
	lin := uint64(rapid.IntRange(0, 0xfff).Draw(t, "offset"))
	for level := 1; level <= g.Levels; level++ {
		slot := min(rapid.SampledFrom(slots).Draw(t, "slot"), g.Slots[level]-1)
		lin |= uint64(slot) * uint64(g.Span(level))
	}
	if g.SignExtend && lin>>47 != 0 {
		lin |= 0xffff << 48
	}
	return lin
}

func manual(s *model.State, lin uint64, pse bool) found {
	m, cr3 := memory{s}, uint64(s.CPU.CR3)<<12
	switch s.L.Geo.Levels {
	case 2:
		return walk32(m, cr3, lin, pse)
	case 3:
		return walkPAE(m, cr3, lin, s.CPU.NXE)
	}
	return walk4(m, cr3, lin, s.CPU.NXE)
}

func compareWalks(t *rapid.T, s *model.State, lin uint64, want found) {
	if want.undefined {
		return
	}
	tr, fault := s.Walk(model.VA(lin))
	got := found{
		ok: fault == model.WalkOK, phys: uint64(tr.MFN)<<12 | uint64(tr.Offset), writable: tr.RW, user: tr.User,
		global: tr.Global, noExec: tr.NoExec, entryOf: uint64(tr.Table), entryAt: uint64(tr.Slot * s.L.Geo.Width),
	}
	switch {
	case fault == model.WalkReserved:
		got = found{reserved: true}
	case fault != model.WalkOK:
		got = found{}
	}
	if got != want {
		t.Fatalf("address %#x: the machine finds %+v (fault %d), the manual %+v", lin, got, fault, want)
	}
}
