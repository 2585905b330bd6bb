package invariants_test

import (
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
)

// laterWork boots a later kernel, and tells how much is looked at in some more calls of it, by
// all rules together and by each one that is about later kernels.
func laterWork(t *testing.T, c systems.EarlyStart) map[string]uint64 {
	s := kerneltest.New(t, boot.Early("real", "machines of real size", func() []systems.EarlyStart { return []systems.EarlyStart{c} }), kernel.Options{})
	st := s.Inits[0].State
	checkers := map[string]*invariants.Checker{"all": invariants.New(s.Rules())}
	for _, r := range s.Rules() {
		if later(&r) {
			checkers[r.ID] = invariants.New([]invariants.Rule{r})
		}
	}
	var seen []model.Observer
	for _, x := range checkers {
		x.Begin(st)
		seen = append(seen, x)
	}
	b := kerneltest.NewWholeBoot(s, 0, seen...)
	b.All(t)
	more := func() {
		for _, c := range []kernel.Call{
			{Kind: model.CallEarlyRemap, Arg: uint32(st.L.Kernel.Spare)}, {Kind: model.CallEarlyUnmap}, {Kind: model.CallAllocPage},
		} {
			if died := b.Call(c); died != nil {
				t.Fatalf("%s: %v: %+v", s.Inits[0].Name, c, died)
			}
		}
	}
	more()
	work := map[string]uint64{}
	for id, x := range checkers {
		work[id] = x.Work()
	}
	more()
	for id, x := range checkers {
		if work[id] = x.Work() - work[id]; !x.Large() || x.Violated >= 0 {
			t.Errorf("%s: %s: large %v, %+v", s.Inits[0].Name, id, x.Large(), x.Violation(nil))
		}
	}
	return work
}

// TestLaterCostIsFlat makes the same calls of later kernels on machines of several sizes: no
// rule looks at more where memory is larger.
func TestLaterCostIsFlat(t *testing.T) {
	sizes := []model.PFN{1 << 14, 1 << 15}
	if longtest.On() {
		sizes = append(sizes, 1<<16, 1<<18)
	}
	for _, topDown := range []bool{false, true} {
		var want []map[string]uint64
		for _, memory := range sizes {
			for i, c := range longtest.Part(t, boot.RealSize(topDown, memory), 2) {
				work := laterWork(t, c)
				if memory == sizes[0] {
					if want = append(want, work); work["all"] == 0 {
						t.Errorf("%s: nothing is looked at", c.Name())
					}
				}
				for id, n := range work {
					if n != want[i][id] {
						t.Errorf("%s: %s looks at %d in %d frames, %d in %d", c.Name(), id, n, memory, want[i][id], sizes[0])
					}
				}
			}
		}
	}
}
