package explore

import "slices"

// diver is a depth-first search.
type diver struct {
	*search
	w     *worker
	x     *exact
	info  []diverInfo // of each state
	stack []visit
	found []visit // children of the state being expanded
	open  uint64  // states not expanded yet
	here  []byte  // the state being expanded
}

// diverInfo is what a depth-first search knows of a state: how near to an initial state it was met at best,
// and from where. Parents are always nearer, so that following them ends.
type diverInfo struct {
	parent uint64
	depth  uint32
	done   bool // it has been expanded
}

// visit is a state that waits for expansion at a depth.
type visit struct {
	state uint64
	depth uint32
}

// noParent marks an initial state.
const noParent = ^uint64(0)

// dive searches depth first. If there is a depth limit, a state that is met again nearer to an initial
// state is expanded again: so in the end the same states have been found and expanded as in a
// breadth-first search. Transitions are counted the first time only.
func (s *search) dive() error {
	d := &diver{search: s, w: s.workers[0], x: s.store.(*exact)}
	s.chain = d.chain
	if err := d.run(); err != nil {
		return err
	}
	if d.w.err == nil && s.stopped == StopNone && d.open > 0 {
		s.stopped = StopDepth
	}
	return d.w.err
}

// run dives from the initial states.
func (d *diver) run() error {
	defer d.w.guard()
	for _, i := range d.startsAt() {
		if d.stopped != StopNone {
			break
		}
		d.w.m.Init(i)
		switch o := d.w.judgeInit(); o.Kind {
		case Violated, Crashed:
			d.note(found{Outcome: o, init: true, parent: uint64(i)})
		case Moved:
			d.w.at = d.x.arena.n
			if _, err := d.meet(noParent, 0); err != nil {
				return err
			}
		}
	}
	d.addCounters(d.w.delta(nil))
	for d.push(); len(d.stack) > 0 && d.stopped == StopNone; d.push() {
		if err := d.pop(); err != nil {
			return err
		}
	}
	return nil
}

// push puts the children on the stack, the first on top.
func (d *diver) push() {
	for i := len(d.found) - 1; i >= 0; i-- {
		d.stack = append(d.stack, d.found[i])
	}
	d.found = d.found[:0]
}

// pop expands the state on top of the stack, unless it has been met nearer since it was put there.
func (d *diver) pop() error {
	v := d.stack[len(d.stack)-1]
	d.stack = d.stack[:len(d.stack)-1]
	info := &d.info[v.state]
	if v.depth != info.depth || d.opt.Depth > 0 && int(v.depth) == d.opt.Depth {
		return nil
	}
	if d.stopped = Reason(d.halt.Load()); d.stopped != StopNone {
		return nil
	}
	first := !info.done
	count := d.count
	if err := d.expand(v); err != nil {
		return err
	}
	if counted := d.w.delta(nil); first {
		d.addCounters(counted)
	} else {
		d.count = count
	}
	d.depth = int(v.depth)
	d.next++
	if d.next%1024 == 0 {
		d.report()
	}
	return nil
}

// expand makes all calls in a state.
func (d *diver) expand(v visit) error {
	w := d.w
	w.at = v.state
	d.here = append(d.here[:0], d.x.arena.at(d.x.arena.find(v.state))...)
	w.m.Decode(d.here)
	w.orbits.enter()
	w.calls = w.m.Calls(w.calls[:0])
	for i, c := range w.calls {
		o := w.m.Apply(c)
		switch o.Kind {
		case Skipped:
			d.count.skipped++
		case Moved:
			bad, err := d.meet(v.state, v.depth+1)
			if err != nil {
				return err
			}
			if d.stopped != StopNone {
				return nil
			}
			d.count.transitions++
			w.orbits.moved(1)
			if bad.Kind != Moved {
				d.note(found{Outcome: bad, state: true, parent: v.state, call: uint32(i)})
			}
		default:
			d.count.transitions++
			w.orbits.moved(1)
			d.note(found{Outcome: o, parent: v.state, call: uint32(i)})
		}
		w.m.Restore()
		if d.stopped != StopNone {
			return nil
		}
	}
	if info := &d.info[v.state]; !info.done {
		info.done = true
		d.open--
	}
	return nil
}

// meet looks at the working state, found from parent at a depth. If it is new, it is judged, and what is
// wrong with it is returned; else stored. If it waits for expansion, it is put among the children.
func (d *diver) meet(parent uint64, depth uint32) (bad Outcome, err error) {
	key := d.w.key()
	if err := d.w.checkLen(len(key)); err != nil {
		return Outcome{}, err
	}
	id, known := d.x.lookup(key)
	if !known {
		if _, buried := d.graves.lookup(key); buried {
			return Outcome{}, nil
		}
		if bad = d.judge(key, parent); bad.Kind != Moved {
			d.graves.put(key)
			return bad, nil
		}
		if d.refused(uint64(len(key))) {
			return Outcome{}, nil
		}
		id = d.x.put(key)
		d.info = append(d.info, diverInfo{depth: depth + 1})
		d.open++
	}
	info := &d.info[id]
	if known && (d.opt.Depth == 0 || depth >= info.depth) {
		return Outcome{}, nil
	}
	info.parent, info.depth = parent, depth
	d.count.deepest = max(d.count.deepest, int(depth))
	d.found = append(d.found, visit{id, depth})
	return Outcome{}, nil
}

// judge looks at a new state that is not an initial one; those have been judged.
func (d *diver) judge(key []byte, parent uint64) Outcome {
	if !d.w.looks() || parent == noParent {
		return Outcome{}
	}
	d.w.m.Restore()
	d.w.m.Decode(key)
	o := d.w.look()
	d.w.m.Decode(d.here)
	if o.Kind == Skipped {
		return Outcome{}
	}
	return o
}

// refused says, and notes, that a limit does not allow one more state of so many bytes.
func (d *diver) refused(bytes uint64) bool {
	switch {
	case d.opt.MaxStates > 0 && d.x.arena.n >= d.opt.MaxStates:
		d.stopped = StopStates
	case d.opt.MaxMemory > 0 && d.memory()+d.x.needs(1, bytes) > d.opt.MaxMemory:
		d.stopped = StopMemory
	default:
		d.own = uint64(cap(d.info))*16 + uint64(cap(d.stack))*16
		return false
	}
	return true
}

// chain returns the states on the way to state id.
func (d *diver) chain(id uint64) [][]byte {
	var back [][]byte
	for ; id != noParent; id = d.info[id].parent {
		back = append(back, d.x.arena.at(d.x.arena.find(id)))
	}
	slices.Reverse(back)
	return back
}
