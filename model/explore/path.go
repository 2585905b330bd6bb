package explore

import "bytes"

// found is a finding as the search notes it down, before its path is rebuilt.
type found struct {
	Outcome
	depth  int    // number of calls of its path
	init   bool   // an initial state was judged; parent is its number among the initial states
	parent uint64 // number of the state that the last call was made in
	state  bool   // the last call moved; the state that it led to was judged by StateChecker
	call   uint32 // which of the calls there the last one is
}

// replayer rebuilds paths on a model of its own.
type replayer struct {
	m     Model
	canon Canonicalizer // nil without symmetry
	check StateChecker  // nil if the model has none
	calls []uint64
	buf   []byte
}

// newReplayer returns a replayer on a fresh model.
func newReplayer(m Model, opt Options) *replayer {
	p := &replayer{m: m}
	if !opt.NoSymmetry {
		p.canon, _ = m.(Canonicalizer)
	}
	p.check, _ = m.(StateChecker)
	return p
}

// key returns the bytes by which the working state is stored. They are valid until the next call of key.
func (p *replayer) key() []byte {
	if p.canon != nil {
		p.buf = p.canon.Canon(p.buf[:0])
	} else {
		p.buf = p.m.Encode(p.buf[:0])
	}
	return p.buf
}

// finding turns f into a finding with its path; chain holds the stored states from an initial one to the
// parent of f. Calls are searched for, not remembered: only so does the path speak of one and the same
// concrete state all along when the stored ones are representatives of symmetric ones.
func (p *replayer) finding(f found, chain [][]byte) (Finding, error) {
	out := Finding{Kind: f.Kind, Rule: f.Rule}
	if f.init {
		out.Init = int(f.parent)
		return out, nil
	}
	init, err := p.start(chain[0])
	if err != nil {
		return out, err
	}
	out.Init = init
	for _, want := range chain[1:] {
		c, ok := p.step(func(o Outcome) bool { return o.Kind == Moved && bytes.Equal(p.key(), want) })
		if !ok {
			return out, p.differs(init, out.Path, -1)
		}
		out.Path = append(out.Path, c)
	}
	c, ok := p.step(func(o Outcome) bool { return p.judge(o, f.state) == f.Outcome })
	if !ok {
		return out, p.differs(init, out.Path, int(f.call))
	}
	out.Path = append(out.Path, c)
	return out, nil
}

// judge returns what the search would make of outcome o of a call: with state, StateChecker decides.
func (p *replayer) judge(o Outcome, state bool) Outcome {
	if !state || o.Kind != Moved || p.check == nil {
		return o
	}
	// StateChecker is promised a decoded state.
	here := p.m.Encode(nil)
	p.m.Restore()
	back := p.m.Encode(nil)
	p.m.Decode(here)
	o = p.check.CheckState()
	p.m.Decode(back)
	return o
}

// start makes the first initial state that is stored as want the working state.
func (p *replayer) start(want []byte) (int, error) {
	for i := range p.m.Inits() {
		p.m.Init(i)
		if bytes.Equal(p.key(), want) {
			return i, nil
		}
	}
	return 0, &NondeterminismError{Init: -1}
}

// step makes the first call that fits, and goes on to the state it leads to. It says false if none does.
func (p *replayer) step(fits func(Outcome) bool) (call uint64, ok bool) {
	p.calls = p.m.Calls(p.calls[:0])
	for _, c := range p.calls {
		o := p.m.Apply(c)
		if o.Kind != Skipped && fits(o) {
			if o.Kind == Moved {
				next := p.m.Encode(nil)
				p.m.Restore()
				p.m.Decode(next)
			} else {
				p.m.Restore()
			}
			return c, true
		}
		p.m.Restore()
	}
	return 0, false
}

// findings rebuilds the paths of what was found. With an error it returns those before.
func (s *search) findings() ([]Finding, error) {
	var out []Finding
	for _, f := range s.found {
		rebuild := s.rebuild
		if s.opt.Strategy == RandomWalk {
			rebuild = s.rewalked
		}
		x, err := rebuild(f)
		if err != nil {
			return out, err
		}
		out = append(out, x)
	}
	return out, nil
}

// rebuild makes the finding of what a search has noted.
func (s *search) rebuild(f found) (Finding, error) {
	p := newReplayer(s.factory(), s.opt)
	var chain [][]byte
	if !f.init {
		var err error
		if s.chain != nil {
			chain = s.chain(f.parent)
		} else if chain, err = s.store.chain(f.parent, &s.parents, p); err != nil {
			return Finding{}, err
		}
	}
	return p.finding(f, chain)
}
