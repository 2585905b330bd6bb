package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// progressWords are the values of --progress.
func progressWords() []string { return []string{"auto", "always", "never"} }

// display is where and how progress is shown: a redrawn line on a terminal, a log
// line from time to time elsewhere, but there only if it is asked for.
type display struct {
	w     io.Writer
	tty   bool
	off   bool
	shown bool
	last  time.Time // of the last log line
}

func newDisplay(cmd *cobra.Command) display {
	d := display{w: cmd.ErrOrStderr()}
	if f, ok := d.w.(*os.File); ok {
		d.tty = term.IsTerminal(int(f.Fd()))
	}
	mode, err := cmd.Flags().GetString("progress")
	d.off = err != nil || mode == "never" || mode == "auto" && !d.tty
	return d
}

// every is the time between two looks.
func (d *display) every() time.Duration {
	if d.tty {
		return time.Second / 4
	}
	return patience
}

// logEvery is the time between two log lines.
const logEvery = 10 * time.Second

// patience is how long something may take before its progress is shown.
const patience = time.Second

func (d *display) line(text string) {
	switch {
	case d.off:
	case d.tty:
		fmt.Fprintf(d.w, "\r\x1b[K%s", text)
		d.shown = true
	case time.Since(d.last) >= logEvery:
		fmt.Fprintln(d.w, text)
		d.last = time.Now()
	}
}

// parts shows a line of several parts, the first ones first: those that fit the terminal, for
// a line that does not is not wiped as a whole.
func (d *display) parts(first string, more ...string) {
	width := columnsOf(d.w)
	for _, m := range more {
		if next := first + ", " + m; width == 0 || len(next) < width {
			first = next
		}
	}
	d.line(first)
}

// wipe clears the redrawn line.
func (d *display) wipe() {
	if d.shown {
		fmt.Fprint(d.w, "\r\x1b[K")
		d.shown = false
	}
}

// task is a command that works through a list. It shows how far it is once it has
// taken a second, and knows when it has been interrupted.
type task struct {
	ctx   context.Context
	name  string
	total int
	start time.Time

	mu   sync.Mutex
	d    display
	n    int
	item string
	stop chan struct{}
}

func newTask(cmd *cobra.Command, name string, total int) *task {
	t := &task{ctx: cmd.Context(), name: name, total: total, start: time.Now(), d: newDisplay(cmd), stop: make(chan struct{})}
	if !t.d.off {
		go t.tick(t.stop, t.d.every())
	}
	return t
}

// tick shows the progress from time to time.
func (t *task) tick(stop <-chan struct{}, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			t.show()
		}
	}
}

func (t *task) show() {
	t.mu.Lock()
	defer t.mu.Unlock()
	elapsed := time.Since(t.start)
	if t.stop == nil || elapsed < patience {
		return
	}
	t.d.parts(fmt.Sprintf("%s: %d of %d", t.name, t.n, t.total), fmt.Sprintf("%.0f s", elapsed.Seconds()), "last: "+t.item)
}

// step says that n items are done, the last of them being item.
func (t *task) step(n int, item string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n, t.item = n, item
}

// clear makes room for other output.
func (t *task) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.d.wipe()
}

// done ends the display. It may be called twice.
func (t *task) done() {
	t.clear()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stop != nil {
		close(t.stop)
		t.stop = nil
	}
}

// interrupted reports whether somebody wants the task to end.
func (t *task) interrupted() bool { return t.ctx.Err() != nil }

// partial is the exit of a task that was interrupted: what was found before counts.
func partial(bad bool) error {
	if bad {
		return exitError(exitViolated)
	}
	return exitError(exitStopped)
}
