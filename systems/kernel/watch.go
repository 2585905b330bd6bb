package kernel

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// Patience is how long a call may take, on the clock: far more than one that uses up its
// budget takes on a busy machine. The clock decides only how a search ends that would
// never end.
const Patience = time.Minute

// looks is how often a call must be found unfinished in that time. So a program that was
// stopped for a while is not taken for one that hangs.
const looks = 8

// watch notices calls that do not come to an end. A call that never touches the machine
// can only be seen from outside, by a timer, and a goroutine cannot be ended: all that
// is left is to say so.
type watch struct {
	doing atomic.Uint64 // the call that is carried out, perhaps on trial
	start atomic.Int64  // the number of the start-of-day state
	n     uint64        // counts the beginnings and ends of calls
	beat  atomic.Uint64 // n, for the timer: odd while a call is under way
	armed atomic.Bool   // the timer runs
	left  atomic.Bool   // what is under way has been left behind
	timer *time.Timer

	// Of the timer alone.
	seen uint64 // beat at its last look
	same int    // looks since it was another
}

// watched makes the model's watch. The timer runs while calls are made and no longer.
func (m *Model) watched() {
	m.watch.timer = time.AfterFunc(time.Hour, m.look)
	m.watch.timer.Stop()
}

// enter says that a call begins, leave that it has come to an end.
func (m *Model) enter(code uint64) {
	m.watch.doing.Store(code)
	m.watch.n++
	m.watch.beat.Store(m.watch.n)
	if !m.watch.armed.Load() {
		m.watch.armed.Store(true)
		m.watch.timer.Reset(m.sys.patience / looks)
	}
}

func (m *Model) leave() {
	m.watch.n++
	m.watch.beat.Store(m.watch.n)
	if m.watch.left.Load() {
		runtime.Goexit() // nobody waits any more, and others have taken over
	}
}

// look is one look of the timer.
func (m *Model) look() {
	w := &m.watch
	now := w.beat.Load()
	if w.same++; now != w.seen {
		w.seen, w.same = now, 0
	}
	switch {
	case now%2 == 1 && w.same >= looks:
		m.stuck()
		return
	case now%2 == 0 && w.same > 0: // idle: the next call starts the timer
		w.armed.Store(false)
		if w.beat.Load() == now || !w.armed.CompareAndSwap(false, true) {
			return
		}
	}
	w.timer.Reset(m.sys.patience / looks)
}

// stuck tells of a call that does not come to an end.
func (m *Model) stuck() {
	e := &systems.Stuck{Halt: m.halt(), For: m.sys.patience}
	if m.calm != nil {
		m.calm()
	}
	e.Stack = running()
	if m.note == nil {
		exit(e)
	}
	m.note(&halted{Trouble: e, sys: m.sys})
}

// running is the code under test that some goroutine is in the middle of.
func running() []reports.Site {
	trail := trail()
	records := make([]runtime.StackRecord, runtime.NumGoroutine()+16)
	n, ok := runtime.GoroutineProfile(records)
	for i := 0; ok && i < n; i++ {
		if stack := records[i].Stack(); trail.Entered(stack) {
			return trail.Of(stack, nil)
		}
	}
	return nil
}
