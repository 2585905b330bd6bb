package trial

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore/shrink"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/boot"
)

// guest is a scenario of a hostile guest.
type guest struct {
	world *guestWorld
	scope guestScope
	ops   []system.GuestOp
}

func newGuest(name, profile string, kind model.GuestKind, c mutants.Change, s guestScope, ops []system.GuestOp) *guest {
	return &guest{&guestWorld{name: name, profile: profile, kind: kind, change: c, open: map[guestScope]*system.AdversaryModel{}}, s, ops}
}

func (g *guest) system() string { return g.world.name }
func (g *guest) size() int      { return len(g.ops) }

func (g *guest) run() Verdict {
	_, v := g.world.run(g.scope, g.ops)
	return v
}

func (g *guest) under(c mutants.Change) scenario {
	return newGuest(g.world.name, g.world.profile, g.world.kind, c, g.scope, g.ops)
}

func (g *guest) text(headline string) ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\nsystem %s\nprofile %s\nscope frames %d\nscope levels %d\nscope slots %d\n",
		headline, g.world.name, g.world.profile, g.scope.frames, g.scope.levels, g.scope.slots)
	if g.world.kind != model.AnyGuest {
		fmt.Fprintf(&b, "guest %v\n", g.world.kind)
	}
	for _, o := range g.ops {
		fmt.Fprintln(&b, o)
	}
	return []byte(b.String()), nil
}

func (g *guest) explain() (*reports.Finding, error) {
	text, err := g.text("")
	if err != nil {
		return nil, err
	}
	f, err := script.Parse("scenario", text)
	if err != nil {
		return nil, err
	}
	play, err := system.RunAdversary(f, g.world.change.Judge)
	if err != nil {
		return nil, err
	}
	return play.Finding, nil
}

func (g *guest) shrink(want Verdict, tries int) (scenario, Shrunk, error) {
	if tries <= 0 {
		tries = 2_000_000
	}
	g.world.want = want
	r, err := shrink.Shrink(g.world, shrink.Input[guestScope, system.GuestOp]{Scope: g.scope, Ops: g.ops}, tries)
	if err != nil {
		return nil, Shrunk{}, fmt.Errorf("trial: %s: %w", g.world.name, err)
	}
	return &guest{g.world, r.Scope, r.Ops}, Shrunk{From: len(g.ops), To: len(r.Ops), Tries: r.Tries, Minimal: r.Minimal}, nil
}
