package explore

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// roundStates is about how many new states a round may find before it is settled: few enough for
	// the fresh table to stay in the second-level cache.
	roundStates = 1 << 15
	// roundTime is about how long a round may take: then it is time to look at limits.
	roundTime = 200 * time.Millisecond
	// sliceTime is about how long a slice may take, since a slice that was begun is finished.
	sliceTime = 5 * time.Millisecond
	// diskRoundTime is the same for a search on disk, where each round makes a file.
	diskRoundTime = 5 * time.Second
	// firstRecords is the room that a worker has for new states at first.
	firstRecords = 1 << 12
	// maxStep is the largest number of states in a slice.
	maxStep = 64
)

// round is a stretch of the present level that is expanded between two looks at the limits. Where it ends
// depends on speed and chance; what is found does not, since everything is settled by key.
type round struct {
	front *arena // where the states to expand are
	base  uint64 // number of the first state in front
	first uint64 // the first state to expand
	last  uint64 // the end of the level
	step  uint64 // states in a slice
	// The round ends when one worker has so many records, or so many bytes of states of varying
	// length, or when so much time has passed.
	soft      int
	softBytes uint64
	time      time.Duration
	findAll   bool
	began     time.Time
	seed      uint64 // of random walks
	steps     int    // of a random walk, at most

	ticket atomic.Uint64 // slices given out
	stop   atomic.Bool   // give out no more
}

// expanded returns the end of the states that were expanded; the round is over.
func (r *round) expanded() uint64 { return min(r.last, r.first+r.ticket.Load()*r.step) }

// expandRound expands states from s.next on, up to last at most, and judges what is new. It says false if
// memory does not suffice.
func (s *search) expandRound(last uint64) (bool, error) {
	r := &s.round
	r.front, r.base = s.store.front()
	r.first, r.last = s.next, last
	r.step = min(maxStep, s.pace, (last-s.next)/uint64(8*len(s.workers)))
	r.step = max(1, r.step)
	s.openRound()
	crew := s.workers
	if last-s.next < 4 {
		crew = crew[:1] // not worth waking anyone
	}
	if !s.muster(crew, (*worker).work) {
		return false, s.err()
	}
	if done := r.expanded() - r.first; done > 0 {
		each := time.Since(r.began) * time.Duration(len(crew)) / time.Duration(done)
		s.pace = uint64(sliceTime / max(1, each))
	}
	if s.workers[0].looks() && s.err() == nil {
		side(crew, func(w *worker) bool { w.judge(); return false })
	}
	return s.fits(), s.err()
}

// openRound lets slices be given out.
func (s *search) openRound() {
	s.round.soft, s.round.softBytes, s.round.time = roundStates/len(s.workers), noKey, roundTime
	s.round.began = time.Now()
	s.round.ticket.Store(0)
	s.round.stop.Store(false)
	if s.halt.Load() != 0 { // looked at after the store, lest a halt between the two be lost
		s.round.stop.Store(true)
	}
}

// muster lets the crew work until all are done, and gives room to those that run out of it. If there is none
// within the memory limit, it says false, and the round is good for nothing.
func (s *search) muster(crew []*worker, work func(*worker) (more bool)) bool {
	for more := true; more; {
		more = false
		for _, again := range side(crew, work) {
			more = more || again
		}
		if more && !s.enlarge() {
			s.stopped = StopMemory
			return false
		}
	}
	return true
}

// side runs f for all of the crew side by side and returns what it said to each.
func side(crew []*worker, f func(*worker) bool) []bool {
	said := make([]bool, len(crew))
	var wait sync.WaitGroup
	for i, w := range crew[1:] {
		wait.Go(func() { said[i+1] = f(w) })
	}
	said[0] = f(crew[0])
	wait.Wait()
	return said
}

// err returns the error of the first worker that has one.
func (s *search) err() error {
	for _, w := range s.workers {
		if w.err != nil {
			return w.err
		}
	}
	return nil
}

// enlarge makes room for workers that have none, and a table that is at most half full when all the room
// is used. It says false if that would exceed the memory limit.
func (s *search) enlarge() bool {
	total, more := 0, 0
	for _, w := range s.workers {
		if n := w.roomNeeded(); n > len(w.recs) {
			more += n * recordBytes
			total += n
		} else {
			total += len(w.recs)
		}
	}
	if 2*total > len(s.fresh.table) {
		more += 2 * total * 8
	}
	if s.opt.Disk == "" && s.opt.MaxMemory > 0 && s.memory()+uint64(more) > s.opt.MaxMemory {
		return false
	}
	for _, w := range s.workers {
		if n := w.roomNeeded(); n > len(w.recs) {
			recs := s.mem.records(n)
			copy(recs, w.recs[:w.n])
			if w.recs != nil {
				s.mem.freeRecords(w.recs)
			}
			w.recs = recs
		}
	}
	s.enlargeTable(2 * total)
	return true
}

// roomNeeded returns the number of records that the worker should have room for.
func (w *worker) roomNeeded() int {
	if need := w.n + 2*batchLen + w.need; need > len(w.recs) {
		return max(2*len(w.recs), 2*need, firstRecords)
	}
	return len(w.recs)
}

// enlargeTable makes the table of fresh states so large at least, and enters them anew.
func (s *search) enlargeTable(slots int) {
	if slots <= len(s.fresh.table) {
		return
	}
	if s.fresh.table != nil {
		s.mem.freeSlots(s.fresh.table)
	}
	s.fresh.table = s.mem.slots(uint64(slots))
	for _, o := range s.fresh.owners {
		for k := range o.n {
			s.fresh.enter(o, k)
		}
	}
}

// inOrder returns the good records of the round in order of their keys.
func (s *search) inOrder() line {
	items := s.items[:0]
	sorted := true
	var last uint64
	for i, w := range s.workers {
		bad := w.bad
		for k := range w.n {
			if len(bad) > 0 && bad[0].rec == k {
				bad = bad[1:]
				continue
			}
			key := w.recs[k].key
			sorted = sorted && key >= last
			last = key
			items = append(items, item{key, uint64(i)<<32 | uint64(k)})
		}
	}
	s.items = items
	if !sorted {
		s.spare = sortItems(items, s.spare)
	}
	return line{items: items, owners: s.fresh.owners, size: s.workers[0].size}
}
