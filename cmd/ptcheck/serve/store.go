package serve

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
)

// room is how many states may still be kept, of all graphs together.
type room struct{ left atomic.Int64 }

func newRoom(states int) *room {
	r := &room{}
	r.left.Store(int64(states))
	return r
}

// take makes room for one more state, and reports whether there is.
func (r *room) take() bool {
	if r.left.Add(-1) >= 0 {
		return true
	}
	r.left.Add(1)
	return false
}

// store keeps the states of a graph that have been seen, in the order in which they were,
// each with the way on which it was seen first. It is safe for concurrent use.
type store struct {
	room *room

	mu    sync.Mutex
	at    map[string]int
	known []known
	full  bool // some state had no room
}

// known is a state that has been seen.
type known struct {
	packed string
	parent int    // in the store; negative: it is a start
	call   uint64 // that led here; of a start its number
}

func newStore(r *room) *store { return &store{room: r, at: map[string]int{}} }

// start adds a start.
func (s *store) start(init int, packed string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep(known{packed, -1, uint64(init)})
}

// add adds the state that a call leads to. Where the one before is not kept, nobody would
// know the way.
func (s *store) add(from string, call uint64, packed string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if parent, ok := s.at[from]; ok {
		s.keep(known{packed, parent, call})
	}
}

// path adds the states of a way.
func (s *store) path(p place, states []string) {
	for i, packed := range states {
		if i == 0 {
			s.start(p.init, packed)
		} else {
			s.add(states[i-1], p.path[i-1], packed)
		}
	}
}

func (s *store) keep(k known) {
	if _, ok := s.at[k.packed]; ok {
		return
	}
	if !s.room.take() {
		s.full = true
		return
	}
	s.at[k.packed] = len(s.known)
	s.known = append(s.known, k)
}

// all are the states kept so far; full says that there were more.
func (s *store) all() (list []known, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[:len(s.known):len(s.known)], s.full
}

// placeOf is the way to a state of a list that all has returned.
func placeOf(list []known, i int) place {
	var p place
	for ; list[i].parent >= 0; i = list[i].parent {
		p.path = append(p.path, list[i].call)
	}
	p.init = int(list[i].call)
	slices.Reverse(p.path)
	return p
}

// recorder is a model that keeps what a search sees.
type recorder struct {
	explore.Model
	seen  *store
	here  string // the state that calls are made in
	init  int    // of a start, negative: it is none
	call  uint64
	moved bool // the last call moved
}

var _ systems.Outer = (*recorder)(nil)

// Inner implements [systems.Outer].
func (r *recorder) Inner() explore.Model { return r.Model }

// Init implements [explore.Model].
func (r *recorder) Init(i int) {
	r.Model.Init(i)
	r.init, r.moved = i, false
}

// Decode implements [explore.Model].
func (r *recorder) Decode(src []byte) {
	r.Model.Decode(src)
	r.here, r.init, r.moved = string(src), -1, false
}

// Apply implements [explore.Model].
func (r *recorder) Apply(call uint64) explore.Outcome {
	o := r.Model.Apply(call)
	r.call, r.moved = call, o.Kind == explore.Moved
	return o
}

// Encode implements [explore.Model].
func (r *recorder) Encode(dst []byte) []byte {
	from := len(dst)
	dst = r.Model.Encode(dst)
	switch {
	case r.init >= 0 && !r.moved:
		r.seen.start(r.init, string(dst[from:]))
	case r.init < 0 && r.moved:
		r.seen.add(r.here, r.call, string(dst[from:]))
	}
	return dst
}

// CheckInit implements [explore.InitChecker].
func (r *recorder) CheckInit() explore.Outcome {
	if judge, ok := r.Model.(explore.InitChecker); ok {
		return judge.CheckInit()
	}
	return explore.Outcome{}
}

// CheckState implements [explore.StateChecker].
func (r *recorder) CheckState() explore.Outcome {
	if judge, ok := r.Model.(explore.StateChecker); ok {
		return judge.CheckState()
	}
	return explore.Outcome{}
}

// Counters implements [explore.Counter].
func (r *recorder) Counters() []uint64 {
	if c, ok := r.Model.(explore.Counter); ok {
		return c.Counters()
	}
	return nil
}
