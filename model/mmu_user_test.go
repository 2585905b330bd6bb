package model

import "testing"

// TestUserModeNeedsEveryLevel has user mode store to a page of each geometry, with the
// user bit missing at one level after the other: a page fault each time, while the kernel
// goes on storing. Only the root entries of PAE have no such bit.
func TestUserModeNeedsEveryLevel(t *testing.T) {
	for _, g := range []*Geometry{I386(), PAE(), AMD64()} {
		for missing := range g.Levels + 1 {
			m := NewMachine(NewState(&Layout{Geo: g, Map: IdentityMap(8)}))
			m.L.Kernel.PageOffset, m.L.Life, m.CPU.CR3, m.TLB.Sticky = 1<<(g.VABits()-1), new(LifeMap), 0, true
			for level := g.Levels; level > 0; level-- {
				e := MakeEntry(MFN(g.Levels-level+1), Present|RW|User)
				if !g.GrantsRights(level) {
					e = MakeEntry(e.MFN(), Present)
				} else if level == missing {
					e &^= User
				}
				m.SetEntry(g, Frame(g.Levels-level), g.Index(PageSize, level), e)
			}
			want := "alive"
			if missing > 0 && g.GrantsRights(missing) {
				want = "fault user write 00001000"
			}
			if got := died(m, func() { m.Store(PageSize, 4, 7); m.StoreUser(PageSize, 4, 8) }); got != want {
				t.Errorf("%s, none at level %d: %s, want %s", g.Name, missing, got, want)
			}
			if got := died(m, func() { m.Store(PageSize, 4, 9) }); got != "alive" {
				t.Errorf("%s, none at level %d: the kernel's store: %s", g.Name, missing, got)
			}
		}
	}
}
