package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/ptcheck/ptcheck/model/explore"
)

// progress shows how far a search is, on stderr: one redrawn line on a
// terminal, a log line every ten seconds elsewhere.
type progress struct {
	name  string
	tty   bool
	shown bool
}

func newProgress(name string) *progress {
	return &progress{name: name, tty: term.IsTerminal(int(os.Stderr.Fd()))}
}

// every is the time between two reports.
func (p *progress) every() time.Duration {
	if p.tty {
		return time.Second / 4
	}
	return 10 * time.Second
}

func (p *progress) show(r explore.Progress) {
	line := fmt.Sprintf("%s: depth %d, %d states, %d transitions, %d waiting, %.0f MiB, %.0f s",
		p.name, r.Depth, r.States, r.Transitions, r.Waiting, float64(r.Memory)/(1<<20), r.Elapsed.Seconds())
	if p.tty {
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s", line)
		p.shown = true
	} else {
		fmt.Fprintln(os.Stderr, line)
	}
}

// done clears the redrawn line.
func (p *progress) done() {
	if p.shown {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
	}
}
