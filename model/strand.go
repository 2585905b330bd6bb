package model

import "iter"

// strand is a coroutine that carries out one piece of code after the other. Making one for
// each piece would cost more than what most pieces do: their stacks grow anew each time.
//
// While it waits for work it refers to nothing but itself, so that whoever uses it can be
// collected; a cleanup then ends it.
type strand struct {
	work   func() // what is being carried out; nil: it waits for work
	next   func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool
	giving bool // what is being carried out is to be given up
}

// newStrand returns a strand that waits for work.
func newStrand() *strand {
	s := &strand{}
	s.next, s.stop = iter.Pull(s.live)
	return s
}

// live is the life of a strand.
func (s *strand) live(yield func(struct{}) bool) {
	s.yield = yield
	roomyStack(0)
	for {
		if s.work != nil {
			s.work()
			s.work = nil
		}
		if !yield(struct{}{}) {
			return
		}
	}
}

// idle reports whether the strand waits for work. One whose goroutine has been ended by its
// work never does again.
func (s *strand) idle() bool { return s.work == nil }

// begin gives an idle strand work, for the next resume.
func (s *strand) begin(work func()) { s.work, s.giving = work, false }

// resume lets the work go on until it pauses or is done.
func (s *strand) resume() { s.next() }

// pause is called by the work: it waits for the next resume. It reports false if the work is
// to be given up.
func (s *strand) pause() bool { return !s.giving && s.yield(struct{}{}) && !s.giving }

// abandon has work that has paused given up, and waits for that.
func (s *strand) abandon() {
	s.giving = true
	s.next()
}

// end ends a strand that waits for work.
func (s *strand) end() {
	if s.idle() {
		s.stop()
	}
}

// roomyStack has the stack of the running goroutine grow while there is hardly anything
// on it. Kernel code under the eyes of rules is deep, and a stack that grows below it is
// copied frame by frame.
//
//go:noinline
func roomyStack(n int) byte {
	var room [24 << 10]byte
	room[n] = 1 // lest the compiler leave it out
	return room[n+1]
}
