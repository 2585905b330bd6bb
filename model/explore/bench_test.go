package explore

import (
	"fmt"
	"runtime"
	"testing"
)

func BenchmarkPVDP(b *testing.B) {
	for _, k := range known {
		b.Run(fmt.Sprintf("%d,%d,%d", k.n, k.l, k.e), func(b *testing.B) {
			f := newPVDP(k.n, k.l, k.e, 0, false)
			var r Result
			for b.Loop() {
				r = explored(b, f, Options{Workers: 1})
			}
			rates(b, r)
		})
	}
}

// BenchmarkDisk is the same with states in files and as little memory as is allowed.
func BenchmarkDisk(b *testing.B) {
	for _, k := range known {
		b.Run(fmt.Sprintf("%d,%d,%d", k.n, k.l, k.e), func(b *testing.B) {
			f := newPVDP(k.n, k.l, k.e, 0, false)
			var r Result
			for b.Loop() {
				r = explored(b, f, Options{Workers: 1, Disk: b.TempDir(), MaxMemory: diskLeast})
			}
			rates(b, r)
		})
	}
}

// BenchmarkTiny is the cost of a search in which there is next to nothing to search.
func BenchmarkTiny(b *testing.B) {
	for b.Loop() {
		explored(b, newGrid(3), Options{})
	}
}

// rates reports what matters of a run repeated b.N times.
func rates(b *testing.B, r Result) {
	sec := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(float64(r.States)/sec/1e3, "kstates/s")
	b.ReportMetric(float64(r.Transitions)/sec/1e6, "Mtrans/s")
	b.ReportMetric(r.BytesPerState, "B/state")
	b.ReportMetric(float64(r.PeakMemory)/float64(r.States), "peakB/state")
}

// TestNoAllocation looks at the allocations of a search as a whole: what is allocated are chunks, tables,
// and a little for each round; nothing for a transition.
func TestNoAllocation(t *testing.T) {
	allocs := func(f Factory) (uint64, uint64) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := explored(t, f, Options{Workers: 1})
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs, r.Transitions
	}
	for name, f := range map[string]Factory{
		"words":   newPVDP(4, 2, 1, 0, false),
		"varying": newGrid(700),
	} {
		if n, transitions := allocs(f); n > transitions/200 || transitions < 900_000 {
			t.Errorf("%s: %d allocations in %d transitions", name, n, transitions)
		}
	}
}
