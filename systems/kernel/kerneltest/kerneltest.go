// Package kerneltest helps tests of systems of package kernel: it searches them, walks
// in them and replays what was found, without the contract in between.
package kerneltest

import (
	"math/rand/v2"
	"testing"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// Backends are the systems that come with ptcheck and have a kernel.
func Backends() []*kernel.Backend {
	var out []*kernel.Backend
	for _, s := range all.Systems() {
		if b, ok := s.(*kernel.Backend); ok {
			out = append(out, b)
		}
	}
	return out
}

// New makes the system of a backend. The test fails if there is none.
func New(t testing.TB, b *kernel.Backend, o kernel.Options) *kernel.System {
	t.Helper()
	s, err := b.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Search searches a system with one worker, so many calls deep, 0 for until nothing is
// new.
func Search(t testing.TB, s *kernel.System, depth int) explore.Result {
	t.Helper()
	r, err := explore.Run(t.Context(), func() explore.Model { return s.NewModel() }, explore.Options{Depth: depth, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Replay runs the path of a finding again. It says how it ends: the rule's ID, or
// "crash: " and how the kernel died.
func Replay(s *kernel.System, f explore.Finding) (how string, calls []string) {
	m := s.NewModel()
	m.Init(f.Init)
	for i, c := range f.Path {
		calls = append(calls, kernel.CallOf(c).String())
		switch o := m.Apply(c); {
		case o.Kind == explore.Moved:
			continue
		case i < len(f.Path)-1:
			return "ends early", calls
		case o.Kind == explore.Crashed:
			return "crash: " + m.Crash().Error(), calls
		default:
			return m.Broken(o), calls
		}
	}
	return "nothing", calls
}

// NothingFound reports the findings of a search as errors of the test.
func NothingFound(t testing.TB, s *kernel.System, r explore.Result) {
	t.Helper()
	for _, f := range r.Findings {
		how, calls := Replay(s, f)
		t.Errorf("%s from %s: %s by %q", s.Name, s.Inits[f.Init].Name, how, calls)
	}
}

// Moves are a packed state and the calls that lead from it to a state.
type Moves struct {
	Packed []byte
	Calls  []uint64
}

// Wander collects states of a system by a random walk of so many steps from each start
// of day. It is the same walk each time.
func Wander(m *kernel.Model, steps int) []Moves {
	rng := rand.New(rand.NewPCG(1, 1))
	var out []Moves
	for i := range m.Inits() {
		m.Init(i)
		for range steps {
			at := Moves{Packed: m.Encode(nil)}
			for _, c := range m.Calls(nil) {
				m.Decode(at.Packed)
				if m.Apply(c).Kind == explore.Moved {
					at.Calls = append(at.Calls, c)
				}
			}
			out = append(out, at)
			if len(at.Calls) == 0 {
				break
			}
			m.Decode(at.Packed)
			m.Apply(at.Calls[rng.IntN(len(at.Calls))])
			m.Decode(m.Encode(nil))
		}
	}
	return out
}
