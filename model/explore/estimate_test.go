package explore

import (
	"math"
	"testing"
)

// TestLeft compares estimates on the way with what was left in the end, for levels as searches of
// different systems have them.
func TestLeft(t *testing.T) {
	for name, x := range map[string]struct {
		levels []uint64
		within float64 // it is wrong at most by this factor where a tenth or more is left
	}{
		"PV-DP(4,2,1)":       {pvdpLevels(t), 2},
		"native":             {[]uint64{15, 15, 114, 458, 1445, 3313, 5422, 6356, 5270, 3040, 1212, 341, 116, 61, 29, 19, 14, 12, 11, 7, 2}, 2},
		"native, 10 frames":  {[]uint64{12, 12, 105, 568, 2688, 9694, 25248, 46122, 59428, 54500, 35555, 16227, 4927, 843, 94, 43, 6}, 2},
		"xen":                {[]uint64{16, 16, 89, 286, 755, 1420, 1963, 1960, 1397, 764, 365, 154, 87, 73, 60, 64, 68, 60, 60, 48, 16}, 2},
		"a bell":             {bell(40, 10, 1e6), 2},
		"a bell that starts": {bell(12, 3, 1e4), 2},
	} {
		var all, seen uint64
		for _, n := range x.levels {
			all += n
		}
		known := 0
		for d, n := range x.levels {
			seen += n
			p := Progress{States: seen, Waiting: n, Depth: d, Levels: x.levels[:d+1]}
			got, ok := p.Left(0)
			if !ok {
				if d > len(x.levels)/2 && d < len(x.levels)-1 && n < x.levels[d-1] {
					t.Errorf("%s: level %d: nothing is known though levels shrink", name, d)
				}
				continue
			}
			known++
			want := float64(all - seen + n)
			if off := math.Abs(math.Log(float64(got) / want)); want > float64(all)/10 && off > math.Log(x.within) {
				t.Errorf("%s: level %d: %d are left by the estimate, %.0f are", name, d, got, want)
			}
		}
		if known < len(x.levels)/3 {
			t.Errorf("%s: %d estimates at %d levels", name, known, len(x.levels))
		}
	}
}

// TestLeftToDepth wants no more than the levels up to the depth that was asked for.
func TestLeftToDepth(t *testing.T) {
	levels := []uint64{1, 4, 16, 64, 256, 1024, 4096}
	for _, x := range []struct {
		depth int
		want  uint64
	}{{7, 96}, {8, 96 + 4*4096}, {9, 96 + 4*4096 + 16*4096}} {
		// 4000 of the last level are expanded and have led to 16000.
		p := Progress{States: 5461 + 16000, Waiting: 96 + 16000, Depth: 6, Levels: levels}
		if got, ok := p.Left(x.depth); !ok || got != x.want {
			t.Errorf("depth %d: %d, %t; want %d", x.depth, got, ok, x.want)
		}
	}
	for _, p := range []Progress{{}, {Levels: levels[:3]}, {Levels: levels}} {
		if got, ok := p.Left(0); ok {
			t.Errorf("%v: %d, though no end is in sight", p.Levels, got)
		}
	}
}

// bell are the sizes of n levels that grow and shrink.
func bell(n, width int, most float64) (out []uint64) {
	for k := range n {
		x := float64(k-n/2) / float64(width)
		out = append(out, 1+uint64(most*math.Exp(-x*x)))
	}
	return out
}

func pvdpLevels(t *testing.T) []uint64 {
	t.Helper()
	return explored(t, newPVDP(4, 2, 1, 0, false), Options{}).PerDepth
}
