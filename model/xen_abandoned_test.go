package model

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestRefusedPAERootEntries has a PAE root refused for its empty last slot after
// its other entries have been accepted: they must read as before, without the
// flags that the hypervisor adds to those of a root (Xen: unadjust_guest_l3e).
func TestRefusedPAERootEntries(t *testing.T) {
	for _, p := range Profiles() {
		s := bootGuest(t, PAE(), p, 100)
		for _, f := range []MFN{5, 6} {
			_, _, rc := s.updateVAMapping(VA(f)<<PageShift, MakeEntry(f, Present), UVMFInvlpg)
			require.Equal(t, OK, rc)
		}
		const root = 5
		first := s.Entry(PAE(), s.CPU.CR3, 0).MFN()
		for slot := range 3 {
			s.SetEntry(PAE(), root, slot, MakeEntry(first, Present))
		}
		s.Commit()
		assert.Equal(t, EINVAL, s.pin(3, root), p.Name)
		for slot := range 3 {
			assert.Equal(t, MakeEntry(first, Present), s.Entry(PAE(), root, slot), "%s: slot %d", p.Name, slot)
		}
		assert.Zero(t, s.Info(root).T, p.Name)
	}
}
