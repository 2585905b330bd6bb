package boot_test

import (
	"context"
	"testing"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
)

// BenchmarkSearch searches each system until nothing is new.
func BenchmarkSearch(b *testing.B) {
	for _, system := range kerneltest.Backends() {
		s := kerneltest.New(b, system, kernel.Options{})
		b.Run(s.Name, func(b *testing.B) {
			var r explore.Result
			var err error
			b.ReportAllocs()
			for b.Loop() {
				if r, err = explore.Run(context.Background(), func() explore.Model { return s.NewModel() }, explore.Options{Workers: 1}); err != nil || !r.Complete {
					b.Fatal(r.Stopped, err)
				}
			}
			sec := b.Elapsed().Seconds() / float64(b.N)
			b.ReportMetric(float64(r.States)/sec, "states/s")
			b.ReportMetric(float64(r.Transitions)/sec, "transitions/s")
			b.ReportMetric(r.BytesPerState, "bytes/state")
		})
	}
}

// BenchmarkTransition measures one transition: decode, call, encode.
func BenchmarkTransition(b *testing.B) {
	for _, system := range kerneltest.Backends() {
		s := kerneltest.New(b, system, kernel.Options{Levels: []int{3}})
		m := s.NewModel()
		m.Init(0)
		m.Apply(m.Calls(nil)[0]) // setup_start
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
