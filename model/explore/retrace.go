package explore

import "slices"

// Way is a finding as a search outside this package knows it: by the places of its calls. Of a search that
// visits states in the order of Run, it is the one that Run would have found.
type Way struct {
	Outcome
	// Init is the initial state at which the way starts, the first of those that are stored alike.
	Init int
	// Calls are the places, from 0, of the calls among those of the stored states on the way; the last one
	// went wrong. Empty: the initial state itself was judged.
	Calls []int
	// State says that the last call moved, and that a StateChecker judged the state that it led to.
	State bool
}

// Retrace makes the finding that Run would report of w. Symmetry must be as in the search. An error means that
// the models of f no longer do what they did there.
func Retrace(f Factory, noSymmetry bool, w Way) (Finding, error) {
	if len(w.Calls) == 0 {
		return Finding{Kind: w.Kind, Rule: w.Rule, Init: w.Init}, nil
	}
	p := newReplayer(f(), Options{NoSymmetry: noSymmetry})
	last := len(w.Calls) - 1
	chain, err := p.follow(w.Init, w.Calls[:last], func([]byte) bool { return true })
	if err != nil {
		return Finding{}, err
	}
	return p.finding(found{Outcome: w.Outcome, state: w.State, call: uint32(w.Calls[last])}, chain)
}

// follow makes calls by their places, from an initial state on, and returns the stored states on the way. Each
// that a call leads to must be known.
func (p *replayer) follow(init int, calls []int, known func(state []byte) bool) ([][]byte, error) {
	var path []uint64
	p.m.Init(init)
	states := [][]byte{slices.Clone(p.key())}
	for _, k := range calls {
		p.m.Decode(states[len(states)-1])
		p.calls = p.m.Calls(p.calls[:0])
		if k >= len(p.calls) {
			return nil, p.differs(init, path, k)
		}
		moved := p.m.Apply(p.calls[k]).Kind == Moved
		state := slices.Clone(p.key())
		p.m.Restore()
		if !moved || !known(state) {
			return nil, p.differs(init, path, k)
		}
		path = append(path, p.calls[k])
		states = append(states, state)
	}
	return states, nil
}
