package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/model/explore"
)

// progress shows how far a search is.
type progress struct {
	display
	name string
}

func newProgress(cmd *cobra.Command, name string) *progress {
	return &progress{display: newDisplay(cmd), name: name}
}

func (p *progress) show(r explore.Progress) {
	if r.Elapsed < patience {
		return
	}
	p.line(fmt.Sprintf("%s: depth %d, %d states, %d transitions, %d waiting, %.0f MiB, %.0f s",
		p.name, r.Depth, r.States, r.Transitions, r.Waiting, float64(r.Memory)/(1<<20), r.Elapsed.Seconds()))
}

// done clears the redrawn line.
func (p *progress) done() { p.wipe() }
