package explore

import (
	"context"
	"fmt"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

// known are the counts on which several independent tools agree.
var known = []struct {
	n, l, e             int
	states, transitions uint64
	diameter            int
	slow                bool
}{
	{3, 2, 1, 4_140, 46_284, 10, false},
	{4, 3, 1, 186_136, 2_821_768, 13, false},
	{4, 2, 1, 248_384, 4_715_072, 11, true},
	{3, 2, 2, 392_196, 7_843_020, 13, true},
}

// explored runs a search that must not fail.
func explored(t testing.TB, f Factory, opt Options) Result {
	t.Helper()
	r, err := Run(context.Background(), f, opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPVDPCounts(t *testing.T) {
	for _, opt := range []Options{
		{Workers: 1}, {Workers: 2}, {Workers: 5}, {Store: Compact128, Workers: 2}, {Store: Compact128, Workers: 1},
		{Store: Compact64, Workers: 1}, {Disk: t.TempDir(), Workers: 2}, {Disk: t.TempDir(), Workers: 1, MaxMemory: diskLeast},
	} {
		t.Run(fmt.Sprintf("%v/%v/%d", opt.Store, opt.Disk != "", opt.Workers), func(t *testing.T) { pvdpCounts(t, opt) })
	}
}

func pvdpCounts(t *testing.T, opt Options) {
	for _, k := range known {
		t.Run(fmt.Sprintf("%d,%d,%d", k.n, k.l, k.e), func(t *testing.T) {
			if k.slow || opt.Workers != 2 && k.states > 10_000 {
				longtest.Only(t)
			}
			r := explored(t, newPVDP(k.n, k.l, k.e, 0, false), opt)
			if r.States != k.states || r.Transitions != k.transitions || r.Diameter != k.diameter || !r.Complete {
				t.Errorf("%d states, %d transitions, diameter %d, complete %v; want %d, %d, %d",
					r.States, r.Transitions, r.Diameter, r.Complete, k.states, k.transitions, k.diameter)
			}
			if opt.Store == Exact && r.BytesPerState > 40 && r.States > 100_000 {
				t.Errorf("%.1f bytes a state", r.BytesPerState)
			}
			t.Logf("%.3fs %.0f states/s %.2f M transitions/s %.1f B/state", r.Duration.Seconds(),
				float64(r.States)/r.Duration.Seconds(), float64(r.Transitions)/r.Duration.Seconds()/1e6, r.BytesPerState)
		})
	}
}
