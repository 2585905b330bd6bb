package explore

// Orbiter is implemented by models with a symmetry that know how many states a class has. The engine then says
// how many states and transitions there would be without symmetry: a symmetry maps transitions to transitions,
// so that each state of a class has as many as the one that is stored.
type Orbiter interface {
	Canonicalizer
	// Orbit returns the number of states in the working state's class, which is as Decode or Init left it
	// and stays so. It is 0 in all states if that is not known.
	Orbit() uint64
}

// orbits counts what the states and transitions that a worker sees stand for.
type orbits struct {
	model Orbiter // nil without symmetry, or if the model is none
	size  uint64  // of the class of the state being expanded
	sums  orbitSums
	all   []uint64 // scratch
}

// orbitSums are numbers of states and of transitions. Among counters they stand behind those of the model: what
// is counted twice, or behind the end of a search, is forgotten with these.
type orbitSums [2]uint64

// orbitsOf returns the orbits of a model in a search. Random walks pass through states, and count none.
func orbitsOf(m Model, opt Options) (o orbits) {
	if !opt.NoSymmetry && opt.Strategy != RandomWalk {
		o.model, _ = m.(Orbiter)
	}
	return o
}

// enter begins the expansion of the working state.
func (o *orbits) enter() {
	if o.model != nil {
		o.size = o.model.Orbit()
	}
}

// moved counts transitions out of the state being expanded.
func (o *orbits) moved(n int) { o.sums[1] += o.size * uint64(n) }

// met counts the working state.
func (o *orbits) met() {
	if o.model != nil {
		o.sums[0] += o.model.Orbit()
	}
}

// counters are those of the model with the sums behind them, valid until the next call.
func (o *orbits) counters(own []uint64) []uint64 {
	if o.model == nil {
		return own
	}
	o.all = append(append(o.all[:0], own...), o.sums[:]...)
	return o.all
}

// split takes counters apart again.
func (o *orbits) split(all []uint64) (own []uint64, sums orbitSums) {
	n := len(all) - len(sums)
	if o.model == nil || n < 0 {
		return all, sums
	}
	copy(sums[:], all[n:])
	if n > 0 {
		own = all[:n:n]
	}
	return own, sums
}
