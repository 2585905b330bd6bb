package explore

import (
	"math/rand/v2"
	"slices"
)

// walk is where a worker is on a random walk.
type walk struct {
	rng    rand.PCG
	state  []byte
	record bool // keep the path
	init   int
	path   []uint64
}

// wander makes random walks until all are made or a limit is met. A walk is a slice of its own: the number
// of the walk and of the step in it are the key, so that what is found and counted is what one worker
// would find that makes one walk after the other.
func (s *search) wander() error {
	r := &s.round
	r.first, r.last, r.step = 0, noKey>>callBits, 1
	if s.opt.Walks > 0 {
		r.last = min(r.last, s.opt.Walks)
	}
	for s.stopped == StopNone && s.next < r.last {
		if h := Reason(s.halt.Load()); h != StopNone {
			s.stopped = h
			return nil
		}
		r.first = s.next
		s.openRound()
		ok := s.muster(s.workers, (*worker).stroll)
		if err := s.err(); err != nil {
			return err
		}
		if !ok || !s.fits() {
			s.stopped = StopMemory
			return nil
		}
		if err := s.settleWalks(); err != nil {
			return err
		}
		s.depth = s.count.deepest
		s.report()
	}
	return nil
}

// stroll makes walks until the round ends, or until there is no room for the states of the next one.
func (w *worker) stroll() (more bool) {
	defer w.guard()
	w.need = w.round.steps + 1
	for w.at < w.end || w.takeWalk() {
		if !w.room() {
			return true
		}
		w.walkOne(w.at, w.round.steps)
		if w.err != nil {
			w.round.stop.Store(true)
			return false
		}
		w.at++
		w.closeSlice()
	}
	w.flush()
	return false
}

// takeWalk begins the next walk, if the round still gives one out.
func (w *worker) takeWalk() bool {
	r := w.round
	if r.stop.Load() {
		return false
	}
	n := r.first + r.ticket.Add(1) - 1
	if n >= r.last {
		return false
	}
	w.at, w.end = n, n+1
	w.slice = slice{from: n, to: n + 1}
	return true
}

// walkOne makes walk number n, of at most so many steps.
func (w *worker) walkOne(n uint64, steps int) {
	k := &w.walk
	k.rng.Seed(w.round.seed, n)
	rng := rand.New(&k.rng)
	k.init, k.path = rng.IntN(w.m.Inits()), k.path[:0]
	w.m.Init(k.init)
	if o := w.judgeInit(); o.Kind != Moved {
		if o.Kind != Skipped {
			w.note(noted{Outcome: o, key: keyOf(n, 0)})
		}
		return
	}
	if !w.push(keyOf(n, 0)) {
		return
	}
	for step := 1; step <= steps; step++ {
		o, moved := w.stepOne(rng)
		if !moved {
			return // no call leads on
		}
		w.slice.transitions++
		w.slice.deepest = step
		if o.Kind != Moved {
			w.note(noted{Outcome: o, key: keyOf(n, step)})
			return
		}
		if !w.push(keyOf(n, step)) {
			return
		}
	}
}

// stepOne makes one of the calls that are not skipped, all with equal chances, and judges what comes of it.
// It says false if there is none.
func (w *worker) stepOne(rng *rand.Rand) (o Outcome, moved bool) {
	k := &w.walk
	w.calls = w.m.Calls(w.calls[:0])
	for left := w.calls; len(left) > 0; {
		j := rng.IntN(len(left))
		c := left[j]
		o = w.m.Apply(c)
		if o.Kind == Skipped {
			w.slice.skipped++
			w.m.Restore()
			left[j] = left[len(left)-1]
			left = left[:len(left)-1]
			continue
		}
		if k.record {
			k.path = append(k.path, c)
		}
		if o.Kind != Moved {
			w.m.Restore()
			return o, true
		}
		k.state = w.m.Encode(k.state[:0])
		w.m.Restore()
		w.m.Decode(k.state)
		if w.check != nil {
			if b := w.check.CheckState(); b.Kind == Violated || b.Kind == Crashed {
				return b, true
			}
		}
		return o, true
	}
	return Outcome{}, false
}

// settleWalks is settle for a round of walks.
func (s *search) settleWalks() error {
	l := s.inOrder()
	cut := s.judgeRound(&l)
	end := s.round.expanded()
	if cut != noKey {
		end = cut >> callBits
	}
	s.store.add(l, s.workers)
	s.tally(end, false)
	s.next = end
	if cut != noKey {
		w, err := s.rewalk(end, int(cut&(maxCalls-1))-1)
		if err != nil {
			return err
		}
		s.count.add(w.slice.tally)
		s.addCounters(w.delta(nil))
		s.next++
	}
	s.endRound()
	return nil
}

// rewalk makes a walk up to some step again, on a model of its own, and keeps its path. A negative number
// of steps ends it before the initial state.
func (s *search) rewalk(n uint64, steps int) (*worker, error) {
	w, err := newWorker(s.factory(), s.opt)
	if err != nil {
		return nil, err
	}
	w.deaf = true
	w.round = &round{findAll: true, seed: s.opt.Seed}
	w.walk.record = true
	if steps >= 0 {
		w.walkOne(n, steps)
	}
	return w, w.err
}

// rewalked makes the finding of what a random walk has noted, if that is found again.
func (s *search) rewalked(f found) (Finding, error) {
	w, err := s.rewalk(f.parent, int(f.call))
	if err != nil {
		return Finding{}, err
	}
	if !slices.ContainsFunc(w.found, func(n noted) bool { return n.Outcome == f.Outcome }) {
		return Finding{}, newReplayer(s.factory(), s.opt).strays(w.walk.init, w.walk.path)
	}
	return Finding{Kind: f.Kind, Rule: f.Rule, Init: w.walk.init, Path: w.walk.path}, nil
}
