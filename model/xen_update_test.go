package model

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestUpdateVAMappingNowhere asks for leaf entries where the current tables have
// none that the guest may change: the answer is a refusal, whatever level it is
// that leads nowhere.
func TestUpdateVAMappingNowhere(t *testing.T) {
	geo, err := NewGeometry("three slots", 8, 3, 3, 4)
	require.NoError(t, err)
	for _, p := range Profiles() {
		s := bootGuest(t, geo, p, 30) // maps 30 pages, some through slots that are none
		s.L.Hyper.XenLevel, s.L.Hyper.XenFirst, s.L.Hyper.XenLast = 2, 2, 2
		// A good table hangs where there is no slot: that does not make it one.
		l2 := s.L.Map.Frame(s.Entry(geo, s.CPU.CR3, 0).MFN())
		require.Equal(t, OK, s.pin(1, s.Entry(geo, l2, 3).MFN()))
		page := func(l3, l2, l1 int) VA {
			return VA(l3)*geo.Span(3) + VA(l2)*geo.Span(2) + VA(l1)*geo.Span(1)
		}
		for _, x := range []struct {
			what string
			va   VA
			want Errno
		}{
			{"an entry of its own", page(0, 1, 3), OK},
			{"a slot that the root does not have", page(3, 0, 0), EINVAL},
			{"a slot that the L2 does not have", page(0, 3, 0), EINVAL},
			{"a slot of the hypervisor's", page(1, 2, 0), EINVAL},
			{"a root entry that is not present", page(2, 1, 0), EINVAL},
			{"an address beyond all", 1 << 40, EINVAL},
		} {
			f, _, rc := s.updateVAMapping(x.va, 0, UVMFNone)
			assert.Equal(t, x.want, rc, "%s: %s", p.Name, x.what)
			assert.Equal(t, x.want == OK, f != NoFrame, "%s: %s: the entry is in frame %d", p.Name, x.what, f)
		}
	}
}
