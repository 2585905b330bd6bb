package invariants

import "github.com/ptcheck/ptcheck/model"

// Some questions about addresses are asked at the beginning and the end of each call. What
// they come to depends on the words of the tables on the way, and on the registers that say
// how these are read. So it is kept, like a root's reach, until one of the tables is written
// to.

// way is how addresses are looked up.
type way struct {
	geo  *model.Geometry
	root model.Frame
	cr4  model.CR4
	nxe  bool
}

// answer is what a question has come to.
type answer struct {
	ready  bool
	way    way
	read   uint64  // the tables that it was read from
	fixmap []fixed // of the question about the fixmap
}

// question is what a question came to in the state that the checker has begun at, and what it
// has come to since.
type question struct{ first, now answer }

// begin forgets the answers, but for those in the state that is begun at again.
func (q *question) begin(kept bool) {
	q.now.ready = false
	q.first.ready = q.first.ready && kept
}

// ask is what a question has come to, if that is known still. Otherwise the answer is to be
// filled in; what it is read from is empty.
func (m *reachMemo) ask(q *question, w way) (a *answer, known bool) {
	switch first := &q.first; {
	case m.on && first.ready && first.way == w && first.read&m.dirty == 0:
		return first, true
	case m.on && q.now.ready && q.now.way == w:
		return &q.now, true
	case m.on && !first.ready && m.dirty == 0:
		a = first // nothing has been written to: it is the same at the beginning
	default:
		a = &q.now
	}
	a.ready, a.way, a.read = true, w, 0
	return a, false
}

// written drops an answer that was read from tables that have been written to.
func (q *question) written(frames uint64) {
	q.now.ready = q.now.ready && q.now.read&frames == 0
}

// goOn drops the answer of the beginning if tables that have been written to since have to do
// with it.
func (q *question) goOn(dirty uint64) { q.first.ready = q.first.ready && q.first.read&dirty == 0 }
