package record

import (
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/internal/cputime"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/traces/golden"
)

// realBoots are boots of 896 MiB (734 MiB under Xen) with 4K pages.
func realBoots(b *testing.B) (out []*golden.File) {
	for _, name := range []string{
		"native/2level_poc0_pse0_pge1_nx0_m38000_hm1_z0.json.gz",
		"native/pae_poc0_pse0_pge1_nx0_m38000_hm0_z0.json.gz",
		"xen/xen_m2d7fe_linear_nx1_hm0_z1.json.gz",
	} {
		f, err := golden.Read(goldens + "/" + name)
		if err != nil {
			b.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

// BenchmarkBoot boots at real size, alone and with the invariants watching each step.
func BenchmarkBoot(b *testing.B) {
	for _, f := range realBoots(b) {
		b.Run(f.Name+"/plain", func(b *testing.B) { benchBoot(b, f, false) })
		b.Run(f.Name+"/watched", func(b *testing.B) { benchBoot(b, f, true) })
	}
}

func benchBoot(b *testing.B, f *golden.File, watched bool) {
	before := cputime.Used()
	for b.Loop() {
		bootOnce(b, f, watched)
	}
	b.ReportMetric(float64((cputime.Used()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// BenchmarkWatched boots at real size, watched and alone in turn, and says how many times as long
// a watched boot takes.
func BenchmarkWatched(b *testing.B) {
	for _, f := range realBoots(b) {
		b.Run(f.Name, func(b *testing.B) {
			var took [2]time.Duration
			for b.Loop() {
				for i, watched := range []bool{false, true} {
					start := cputime.Used()
					bootOnce(b, f, watched)
					took[i] += cputime.Used() - start
				}
			}
			b.ReportMetric(float64(took[1])/float64(took[0]), "watched/plain")
		})
	}
}

func bootOnce(b *testing.B, f *golden.File, watched bool) {
	o := Options{NoDump: true}
	c := invariants.New(nil)
	if watched {
		o.Observers = []Watcher{c}
	}
	got, err := Run(f.Name, &f.Config, o)
	if err != nil {
		b.Fatal(err)
	}
	if got.Outcome != f.Outcome {
		b.Fatalf("%s, rule %d, %+v", got.Outcome, c.Violated, c.Detail)
	}
}
