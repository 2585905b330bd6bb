package boot_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/internal/cputime"
	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
)

// realSystem is a system of later kernels on machines of real size.
func realSystem(tb testing.TB, starts ...systems.EarlyStart) *kernel.System {
	tb.Helper()
	return kerneltest.New(tb, boot.Early("real", "machines of real size", func() []systems.EarlyStart { return starts }), kernel.Options{})
}

// steps counts steps.
type steps int

// Step implements [model.Observer].
func (n *steps) Step(*model.Machine, *model.Step) { *n++ }

// watchedBoot boots a machine with every call, under the eyes of all rules.
func watchedBoot(tb testing.TB, s *kernel.System, i int) (*kerneltest.WholeBoot, *invariants.Checker, steps) {
	tb.Helper()
	c, n := invariants.New(s.Rules()), steps(0)
	c.Begin(s.Inits[i].State)
	b := kerneltest.NewWholeBoot(s, i, c, &n)
	b.All(tb)
	if c.Violated >= 0 {
		tb.Fatalf("%s: %+v", s.Inits[i].Name, c.Violation(nil))
	}
	return b, c, n
}

// plainBoot is the same boot, which nobody but a counter watches.
func plainBoot(tb testing.TB, s *kernel.System, i int) steps {
	tb.Helper()
	n := steps(0)
	kerneltest.NewWholeBoot(s, i, &n).All(tb)
	return n
}

// TestRealSize boots later kernels on machines of real size, every call of theirs, under the
// eyes of all rules: each one that the small machines exercise is exercised.
func TestRealSize(t *testing.T) {
	small := map[string]bool{}
	for _, b := range []*kernel.Backend{boot.Buffer(), boot.TopDown()} {
		s := kerneltest.New(t, b, kernel.Options{Levels: []int{4}})
		for i := range s.Inits {
			if roomy(&s.Inits[i]) {
				exercised(small, t, s, i)
			}
		}
	}
	sizes := []model.PFN{1 << 14, 1 << 18}
	if !longtest.On() {
		sizes = sizes[:1]
	}
	for _, memory := range sizes {
		real := map[string]bool{}
		for _, topDown := range []bool{false, true} {
			for _, c := range boot.RealSize(topDown, memory) {
				exercised(real, t, realSystem(t, c), 0)
			}
		}
		for id := range small {
			if !real[id] {
				t.Errorf("%d MiB: rule %s was never exercised", memory>>8, id)
			}
		}
	}
}

// exercised boots a machine and adds the rules that were exercised.
func exercised(to map[string]bool, t *testing.T, s *kernel.System, i int) {
	t.Helper()
	start := time.Now()
	b, c, n := watchedBoot(t, s, i)
	for n, r := range c.Rules() {
		if c.Exercised[n] > 0 {
			to[r.ID] = true
		}
	}
	t.Logf("%s: %d calls, %d steps, %v", s.Inits[i].Name, len(b.Made), n, time.Since(start).Round(time.Millisecond))
}

// BenchmarkRealBoot boots machines of several sizes, alone and under all rules: what a step
// costs.
func BenchmarkRealBoot(b *testing.B) {
	eachRealSize(b, func(b *testing.B, c systems.EarlyStart) {
		b.Run("plain", func(b *testing.B) {
			benchBoot(b, c, plainBoot)
		})
		b.Run("watched", func(b *testing.B) {
			benchBoot(b, c, func(tb testing.TB, s *kernel.System, i int) steps {
				_, _, n := watchedBoot(tb, s, i)
				return n
			})
		})
	})
}

// benchBoot measures a way to boot a machine.
func benchBoot(b *testing.B, c systems.EarlyStart, boot func(tb testing.TB, s *kernel.System, i int) steps) {
	var n steps
	var used time.Duration
	for b.Loop() {
		b.StopTimer()
		s := realSystem(b, c)
		before := cputime.Used()
		b.StartTimer()
		n += boot(b, s, 0)
		used += cputime.Used() - before
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/step")
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// BenchmarkRealCall makes calls of machines of several sizes that have booted: a page is
// mapped by early_ioremap, and not any more.
func BenchmarkRealCall(b *testing.B) {
	eachRealSize(b, func(b *testing.B, c systems.EarlyStart) {
		w, checker, _ := watchedBoot(b, realSystem(b, c), 0)
		spare := uint32(w.K.M.L.Kernel.Spare)
		for b.Loop() {
			if w.Call(kernel.Call{Kind: model.CallEarlyRemap, Arg: spare}) != nil || w.Call(kernel.Call{Kind: model.CallEarlyUnmap}) != nil {
				b.Fatal("the kernel died")
			}
		}
		if checker.Violated >= 0 {
			b.Fatal(checker.Violation(nil))
		}
	})
}

// eachRealSize measures on machines of 64 MiB, 1 GiB and 4 GiB.
func eachRealSize(b *testing.B, run func(b *testing.B, c systems.EarlyStart)) {
	for _, topDown := range []bool{false, true} {
		for i := range boot.RealSize(topDown, 1<<14) {
			for _, memory := range []model.PFN{1 << 14, 1 << 18, 1 << 20} {
				c := boot.RealSize(topDown, memory)[i]
				b.Run(fmt.Sprintf("topdown=%v/%s/%dMiB", topDown, machineName(&c), memory>>8), func(b *testing.B) { run(b, c) })
			}
		}
	}
}

// machineName tells the machines of a size apart.
func machineName(c *systems.EarlyStart) string {
	name := "bare"
	if c.Profile != nil {
		name = c.Profile.Name
	}
	if c.PSE {
		name += "-pse"
	}
	return name
}

// TestRangesReach: a machine whose ranges end tables before what is mapped at the start of the
// day is refused, whether the last table of the range is kept or given to a large page.
func TestRangesReach(t *testing.T) {
	for _, x := range []struct {
		pse  bool
		back model.PFN // from the end of what is mapped to the end of the first range
		good bool
	}{{false, 40, true}, {false, 512, false}, {true, 40, false}, {true, 0, true}} {
		c := boot.RealSize(false, 1<<14)[4]
		c.PSE = x.pse
		c.RAM[0].To = c.Mapped - x.back
		c.Ranges[0].To = c.RAM[0].To
		_, err := boot.Early("real", "", func() []systems.EarlyStart { return []systems.EarlyStart{c} }).New(kernel.Options{})
		if (err == nil) != x.good {
			t.Errorf("large pages %t, %d frames in front of the end: %v", x.pse, x.back, err)
		}
	}
}
