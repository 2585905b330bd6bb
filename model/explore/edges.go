package explore

import "fmt"

// tooManyEdges refuses a graph that is larger than the caller wants to see.
func (s *search) tooManyEdges() error {
	if s.opt.Edges == nil || s.count.transitions <= s.opt.MaxEdges {
		return nil
	}
	return refuse("edges", fmt.Sprintf("the graph has more than %d transitions", s.opt.MaxEdges))
}

// edges goes through the states again and gives out the transitions that were counted: all of the expanded
// states, and of the state in which the search stopped those before the end.
func (s *search) edges() error {
	if s.opt.Edges == nil {
		return nil
	}
	x := s.store.(*exact) // checkStore sees to it
	p := newReplayer(s.factory(), s.opt)
	for id := uint64(0); id < s.next || id == s.next && s.part > 0; id++ {
		p.m.Decode(x.arena.at(x.arena.find(id)))
		p.calls = p.m.Calls(p.calls[:0])
		if id == s.next {
			p.calls = p.calls[:s.part]
		}
		for _, c := range p.calls {
			e := Edge{From: id, Call: c, Outcome: p.m.Apply(c)}
			if e.Outcome.Kind == Moved {
				e = x.target(e, p)
			}
			p.m.Restore()
			if e.Outcome.Kind == Skipped {
				continue
			}
			if err := s.opt.Edges(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// target completes an edge that leads to the working state.
func (x *exact) target(e Edge, p *replayer) Edge {
	if id, ok := x.lookup(p.key()); ok {
		e.To = id
	} else {
		e.Outcome = p.judge(e.Outcome, true) // it is no state, since it broke a rule
	}
	return e
}
