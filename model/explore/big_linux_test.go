package explore

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// cpuTime returns the processor time that the process has used.
func cpuTime(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestMeasure measures one scope of PV-DP in processor time, which neighbours disturb less than they do wall
// time. It runs on demand only:
//
//	EXPLORE_MEASURE=5,2,1 [EXPLORE_WORKERS=2] [EXPLORE_TIMES=5] [EXPLORE_SYMMETRY=on] go test -run Measure -v
func TestMeasure(t *testing.T) {
	scope := os.Getenv("EXPLORE_MEASURE")
	if scope == "" {
		t.Skip("EXPLORE_MEASURE is not set")
	}
	var n, l, e int
	if _, err := fmt.Sscanf(scope, "%d,%d,%d", &n, &l, &e); err != nil {
		t.Fatal(err)
	}
	workers, _ := strconv.Atoi(os.Getenv("EXPLORE_WORKERS"))
	times, _ := strconv.Atoi(os.Getenv("EXPLORE_TIMES"))
	opt := Options{Workers: max(1, workers)}
	var f Factory = newPVDP(n, l, e, 0, false)
	if os.Getenv("EXPLORE_SYMMETRY") != "" {
		f = newSymmetric(n, l, e, 0)
	}
	var best time.Duration
	var r Result
	for range max(1, times) {
		before := cpuTime(t)
		r = explored(t, f, opt)
		if cpu := cpuTime(t) - before; best == 0 || cpu < best {
			best = cpu
		}
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	mega := func(n uint64, d time.Duration) float64 { return float64(n) / d.Seconds() / 1e6 }
	t.Logf("%s workers %d: %d states, %d transitions, diameter %d; best cpu %.3f s: %.3f M states/s %.2f M transitions/s; "+
		"last wall %.3f s: %.2f M transitions/s; %.1f B/state, peak %.1f, rss %.1f",
		scope, opt.Workers, r.States, r.Transitions, r.Diameter, best.Seconds(), mega(r.States, best), mega(r.Transitions, best),
		r.Duration.Seconds(), mega(r.Transitions, r.Duration), r.BytesPerState,
		float64(r.PeakMemory)/float64(r.States), float64(u.Maxrss)*1024/float64(r.States))
}
