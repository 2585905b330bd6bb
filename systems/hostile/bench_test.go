package hostile

import "testing"

// BenchmarkSearch searches each scope to its depth.
func BenchmarkSearch(b *testing.B) {
	for _, sc := range Scopes() {
		h, err := New(sc.Options)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(sc.Name, func(b *testing.B) {
			n := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				n += searchScope(b, h, sc.Depth).Transitions
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "transitions/s")
		})
	}
}
