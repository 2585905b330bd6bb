package model

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// lastStep keeps the last step that it sees.
type lastStep struct{ step Step }

func (l *lastStep) Step(_ *Machine, s *Step) { l.step = *s }

// TestMMUUpdateStep holds that the step of an mmu_update names the entry that it
// changed, whatever command is in the low bits of the pointer.
func TestMMUUpdateStep(t *testing.T) {
	for _, geo := range []*Geometry{I386(), AMD64()} {
		for _, p := range Profiles() {
			for _, cmd := range []uint64{MMUNormal, MMUPreserveAD} {
				s := bootGuest(t, geo, p, 60)
				var last lastStep
				m := NewMachine(s, &last)
				const slot, frame = 5, 7
				rc := m.MMUUpdate(frame<<PageShift+uint64(slot*geo.Width)|cmd, MakeEntry(9, Present))
				assert.Equal(t, rc, last.step.Errno)
				assert.Equal(t, OpMMUUpdate, last.step.Op)
				assert.Equal(t, Frame(frame), last.step.Frame)
				assert.Equal(t, slot*geo.Width, last.step.Off, "%s, %s, command %d", geo.Name, p.Name, cmd)
				if want := cmd == MMUNormal || p.Modern; assert.Equal(t, want, rc == OK, "%s: command %d: %v", p.Name, cmd, rc) && want {
					assert.Equal(t, MakeEntry(9, Present), s.Entry(geo, frame, slot))
				}
			}
		}
	}
}
