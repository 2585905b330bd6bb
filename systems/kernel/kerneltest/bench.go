package kerneltest

import (
	"testing"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// BenchmarkSearch searches each system to a depth, 0 for until nothing is new.
func BenchmarkSearch(b *testing.B, depth int, list ...*kernel.Backend) {
	for _, system := range list {
		s := New(b, system, kernel.Options{Preemptions: 1})
		b.Run(s.Name, func(b *testing.B) {
			var r explore.Result
			b.ReportAllocs()
			for b.Loop() {
				if r = Search(b, s, depth); len(r.Findings) > 0 || !r.Complete && r.Stopped != explore.StopDepth {
					b.Fatal(r.Stopped, r.Findings)
				}
			}
			sec := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(float64(r.States)/sec, "states/s")
			b.ReportMetric(float64(r.Transitions)/sec, "transitions/s")
			b.ReportMetric(r.BytesPerState, "bytes/state")
		})
	}
}

// BenchmarkTransition measures one transition of each system, the first after the first
// call: decode, call, encode.
func BenchmarkTransition(b *testing.B, list ...*kernel.Backend) {
	for _, system := range list {
		s := New(b, system, kernel.Options{Levels: []int{3}})
		m := s.NewModel()
		m.Init(0)
		m.Apply(m.Calls(nil)[0])
		packed := m.Encode(nil)
		m.Decode(packed)
		call := m.Calls(nil)[0]
		buf := make([]byte, 0, 1<<10)
		b.Run(s.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Decode(packed)
				if o := m.Apply(call); o.Kind != explore.Moved {
					b.Fatal(o)
				}
				buf = m.Encode(buf[:0])
			}
		})
	}
}
