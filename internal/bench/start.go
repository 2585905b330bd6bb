package main

// startTable is about a program that does nothing but start. One start is too short for a
// clock that ticks in milliseconds, so there are many.
func (b *bench) startTable() error {
	const starts = 20
	exe, err := b.program()
	if err != nil {
		return err
	}
	e := &entrant{name: "ptcheck --version", command: []string{exe, "--version"}}
	if err := b.inTurn(starts*b.runs, []*entrant{e}); err != nil {
		return err
	}
	g := newGrid("", "starts", "CPU ms", "wall ms")
	g.row("`"+e.name+"`", len(e.cpu), digits(1e3*median(e.cpu)), digits(1e3*median(e.wall)))
	return g.print(b.out)
}
