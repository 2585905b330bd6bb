package kernel_test

import (
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
	"github.com/ptcheck/ptcheck/systems/life"
)

// TestRefusalsChangeNothing searches with every hypercall refused in turn: kernels
// stop, so the states and transitions are those of a search without refusals.
func TestRefusalsChangeNothing(t *testing.T) {
	deep := 3
	if longtest.On() {
		deep = 4
	}
	type refused struct {
		system *kernel.Backend
		hyper  bool // there is somebody to refuse
		depth  int
	}
	for _, x := range longtest.Part(t, []refused{
		{boot.Xen(), true, 0}, {boot.Buffer(), true, 0}, {boot.Native(), false, 3}, {boot.TopDown(), true, 0}, {life.Xen(), true, deep},
	}, 2) {
		var counts [2][2]uint64
		for n, failures := range []bool{false, true} {
			s := kerneltest.New(t, x.system, kernel.Options{Failures: failures})
			r := kerneltest.Search(t, s, x.depth)
			kerneltest.NothingFound(t, s, r)
			if failures && (r.Skipped > 0) != x.hyper {
				t.Errorf("%s: %d calls stopped the kernel", s.Name, r.Skipped)
			}
			counts[n] = [2]uint64{r.States, r.Transitions}
		}
		if counts[0] != counts[1] {
			t.Errorf("%s: %v states and transitions, with refusals %v", x.system.Name, counts[0], counts[1])
		}
	}
}
