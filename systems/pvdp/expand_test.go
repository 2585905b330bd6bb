package pvdp

import (
	"context"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// singly hides that a model can make all calls of a state at once.
type singly struct {
	explore.Model
	explore.FixedSize
	explore.StateChecker
	explore.Counter
	explore.Orbiter
}

// expanded are guests whose states are expanded at once.
func expanded(t *testing.T) map[string]*Guest {
	t.Helper()
	out := map[string]*Guest{}
	add := func(name string, frames, levels, slots int, change func(*model.Mutant)) {
		p := model.Plain()
		change(&p.Mutant)
		a, err := NewReference(Options{Frames: frames, Levels: levels, Slots: slots, Profile: p})
		if err != nil {
			t.Fatal(err)
		}
		out[name] = a
	}
	plain := func(*model.Mutant) {}
	add("4,2,1", 4, 2, 1, plain)
	add("3,2,2", 3, 2, 2, plain)
	add("4,3,1", 4, 3, 1, plain)
	add("4,4,1", 4, 4, 1, plain)
	add("root stays", 4, 2, 1, func(m *model.Mutant) { m.RootStays = true })
	add("blind audit", 4, 3, 1, func(m *model.Mutant) { m.Audited = func(int, model.Errno) model.Errno { return model.OK } })
	add("fast path", 4, 2, 1, func(m *model.Mutant) {
		m.FastPath = func(_ *model.State, level int, old, now model.Entry) bool { return level == 1 && old.Is(model.Present) }
	})
	return out
}

// oneByOne are the successors of a state by single calls, on a state with a journal.
func oneByOne(m *Model, state []byte, canonical bool) (out []explore.Successor, calls int) {
	m.Decode(state)
	codes := m.Calls(nil)
	for i, c := range codes {
		if m.Apply(c).Kind == explore.Moved {
			packed := m.Encode(nil)
			if canonical {
				packed = m.Canon(nil)
			}
			s := explore.Successor{Call: i}
			for at, b := range packed {
				s.Lo |= uint64(b) << (8 * at)
			}
			out = append(out, s)
		}
		m.Restore()
	}
	return out, len(codes)
}

// TestExpandWordsIsTheSingleCalls goes at random through graphs and compares all calls at
// once with single ones: successors, their calls, and what is counted.
func TestExpandWordsIsTheSingleCalls(t *testing.T) {
	for name, a := range expanded(t) {
		t.Run(name, func(t *testing.T) {
			fast, err := a.NewModel()
			if err != nil {
				t.Fatal(err)
			}
			dumb, err := a.NewModel()
			if err != nil {
				t.Fatal(err)
			}
			rnd := rand.New(rand.NewPCG(1, 7))
			state := slices.Clone(fast.start)
			for n := range 3000 {
				canonical := n%2 == 1
				want, calls := oneByOne(dumb, state, canonical)
				fast.Decode(state)
				got, made, ok := fast.ExpandWords(nil, canonical)
				if !ok || !fast.s.KeepsBase() || dumb.s.KeepsBase() {
					t.Fatal("this is no comparison of a copy with a journal")
				}
				if made != calls || made > fast.MostCalls() || !slices.Equal(got, want) || !slices.Equal(fast.counts, dumb.counts) {
					t.Fatalf("state %x: %d calls lead to %v, one by one %d to %v\ncounts %v, %v", state, made, got, calls, want, fast.counts, dumb.counts)
				}
				if again := fast.Encode(nil); !slices.Equal(again, state) {
					t.Fatalf("state %x: afterwards it is %x", state, again)
				}
				if len(got) == 0 || n%100 == 99 {
					state = slices.Clone(fast.start)
					continue
				}
				next := got[rnd.IntN(len(got))].Lo
				for i := range state {
					state[i] = byte(next >> (8 * i))
				}
				if dumb.Decode(state); dumb.CheckState().Kind == explore.Violated {
					copy(state, fast.start) // nothing is expanded behind a finding
				}
			}
		})
	}
}

// TestExpandWordsAllocatesNothing expands a state again and again.
func TestExpandWordsAllocatesNothing(t *testing.T) {
	for name, a := range expanded(t) {
		m, err := a.NewModel()
		if err != nil {
			t.Fatal(err)
		}
		room := make([]explore.Successor, 0, m.MostCalls())
		for _, canonical := range []bool{false, true} {
			m.Decode(m.start)
			m.ExpandWords(room, canonical)
			if n := testing.AllocsPerRun(10, func() {
				m.Decode(m.start)
				m.ExpandWords(room, canonical)
			}); n != 0 {
				t.Errorf("%s: %v allocations", name, n)
			}
		}
	}
}

// TestSearchAtOnce compares whole searches: all calls of a state at once, and one by one.
func TestSearchAtOnce(t *testing.T) {
	depth := 5
	if longtest.On() {
		depth = 6
	}
	for name, a := range expanded(t) {
		a.CountOrbits = true
		for _, o := range []explore.Options{{Workers: 1, NoSymmetry: true, Depth: depth}, {Workers: 2, Depth: depth + 1}} {
			run := func(hide bool) explore.Result {
				r, err := explore.Run(context.Background(), func() explore.Model {
					m, err := a.NewModel()
					if err != nil {
						t.Fatal(err)
					}
					if hide {
						return singly{m, m, m, m, m}
					}
					return m
				}, o)
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			got, want := run(false), run(true)
			if got.States != want.States || got.Transitions != want.Transitions || got.Skipped != want.Skipped ||
				got.AllStates != want.AllStates || got.AllTransitions != want.AllTransitions ||
				!slices.Equal(got.Counters, want.Counters) || !slices.Equal(got.PerDepth, want.PerDepth) ||
				!reflect.DeepEqual(got.Findings, want.Findings) {
				t.Errorf("%s: %+v, one by one %+v", name, got, want)
			}
		}
	}
}
