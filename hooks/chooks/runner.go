package chooks

import (
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// key is a call of a hook.
type key struct {
	hook int
	a, b uint64
}

// node is what a hook does next, or how it ends, after so many answers.
type node struct {
	operation
	next []edge
}

// edge leads on by an answer.
type edge struct {
	answer uint64
	to     *node
}

func (n *node) after(answer uint64) *node {
	for i := range n.next {
		if n.next[i].answer == answer {
			return n.next[i].to
		}
	}
	return nil
}

// mostNodes bounds what a runner remembers; then it begins anew.
const mostNodes = 1 << 17

// runner carries out one hook at a time, with what it remembers of former calls, and with
// a process where it does not.
type runner struct {
	fleet *fleet
	rows  []accessor
	p     *process
	owes  bool // the process waits for an answer

	known map[key]*node
	nodes int

	// Of the call that is under way.
	k       *hooks.Kernel
	at      *node
	answers []uint64 // so far
	answer  uint64   // the last one
}

func newRunner(f *fleet, p *process) *runner {
	return &runner{fleet: f, rows: accessors(), p: p, known: map[key]*node{}}
}

// run carries out a call. What the hook has done before after the same answers it does
// again; from there on the process is asked.
func (r *runner) run(k *hooks.Kernel, what key) uint64 {
	if r.nodes >= mostNodes {
		r.known, r.nodes = map[key]*node{}, 0
	}
	r.k, r.answers = k, r.answers[:0]
	live := false
	n := r.known[what]
	if n == nil {
		n, live = r.begin(what), true
		r.known[what] = n
	}
	for int(n.kind) < len(r.rows) {
		r.at = n
		k.M.Abroad(n.at, r)
		r.answers = append(r.answers, r.answer)
		to := n.after(r.answer)
		if to == nil {
			if !live {
				r.rerun(what)
				live = true
			}
			to = r.hear(r.reply(r.answer))
			n.next = append(n.next, edge{r.answer, to})
		} else if live {
			r.agree(to, r.hear(r.reply(r.answer)))
		}
		n = to
	}
	r.at = n
	if n.kind != r.ending(done) {
		k.M.Abroad(n.at, r)
	}
	return n.arg[0]
}

// Cross implements [model.Crossing]: it carries out what the C code asks for, or lets the
// kernel die of it.
func (r *runner) Cross() {
	switch n := r.at; n.kind {
	case r.ending(died):
		r.k.M.Die(model.Crash{Kind: model.CrashC, Where: n.text})
	case r.ending(runs):
		r.k.M.Die(model.Crash{Kind: model.CrashHang, Where: n.text})
	default:
		r.answer = r.rows[n.kind].do(r.k, &n.operation)
	}
}

// ending is the number of a kind of message that is no accessor's.
func (r *runner) ending(kind int) uint32 { return uint32(len(r.rows) + kind) }

// begin has the process begin a call, and returns the first thing that it does.
func (r *runner) begin(what key) *node {
	if r.p == nil {
		p, err := start(r.fleet.program.path, r.fleet.table, r.fleet.program.limits)
		if err != nil {
			panic(err) // it has started before: a fault of the machine this runs on
		}
		r.p = p
	}
	return r.hear(r.p.order(what.hook, what.a, what.b, r.fleet.program.limits.work))
}

// rerun has the process do what is known of a call, up to the answer that is new: the last
// one.
func (r *runner) rerun(what key) {
	n := r.known[what]
	r.agree(n, r.begin(what))
	for _, answer := range r.answers[:len(r.answers)-1] {
		n = n.after(answer)
		r.agree(n, r.hear(r.reply(answer)))
	}
}

// agree wants C code to do what it did before after the same answers. It may not if it looks
// at the clock, at a file, or at memory that it has never written.
func (r *runner) agree(was, now *node) {
	if was.kind == now.kind && was.arg == now.arg && was.text == now.text {
		return
	}
	r.at = &node{operation: operation{kind: r.ending(died), at: now.at,
		text: "the hook did two different things after the same answers: it depends on something besides them"}}
	r.k.M.Abroad(now.at, r)
}

func (r *runner) reply(value uint64) error {
	r.owes = false
	return r.p.answer(false, value)
}

// abandon leaves a call that the machine has ended.
func (r *runner) abandon() {
	if r.owes {
		r.owes = false
		_ = r.p.answer(true, 0) // if it is gone, that shows when it is called again
	}
	r.k = nil
}

// hear reads what the process does next. sent is how sending went.
func (r *runner) hear(sent error) *node {
	r.nodes++
	var m message
	err := sent
	if err == nil {
		m, err = r.p.receive(r.fleet.program.limits)
	}
	if err != nil {
		return r.lost(err)
	}
	lines := r.fleet.program.lines
	n := &node{operation: operation{kind: m.kind, arg: m.arg, text: m.text}}
	switch {
	case int(m.kind) < len(r.rows):
		r.owes = true
		n.at = []model.Place{{Function: m.func_, File: m.file, Line: int(m.line)}}
		if len(m.frames) > 0 {
			n.at = append(n.at, lines.trace(m.frames[1:])...)
		}
	case m.kind == r.ending(done) && m.arg[1] == 0:
	default:
		r.conclude(n, &m)
	}
	return n
}

// conclude says how C code ended that has not returned well.
func (r *runner) conclude(n *node, m *message) {
	lines := r.fleet.program.lines
	n.at, n.arg = lines.trace(m.frames), [3]uint64{}
	if m.line > 0 && (len(n.at) == 0 || m.kind == r.ending(died)) {
		at := model.Place{Function: m.func_, File: m.file, Line: int(m.line)}
		n.at = slices.Insert(n.at[min(1, len(n.at)):], 0, at)
	}
	switch m.kind {
	case r.ending(done):
		n.kind = r.ending(died)
		n.text = fmt.Sprintf("the hook leaves the variable %s changed, which it has no way to remember", lines.symbol(m.arg[1]))
		return // it goes on well
	case r.ending(died):
		r.owes = true
		return
	case r.ending(signal):
		n.kind, n.text = r.ending(died), signalText(m.arg)
	case r.ending(runs):
		n.text = fmt.Sprintf("the C hook has computed for %v and asked for nothing", r.fleet.program.limits.work)
	}
	r.p.end()
	r.p = nil
}

// signalText says what a signal means: its number, the address, and whether that is the end
// of the stack.
func signalText(arg [3]uint64) string {
	name := map[syscall.Signal]string{syscall.SIGSEGV: "SIGSEGV", syscall.SIGBUS: "SIGBUS", syscall.SIGILL: "SIGILL",
		syscall.SIGFPE: "SIGFPE", syscall.SIGTRAP: "SIGTRAP"}[syscall.Signal(arg[0])]
	const low = 1 << 32 // above lie this process's own addresses, which differ from run to run
	switch sig := syscall.Signal(arg[0]); {
	case name == "":
		return fmt.Sprintf("signal %d", arg[0])
	case sig != syscall.SIGSEGV && sig != syscall.SIGBUS:
		return name
	case arg[2] != 0:
		return name + ": the stack is used up"
	case arg[1] == 0:
		return name + ": it followed NULL, or an address that no process has"
	case arg[1] < low:
		return fmt.Sprintf("%s: it followed %#x; addresses of the machine are reached through accessors", name, arg[1])
	}
	return name + ": it followed a pointer that leads nowhere"
}

// lost is the end of a call whose process says nothing any more.
func (r *runner) lost(err error) *node {
	n := &node{operation: operation{kind: r.ending(died)}}
	if os.IsTimeout(err) {
		r.p.kill()
		n.kind = r.ending(runs)
		n.text = "the C hook waits for something that is not the machine"
	} else {
		n.text = "the hook ended its process: " + r.p.end()
	}
	if r.at != nil && len(r.answers) > 0 {
		n.at = r.at.at // the last that it asked for
	}
	r.p = nil
	return n
}
