package explore

import (
	"context"
	"slices"
	"sync/atomic"
	"time"
)

// search is one breadth-first search under way. Only the goroutine that called Run touches it; workers
// see the store, the fresh states and the round.
type search struct {
	opt     Options
	factory Factory
	mem     memory
	store   store
	graves  *exact // states that broke a rule
	parents parents
	workers []*worker
	fresh   fresh
	round   round
	items   []item // room
	spare   []item // room

	saver    *saver // nil if there are no checkpoints
	began    time.Time
	reported time.Time
	halt     atomic.Uint32 // a Reason from outside: timeout or interrupt

	depth    int
	perDepth []uint64
	next     uint64 // number of the next state to expand
	part     int    // how many of its calls were counted when the search stopped
	count    tally
	counters []uint64
	found    []found
	stopped  Reason
	pace     uint64                   // states that a worker expands in sliceTime, as far as is known
	level    level                    // of a search on disk
	levelled []Level                  // see Options.Levels
	own      uint64                   // bytes that the strategy keeps besides
	chain    func(id uint64) [][]byte // states on the way to a state, if the store does not know
}

// newSearch sets up an empty search.
func newSearch(f Factory, opt Options) (*search, error) {
	s := &search{opt: opt, factory: f, began: time.Now(), pace: maxStep}
	s.reported = s.began
	if err := s.setup(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// setup makes workers, store and room.
func (s *search) setup() error {
	for i := range s.opt.Workers {
		w, err := newWorker(s.factory(), s.opt)
		if err != nil {
			return err
		}
		w.round, w.fresh = &s.round, &s.fresh
		w.owner = &owner{id: uint64(i), recs: s.mem.records(firstRecords)}
		w.recent = newRecent(&s.mem)
		s.fresh.owners = append(s.fresh.owners, w.owner)
		s.workers = append(s.workers, w)
	}
	if err := s.checkStarts(); err != nil {
		return err
	}
	first := s.workers[0]
	s.fresh.words = first.words
	s.round.findAll, s.round.seed, s.round.steps = s.opt.FindAll, s.opt.Seed, s.opt.Depth
	s.graves = newExact(first.size, &s.mem)
	table, err := s.newStore(first.size)
	if err != nil {
		return err
	}
	for _, w := range s.workers {
		w.store, w.table, w.graves = s.store, table, s.graves
	}
	s.enlargeTable(2 * firstRecords * s.opt.Workers)
	if s.opt.Checkpoint != "" {
		s.saver, err = newSaver(s.opt)
	}
	return err
}

// newStore makes the store that was asked for and returns its table.
func (s *search) newStore(size int) (*table, error) {
	switch {
	case s.opt.Disk != "":
		x, err := newDisk(s.opt, size, &s.mem)
		if err != nil {
			return nil, err
		}
		s.store = x
		return &x.table, nil
	case s.opt.Store != Exact:
		x := newCompact(s.opt.Store.hashWords(), size, &s.mem)
		s.store = x
		return &x.table, nil
	}
	x := newExact(size, &s.mem)
	s.store = x
	return &x.table, nil
}

// close gives back what the search has taken.
func (s *search) close() {
	s.mem.close()
	for _, o := range s.fresh.owners {
		o.close()
	}
	if x, ok := s.store.(*disk); ok {
		x.remove()
	}
	if s.saver != nil {
		s.saver.unlock()
	}
}

// start makes the search ready to go on: at the initial states, or where a checkpoint left it.
func (s *search) start() error {
	if s.opt.Resume {
		return s.resume()
	}
	return s.inits()
}

// run searches breadth first to the end or to a limit.
func (s *search) run() error {
	advance := s.advance
	if s.opt.Disk != "" {
		advance = s.diskLevel
	}
	for s.stopped == StopNone && s.next < s.store.len() {
		if len(s.perDepth) == s.depth {
			s.perDepth = append(s.perDepth, s.store.len()-s.next)
		}
		if s.opt.Depth > 0 && s.depth == s.opt.Depth {
			s.stopped = StopDepth
			break
		}
		last := sum(s.perDepth)
		for s.next < last && s.stopped == StopNone {
			if err := advance(last); err != nil {
				s.stopped = StopError
				return err
			}
		}
		if s.next == last {
			s.store.endLevel()
			s.depth++
			s.noteLevel()
		}
	}
	return s.saveLast()
}

// advance makes one round, and looks at limits and progress.
func (s *search) advance(last uint64) error {
	if r := Reason(s.halt.Load()); r != StopNone {
		s.stopped = r
		return nil
	}
	if ok, err := s.expandRound(last); !ok || err != nil {
		s.stopped = StopMemory
		s.endRound()
		return err
	}
	if err := s.settle(); err != nil {
		return err
	}
	s.report()
	if s.stopped != StopNone {
		return nil
	}
	return s.saveNow()
}

// levels returns the number of states at each depth, that of the level that was being filled included.
func (s *search) levels() []uint64 {
	if n := s.store.len() - sum(s.perDepth); n > 0 {
		return append(slices.Clone(s.perDepth), n)
	}
	return s.perDepth
}

// noteLevel notes what has been counted up to the end of a depth, if that is to be known.
func (s *search) noteLevel() {
	if s.opt.Levels && s.stopped == StopNone {
		own, all := s.workers[0].orbits.split(slices.Clone(s.counters))
		s.levelled = append(s.levelled, Level{s.count.transitions, s.count.skipped, own, all[0], all[1]})
	}
}

// watch sets halt when the time is up or ctx is cancelled; the function it returns ends the watch.
func (s *search) watch(ctx context.Context) (stop func()) {
	halt := func(r Reason) {
		s.halt.CompareAndSwap(0, uint32(r))
		s.round.stop.Store(true)
	}
	if ctx.Err() != nil { // at once: a short search could be over before AfterFunc comes to it
		halt(StopInterrupt)
	}
	unhook := context.AfterFunc(ctx, func() { halt(StopInterrupt) })
	if s.opt.Timeout == 0 {
		return func() { unhook() }
	}
	t := time.AfterFunc(s.opt.Timeout, func() { halt(StopTimeout) })
	return func() { unhook(); t.Stop() }
}

// fits says whether what the round has found can be stored within the memory limit.
func (s *search) fits() bool {
	if s.opt.MaxMemory == 0 {
		return true
	}
	var n, bytes uint64
	for _, w := range s.workers {
		n += uint64(w.n)
		bytes += w.owner.end
	}
	return s.memory()+s.store.needs(n, bytes) <= s.opt.MaxMemory
}

// memory returns the bytes of storage in use.
func (s *search) memory() uint64 { return s.mem.now + s.besides() }

// besides returns the bytes in use of what is on the heap.
func (s *search) besides() uint64 {
	n := s.parents.used() + s.own
	for _, o := range s.fresh.owners {
		n += uint64(len(o.held)) << slabBits
	}
	return n
}

// report tells about progress if it is time to.
func (s *search) report() {
	now := time.Now()
	if s.opt.Progress == nil || now.Sub(s.reported) < s.opt.ProgressEvery {
		return
	}
	s.reported = now
	s.opt.Progress(Progress{
		States: s.store.len(), Transitions: s.count.transitions, Depth: s.depth,
		Waiting: s.store.len() - s.next, Memory: s.memory(), Elapsed: now.Sub(s.began),
		Levels: s.known(),
	})
}

// known are the numbers of states at the depths that are known in full.
func (s *search) known() []uint64 {
	if s.opt.Strategy != BreadthFirst {
		return nil
	}
	return slices.Clone(s.perDepth)
}

// sum adds up.
func sum(xs []uint64) (t uint64) {
	for _, x := range xs {
		t += x
	}
	return t
}
