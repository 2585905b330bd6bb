package explore

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

// symmetric is PV-DP with its frames interchangeable.
type symmetric struct{ *pvdp }

func newSymmetric(n, l, e, bug int) Factory {
	f := newPVDP(n, l, e, bug, false)
	return func() Model { return symmetric{f().(*pvdp)} }
}

// renamed returns the working state with frame f called to[f].
func (d *pvdp) renamed(to *[8]int) (meta, slots uint64) {
	meta = uint64(to[d.base()]) << 56
	for f := 0; f < d.n; f++ {
		meta |= d.meta >> (8 * f) & 0xff << (8 * to[f])
		for i := 0; i < d.e; i++ {
			if v := d.slot(f, i); v != 0 {
				slots |= uint64(1+2*to[(v-1)>>1]+(v-1)&1) << (4 * (to[f]*d.e + i))
			}
		}
	}
	return meta, slots
}

// Canon gives each frame a colour from what it is and what it points to and is pointed at by, twice over,
// and sorts frames by colour; among the orders that equal colours leave open it takes the least result.
func (s symmetric) Canon(dst []byte) []byte {
	d := s.pvdp
	var colour [8]uint64
	for f := 0; f < d.n; f++ {
		colour[f] = d.meta >> (8 * f) & 0xff
	}
	colour[d.base()] |= 0x100
	for range 2 {
		mixed := colour
		for f := 0; f < d.n; f++ {
			for i := 0; i < d.e; i++ {
				v := d.slot(f, i)
				if v == 0 {
					continue
				}
				g, rw := (v-1)>>1, uint64((v-1)&1)
				if g == f {
					rw += 2
				}
				kind := rw + uint64(i)*4
				mixed[f] += fold(colour[g]^salt0, salt1+kind)
				mixed[g] += fold(colour[f]^salt2, salt3+kind)
			}
		}
		for f := 0; f < d.n; f++ {
			colour[f] = fold(mixed[f]^salt1, salt2)
		}
	}
	var order, to [8]int
	for f := 0; f < d.n; f++ {
		j := f
		for ; j > 0 && colour[order[j-1]] > colour[f]; j-- {
			order[j] = order[j-1]
		}
		order[j] = f
	}
	meta, slots := ^uint64(0), ^uint64(0)
	d.least(&order, &colour, &to, 0, &meta, &slots)
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, meta), slots)
}

// least tries all orders of equal colours from place k on.
func (d *pvdp) least(order *[8]int, colour *[8]uint64, to *[8]int, k int, meta, slots *uint64) {
	if k == d.n {
		m, s := d.renamed(to)
		if m < *meta || m == *meta && s < *slots {
			*meta, *slots = m, s
		}
		return
	}
	for j := k; j < d.n && colour[order[j]] == colour[order[k]]; j++ {
		order[k], order[j] = order[j], order[k]
		to[order[k]] = k
		d.least(order, colour, to, k+1, meta, slots)
		order[k], order[j] = order[j], order[k]
	}
}

// quotients are the counts up to renaming of frames, from other tools.
var quotients = []struct {
	n, l, e             int
	states, transitions uint64
	slow                bool
}{
	{3, 2, 1, 700, 7_814, false},
	{4, 2, 1, 10_710, 202_476, false},
	{4, 3, 1, 8_014, 120_746, false},
	{3, 2, 2, 65_408, 1_307_834, false},
	{5, 2, 1, 156_018, 0, true},
}

func TestSymmetry(t *testing.T) {
	for _, q := range quotients {
		t.Run(fmt.Sprintf("%d,%d,%d", q.n, q.l, q.e), func(t *testing.T) {
			if q.slow {
				longtest.Only(t)
			}
			r := explored(t, newSymmetric(q.n, q.l, q.e, 0), Options{})
			if r.States != q.states || q.transitions != 0 && r.Transitions != q.transitions || !r.Complete || !r.Symmetry {
				t.Errorf("%+v; want %+v", r, q)
			}
			t.Logf("%v", r.Duration)
		})
	}
	r := explored(t, newSymmetric(4, 2, 1, 0), Options{NoSymmetry: true})
	if r.States != 248_384 || r.Symmetry {
		t.Errorf("symmetry off: %+v", r)
	}
}

// TestSymmetryPath follows the counterexamples of a search with symmetry on a model without.
func TestSymmetryPath(t *testing.T) {
	for bug := 1; bug <= 2; bug++ {
		sym := explored(t, newSymmetric(4, 2, 1, bug), Options{FindAll: true, Depth: 5})
		raw := explored(t, newSymmetric(4, 2, 1, bug), Options{FindAll: true, Depth: 5, NoSymmetry: true})
		if len(sym.Findings) != len(raw.Findings) || len(raw.Findings) == 0 {
			t.Fatalf("with symmetry %+v, without %+v", sym.Findings, raw.Findings)
		}
		for i, f := range sym.Findings {
			if len(f.Path) != len(raw.Findings[i].Path) || f.Rule != raw.Findings[i].Rule {
				t.Errorf("with symmetry %+v, without %+v", f, raw.Findings[i])
			}
			followed(t, newPVDP(4, 2, 1, bug, false)(), f)
		}
	}
}

// followed makes the calls of a finding on a model and looks whether the last one, and only that, goes
// wrong as the finding says.
func followed(t *testing.T, m Model, f Finding) {
	t.Helper()
	m.Init(f.Init)
	for i, c := range f.Path {
		o := m.Apply(c)
		if sc, ok := m.(StateChecker); ok && o.Kind == Moved {
			o = sc.CheckState()
		}
		if last := i == len(f.Path)-1; !last && o.Kind != Moved || last && o != (Outcome{f.Kind, f.Rule}) {
			t.Fatalf("call %d of %x: %v", i, f.Path, o)
		}
		m.Decode(m.Encode(nil))
	}
}

// skewed is a grid that takes all states three steps from the corner for the one at the left edge, which is
// no symmetry: what can be done there cannot be done elsewhere.
type skewed struct{ *grid }

func (s skewed) Canon(dst []byte) []byte {
	if s.x+s.y == 3 {
		return append(dst, 0, 0, 0, 0, 3, 0, 0, 0)
	}
	return s.Encode(dst)
}

func (s skewed) CheckState() Outcome {
	if s.y == 4 {
		return Outcome{Kind: Violated}
	}
	return Outcome{}
}

func TestFalseSymmetry(t *testing.T) {
	_, err := Run(context.Background(), func() Model { return skewed{&grid{n: 40}} }, Options{})
	if err == nil || !strings.Contains(err.Error(), "not a symmetry") {
		t.Error(err)
	}
}
