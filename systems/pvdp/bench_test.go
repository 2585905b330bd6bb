package pvdp

import (
	"context"
	"fmt"
	"testing"

	"github.com/ptcheck/ptcheck/model/explore"
)

// BenchmarkPVDP searches PV-DP graphs with the full rules.
func BenchmarkPVDP(b *testing.B) {
	for _, c := range [][3]int{{4, 2, 1}, {4, 3, 1}, {3, 2, 2}} {
		a, err := NewReference(Options{Frames: c[0], Levels: c[1], Slots: c[2]})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%d,%d,%d", c[0], c[1], c[2]), func(b *testing.B) {
			var r explore.Result
			b.ReportAllocs()
			for b.Loop() {
				r, err = explore.Run(context.Background(), func() explore.Model {
					m, err := a.NewModel()
					if err != nil {
						b.Fatal(err)
					}
					return m
				}, explore.Options{Workers: 1, NoSymmetry: true})
				if err != nil || !r.Complete {
					b.Fatal(r.Stopped, err)
				}
			}
			sec := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(float64(r.States)/sec/1e3, "kstates/s")
			b.ReportMetric(float64(r.Transitions)/sec/1e6, "Mtrans/s")
			b.ReportMetric(r.BytesPerState, "B/state")
		})
	}
}
