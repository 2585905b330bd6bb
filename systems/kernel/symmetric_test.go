package kernel_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// symmetricModel is a model with symmetry.
type symmetricModel interface {
	explore.Model
	explore.Orbiter
}

// symmetricSearch is the search of a backend with symmetry, and with other settings.
func symmetricSearch(t testing.TB, b *kernel.Backend, v systems.Values) *systems.Search {
	t.Helper()
	v["symmetry"] = "on"
	list, err := b.Searches(v, systems.Change{})
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

// reached collects the states that a model stores.
func reached(m explore.Model, key func() []byte, at func()) map[string]bool {
	seen := map[string]bool{}
	var queue [][]byte
	store := func(k []byte) {
		if !seen[string(k)] {
			seen[string(k)] = true
			queue = append(queue, k)
		}
	}
	for i := range m.Inits() {
		m.Init(i)
		store(key())
	}
	for n := 0; n < len(queue); n++ {
		m.Decode(queue[n])
		at()
		for _, c := range m.Calls(nil) {
			if m.Apply(c).Kind == explore.Moved {
				store(key())
			}
			m.Restore()
		}
	}
	return seen
}

// TestRepresentatives reaches all states of the native system one by one, and their
// representatives by way of representatives: these must be the same, each its own
// representative.
func TestRepresentatives(t *testing.T) {
	s := symmetricSearch(t, boot.Native(), systems.Values{})
	m := s.Model().(symmetricModel)
	canon := func() []byte { return m.Canon(nil) }
	want := map[string]bool{}
	all := reached(m, func() []byte { return m.Encode(nil) }, func() { want[string(canon())] = true })
	var states uint64
	got := reached(m, canon, func() {
		states += m.Orbit()
		if again := m.Canon(nil); !bytes.Equal(again, m.Encode(nil)) {
			t.Fatalf("%x is not its own representative, but %x", m.Encode(nil), again)
		}
	})
	if len(got) >= len(all)/2 || states < uint64(len(all)) {
		t.Errorf("%d states of %d, which stand for %d", len(got), len(all), states)
	}
	for k := range want {
		if !got[k] {
			t.Errorf("%x is missed", k)
		}
	}
	if len(want) != len(got) {
		t.Errorf("%d representatives of states that are reached, %d are reached", len(want), len(got))
	}
}

// TestSymmetryAllocatesNothing stores representatives along many transitions without one
// allocation once all rooms are made.
func TestSymmetryAllocatesNothing(t *testing.T) {
	m := symmetricSearch(t, boot.Native(), systems.Values{"recheck": "1000000000"}).Model().(symmetricModel)
	var states [][]byte
	for i, k := range slices.Sorted(maps.Keys(reached(m, func() []byte { return m.Canon(nil) }, func() {}))) {
		if i%100 == 0 {
			states = append(states, []byte(k))
		}
	}
	buf, codes := make([]byte, 0, 1<<12), make([]uint64, 0, 1<<8)
	sweep := func() {
		for _, at := range states {
			m.Decode(at)
			m.Orbit()
			codes = m.Calls(codes[:0])
			for _, c := range codes {
				m.Apply(c)
				buf = m.Canon(buf[:0])
				m.Restore()
			}
		}
	}
	sweep()
	if allocs := testing.AllocsPerRun(2, sweep); allocs != 0 {
		t.Errorf("%v allocations in %d states", allocs, len(states))
	}
}

// TestLopsided plants hooks that go by the number of a frame, in ways that no rule is against:
// the search must notice, and hold without symmetry.
func TestLopsided(t *testing.T) {
	const wanted = 6
	for _, x := range []struct {
		name string
		ops  func(*hooks.Ops)
		says string
	}{
		{"entry", func(o *hooks.Ops) {
			o.SetPTE[model.VariantLate] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
				if pte.MFN() == wanted {
					pte |= 1 << 9
				}
				native.SetPTE(k, ptep, pte)
			}
			o.SetPTE[model.VariantInit] = o.SetPTE[model.VariantLate]
		}, "with their parts exchanged"},
		{"allocator", func(o *hooks.Ops) {
			o.SetPTE[model.VariantLate] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
				if m := k.M; m.L.Geo.Levels == 2 && m.Kernel.Phase == model.PhaseStarted && pte.MFN() == model.MFN(m.L.Kernel.Root) && !pte.Is(model.RW) {
					k.M.Kernel.BootmemNext++ // an alias while construction goes on
				}
				native.SetPTE(k, ptep, pte)
			}
			o.SetPTE[model.VariantInit] = o.SetPTE[model.VariantLate]
		}, "which it does not in a long run"},
	} {
		b := boot.OnBareMetal("mine", "my own", func() hooks.Ops {
			o := native.Ops()
			x.ops(&o)
			return o
		})
		s := symmetricSearch(t, b, systems.Values{"recheck": "1"})
		_, err := s.Run(t.Context(), explore.Options{Workers: 2})
		var uneven *systems.Lopsided
		if !errors.As(err, &uneven) || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		t.Log(err)
	}
}

// TestUneven plants hooks after which free frames differ when construction is over, so that those
// which were taken to be alike before are not: the search must notice in each such state, whether
// or not it is one that is compared. One of them dies by what the frame was that it gets.
func TestUneven(t *testing.T) {
	const mark = 1 << 9
	marked := func(k *hooks.Kernel, f model.Frame) bool {
		tr, _ := k.M.WalkFrom(k.M.L.Geo, model.Frame(k.M.L.Kernel.Root), k.M.L.VA(model.PFN(f).PA()))
		return tr.Level == 1 && tr.Entry.Is(mark)
	}
	for _, x := range []struct {
		name  string
		again func(k *hooks.Kernel, pte model.Entry) model.Entry // a leaf is stored that is there
		dies  bool
	}{
		{"cached", func(k *hooks.Kernel, pte model.Entry) model.Entry {
			k.M.Load(k.M.L.VA(model.PFN(pte.MFN()).PA()), 4)
			return pte
		}, false},
		{"marked", func(_ *hooks.Kernel, pte model.Entry) model.Entry { return pte | mark }, true},
	} {
		b := boot.OnBareMetal("mine", "my own", func() hooks.Ops {
			o := native.Ops()
			o.SetPTE[model.VariantLate] = func(k *hooks.Kernel, ptep model.VA, pte model.Entry) {
				f := model.PFN(pte.MFN())
				if k.M.Kernel.Phase == model.PhaseStarted && k.Read(ptep) == pte && f >= k.M.Kernel.BootmemNext && f < k.M.L.Kernel.MaxLowPFN {
					pte = x.again(k, pte)
				}
				native.SetPTE(k, ptep, pte)
			}
			o.ActivateMM = func(k *hooks.Kernel, _ model.VA) {
				if f := k.M.Kernel.Second; marked(k, f) && !marked(k, f+1) && marked(k, f+2) {
					k.M.Bug("activate_mm", model.OK)
				}
			}
			return o
		})
		s := symmetricSearch(t, b, systems.Values{"levels": "2", "recheck": "1000000000"})
		r, err := s.Run(t.Context(), explore.Options{Workers: 2})
		var uneven *systems.Lopsided
		if !errors.As(err, &uneven) || !strings.Contains(err.Error(), "construction is over") {
			t.Errorf("%s: %v, %v", x.name, err, r.Findings)
		}
		if r, err = s.Run(t.Context(), explore.Options{Workers: 2, NoSymmetry: true}); err != nil || len(r.Findings) > 0 != x.dies {
			t.Errorf("%s: without symmetry: %v, %v", x.name, err, r.Findings)
		}
	}
}

// TestSymmetryCounts wants the same of a search with symmetry, whoever makes it and where
// it keeps its states.
func TestSymmetryCounts(t *testing.T) {
	s := symmetricSearch(t, boot.Native(), systems.Values{"levels": "3"})
	var first explore.Result
	for i, o := range []explore.Options{{Workers: 1}, {Workers: 2}, {Workers: 2, Disk: t.TempDir(), MaxMemory: 16 << 20}, {Strategy: explore.DepthFirst}} {
		r, err := s.Run(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = r
		}
		if !r.Complete || !r.Symmetry || r.States != first.States || r.Transitions != first.Transitions ||
			r.AllStates != first.AllStates || r.AllTransitions != first.AllTransitions || len(r.Findings) > 0 {
			t.Errorf("%d: %d states for %d, %d transitions for %d; want %d for %d, %d for %d", i, r.States, r.AllStates, r.Transitions, r.AllTransitions,
				first.States, first.AllStates, first.Transitions, first.AllTransitions)
		}
	}
}

// BenchmarkSymmetry searches the native system with symmetry.
func BenchmarkSymmetry(b *testing.B) {
	s := symmetricSearch(b, boot.Native(), systems.Values{})
	b.ReportAllocs()
	for b.Loop() {
		if r, err := s.Run(b.Context(), explore.Options{Workers: 1}); err != nil || !r.Complete {
			b.Fatal(err, r.Stopped)
		}
	}
}

// TestOrder plants hooks that die at the end of construction by which of two tables has the lower
// number, the one way and the other. The search stores one of the two orders long before it matters,
// and never comes to the other: it must notice all the same.
func TestOrder(t *testing.T) {
	for _, less := range []bool{false, true} {
		b := boot.OnBareMetal("mine", "my own", func() hooks.Ops {
			o := native.Ops()
			done := o.PagetableSetupDone
			o.PagetableSetupDone = func(k *hooks.Kernel, base model.VA) {
				table := func(p model.PFN) model.Frame {
					tr, _ := k.M.WalkFrom(k.M.L.Geo, model.Frame(k.M.L.Kernel.Root), k.M.L.VA(p.PA()))
					return tr.Table
				}
				if a, b := table(0), table(4); a != b && a < b == less {
					k.M.Bug("setup_done", model.OK)
				}
				done(k, base)
			}
			return o
		})
		s := symmetricSearch(t, b, systems.Values{"levels": "3"})
		r, err := s.Run(t.Context(), explore.Options{Workers: 2})
		var uneven *systems.Lopsided
		if !errors.As(err, &uneven) {
			t.Errorf("%v: %v, %v in %d states", less, err, r.Findings, r.States)
		}
	}
}
