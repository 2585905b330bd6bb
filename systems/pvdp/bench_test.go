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
		b.Run(fmt.Sprintf("%d,%d,%d", c[0], c[1], c[2]), func(b *testing.B) { searchAll(b, c, true) })
	}
}

// BenchmarkSymmetricPVDP searches them with symmetry: a state of each class.
func BenchmarkSymmetricPVDP(b *testing.B) {
	for _, c := range [][3]int{{4, 2, 1}, {5, 2, 1}} {
		b.Run(fmt.Sprintf("%d,%d,%d", c[0], c[1], c[2]), func(b *testing.B) { searchAll(b, c, false) })
	}
}

// searchAll searches PV-DP(frames, levels, slots) with one worker.
func searchAll(b *testing.B, size [3]int, noSymmetry bool) {
	a, err := NewReference(Options{Frames: size[0], Levels: size[1], Slots: size[2]})
	if err != nil {
		b.Fatal(err)
	}
	var r explore.Result
	b.ReportAllocs()
	for b.Loop() {
		r, err = explore.Run(context.Background(), func() explore.Model {
			m, err := a.NewModel()
			if err != nil {
				b.Fatal(err)
			}
			return m
		}, explore.Options{Workers: 1, NoSymmetry: noSymmetry})
		if err != nil || !r.Complete {
			b.Fatal(r.Stopped, err)
		}
	}
	sec := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(float64(r.States)/sec/1e3, "kstates/s")
	b.ReportMetric(float64(r.Transitions)/sec/1e6, "Mtrans/s")
	b.ReportMetric(r.BytesPerState, "B/state")
}
