package kernel

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// place is a state that a survey has come to.
type place struct {
	packed []byte
	from   int // the place before it, -1: none
	call   uint64
}

// Survey goes through the states to which single calls lead from a start of day, nearest
// first, at most so many. visit is shown each of them and ends the survey by returning
// false; way returns the calls that lead there. Calls that go wrong are not followed.
func (s *System) Survey(init, most int, visit func(st *model.State, way func() []Call) bool) {
	m := s.NewModel()
	m.once()
	m.Init(init)
	places := []place{{m.Encode(nil), -1, 0}}
	seen := map[string]bool{string(places[0].packed): true}
	var codes []uint64
	for at := 0; at < len(places); at++ {
		m.Decode(places[at].packed)
		if !visit(m.State(), func() []Call { return wayTo(places, at) }) {
			return
		}
		codes = s.Enabled(codes[:0], m.State())
		for _, code := range codes {
			if len(places) == most {
				break
			}
			m.Restore()
			if m.Apply(code).Kind != explore.Moved {
				continue
			}
			if packed := m.Encode(nil); !seen[string(packed)] {
				seen[string(packed)] = true
				places = append(places, place{packed, at, code})
			}
		}
	}
}

// wayTo are the calls that lead to a place.
func wayTo(places []place, at int) []Call {
	if places[at].from < 0 {
		return nil
	}
	return append(wayTo(places, places[at].from), CallOf(places[at].call))
}

// Wayside is a start of day as it is after calls that a survey has found.
func (s *System) Wayside(init int, way []Call) Init {
	m := s.NewModel()
	m.once()
	m.Init(init)
	for _, c := range way {
		m.Apply(c.Code())
	}
	st := model.NewState(m.State().L)
	st.CopyFrom(m.State())
	return Init{Name: s.Inits[init].Name, State: st, Panic: s.Inits[init].Panic, Way: way, kept: s.Inits[init].kept}
}
