package cli

import (
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/model/explore"
)

// progress shows how far a search is, and how long it may take still.
type progress struct {
	display
	name string
	opt  explore.Options // with the bounds that the search ends at
	// first is the first look: a search that goes on did not expand what came before.
	first explore.Progress
}

func newProgress(cmd *cobra.Command, name string, opt explore.Options) *progress {
	return &progress{display: newDisplay(cmd), name: name, opt: opt}
}

func (p *progress) show(r explore.Progress) {
	if p.first.Elapsed == 0 {
		p.first = r
	}
	if r.Elapsed < patience {
		return
	}
	p.parts(
		fmt.Sprintf("%s: depth %d, %d states", p.name, r.Depth, r.States),
		fmt.Sprintf("%.0f s, %s", r.Elapsed.Seconds(), p.left(&r)),
		fmt.Sprintf("%d waiting", r.Waiting), fmt.Sprintf("%.0f MiB", float64(r.Memory)/(1<<20)),
		fmt.Sprintf("%d transitions", r.Transitions))
}

// left says how long the search may take still, or that this is not known. What ends it first
// counts: that nothing is new, the depth, the number of states or the time that it may take.
func (p *progress) left(r *explore.Progress) string {
	seconds, took := math.Inf(1), (r.Elapsed - p.first.Elapsed).Seconds()
	within := func(left, done uint64) {
		if done > 0 && took > 0 {
			seconds = min(seconds, float64(left)/float64(done)*took)
		}
	}
	if states, ok := r.Left(p.opt.Depth); ok {
		within(states, (r.States-r.Waiting)-(p.first.States-p.first.Waiting))
	}
	if most := p.opt.MaxStates; most != 0 {
		within(most-min(most, r.States), r.States-p.first.States)
	}
	if p.opt.Timeout != 0 {
		seconds = min(seconds, (p.opt.Timeout - r.Elapsed).Seconds())
	}
	if math.IsInf(seconds, 1) {
		return "no estimate of the rest"
	}
	return fmt.Sprintf("about %s left", roughly(seconds))
}

// roughly is a time in seconds to one or two digits.
func roughly(seconds float64) string {
	switch minutes := seconds / 60; {
	case seconds < 99.5:
		return fmt.Sprintf("%.0f s", max(1, seconds))
	case minutes < 99.5:
		return fmt.Sprintf("%.0f min", minutes)
	case minutes/60 < 99.5:
		return fmt.Sprintf("%.0f h", minutes/60)
	}
	return "days"
}

// done clears the redrawn line.
func (p *progress) done() { p.wipe() }
