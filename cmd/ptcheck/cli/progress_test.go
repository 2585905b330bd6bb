package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/ptcheck/ptcheck/model/explore"
)

// TestProgressLeft wants an estimate of the time that is left where one can be had, by what ends
// the search first, and words that say so where not.
func TestProgressLeft(t *testing.T) {
	bell := []uint64{1, 10, 60, 200, 400, 480, 350, 150}
	for _, x := range []struct {
		opt  explore.Options
		last explore.Progress
		want string
	}{
		{explore.Options{}, explore.Progress{States: 1651, Waiting: 150, Levels: bell}, "about 1 s left"},
		{explore.Options{}, explore.Progress{States: 1651, Waiting: 1500, Levels: bell[:3]}, "no estimate of the rest"},
		{explore.Options{Depth: 3}, explore.Progress{States: 71, Waiting: 60, Levels: bell[:3]}, "about 55 s left"},
		{explore.Options{MaxStates: 10_000}, explore.Progress{States: 1651, Waiting: 1500}, "about 51 s left"},
		{explore.Options{Timeout: time.Hour}, explore.Progress{States: 1651, Waiting: 1500}, "about 60 min left"},
		{explore.Options{Timeout: 100 * time.Hour, MaxStates: 1 << 60}, explore.Progress{States: 1651}, "days left"},
	} {
		var out bytes.Buffer
		p := &progress{display: display{w: &out}, name: "s", opt: x.opt}
		p.show(explore.Progress{States: 1, Waiting: 1, Elapsed: 1})
		x.last.Elapsed = 10*time.Second + 1
		if x.opt.Timeout > time.Hour {
			x.last.Elapsed = 2
			p.first.States, p.first.Elapsed = 1650, 1
		}
		if got := p.left(&x.last); !strings.Contains(got, x.want) {
			t.Errorf("%+v: %q, want %q", x.last, got, x.want)
		}
	}
}

// TestProgressLine has a line of a search: what it says first is what matters most.
func TestProgressLine(t *testing.T) {
	var out bytes.Buffer
	p := &progress{display: display{w: &out}, name: "native"}
	p.show(explore.Progress{States: 10, Waiting: 5, Depth: 2, Transitions: 40, Memory: 3 << 20, Elapsed: 2 * time.Second})
	const want = "native: depth 2, 10 states, 2 s, no estimate of the rest, 5 waiting, 3 MiB, 40 transitions\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
