package main

import (
	"fmt"
	"path/filepath"
)

// profileTable is about what the profile gains that release builds are compiled with.
func (b *bench) profileTable() error {
	with, err := b.program()
	if err != nil {
		return err
	}
	if b.plain == "" {
		exe := filepath.Join(b.dir, "ptcheck-plain")
		if err := b.build("ptcheck without its profile", "env", "PROFILE=off", ".ci/release", exe); err != nil {
			return err
		}
		b.plain = exe
	}
	list := append(kernelSearches(), hyperSearch)
	for _, x := range b.graphs {
		list = append(list, x.search())
	}
	var all []*entrant
	for _, args := range list {
		all = append(all, explore(b.plain, args, args+" --workers=1"), explore(with, args, args+" --workers=1"))
	}
	if err := b.inTurn(b.runs, all); err != nil {
		return err
	}
	g, err := gains(all)
	if err != nil {
		return err
	}
	return g.print(b.out)
}

// gains compares searches, of which each comes without the profile and then with it.
func gains(all []*entrant) (*grid, error) {
	g := newGrid("`explore`", "CPU s without", "CPU s with", "with over without")
	for i := 0; i < len(all); i += 2 {
		if err := sameCounts(all[i], all[i+1]); err != nil {
			return nil, err
		}
		before, after := median(all[i].cpu), median(all[i+1].cpu)
		g.row("`"+all[i].name+"`", digits(before), digits(after), "x"+digits(after/before))
	}
	return g, nil
}

// sameCounts: an optimised program finds what the other one does.
func sameCounts(x, y *entrant) error {
	a, err := x.verdict()
	if err != nil {
		return err
	}
	b, err := y.verdict()
	if err != nil {
		return err
	}
	if a.States != b.States || a.Transitions != b.Transitions {
		return fmt.Errorf("%s: %d states and %d transitions, with the profile %d and %d", x.name, a.States, a.Transitions, b.States, b.Transitions)
	}
	return nil
}
