package mutants

import (
	"context"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
)

// TestLaterDirectMap gives all of the direct map of later kernels a right too many, in each
// system and with each number of levels that has the right at all.
func TestLaterDirectMap(t *testing.T) {
	for _, c := range []struct {
		name      string
		add, drop model.Entry
	}{{"executable", 0, model.NX}, {"user", model.User, 0}, {"uncached", model.PCD, 0}} {
		for _, s := range []systems.System{boot.Buffer(), boot.TopDown()} {
			for _, levels := range []int{3, 4} {
				m := Mutant{ID: c.name, Place: at(s, levels, whole), Catch: "pages-protected", Change: ofKernel(leaves(c.add, c.drop))}
				r, err := m.Run(context.Background())
				if err != nil || !slices.Contains(r.Fired, m.Catch) {
					t.Errorf("%s: %s with %d levels: %q in %d states (%v)", s.About().Name, c.name, levels, r.Fired, r.States, err)
				}
			}
		}
	}
}
