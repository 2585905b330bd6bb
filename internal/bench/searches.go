package main

import (
	"fmt"
	"strings"
)

// kernelSearches search the kernel systems, as far as takes a second or so.
func kernelSearches() []string {
	return []string{
		"native --depth=0", "xen --depth=0", "buffer --depth=0", "topdown --depth=0",
		"life-native --depth=6", "life-xen --depth=6", "life-smp --depth=4 --preemptions=1",
	}
}

// hyperSearch searches all scopes of hostile guests.
const hyperSearch = "hyper"

// largeSearches take minutes.
func largeSearches() []string {
	return []string{"native --lowmem=12 --depth=0", "xen --stale=11 --depth=0", "xen --stale=12 --depth=0"}
}

// searchesTable is about whole searches with two workers.
func (b *bench) searchesTable() error {
	list := append(kernelSearches(), hyperSearch)
	if b.large {
		list = append(list, largeSearches()...)
	}
	all, err := b.explored(list, "--workers=2")
	if err != nil {
		return err
	}
	g := newGrid("`explore`", "states", "transitions", "CPU s", "wall s, 2 workers", "bytes a state")
	for _, e := range all {
		v, err := e.verdict()
		if err != nil {
			return err
		}
		g.row("`"+e.name+"`", thousands(v.States), thousands(v.Transitions), digits(median(e.cpu)), digits(median(e.wall)), digits(v.bytesPerState()))
	}
	if err := g.print(b.out); err != nil {
		return err
	}
	if !b.large {
		fmt.Fprintln(b.out, "\nSearches that take minutes were left out: -large.")
	}
	return nil
}

// transitionsTable is about what one transition costs: decoding, the kernel's code, every
// rule at every step, encoding, and what trying out refusals and interrupts costs.
func (b *bench) transitionsTable() error {
	all, err := b.explored(kernelSearches(), "--workers=1")
	if err != nil {
		return err
	}
	g, err := eachTransition(all)
	if err != nil {
		return err
	}
	return g.print(b.out)
}

// eachTransition divides the time of searches by their transitions.
func eachTransition(all []*entrant) (*grid, error) {
	g := newGrid("`explore`", "transitions", "CPU s", "us of CPU a transition")
	for _, e := range all {
		v, err := e.verdict()
		if err != nil {
			return nil, err
		}
		cpu := median(e.cpu)
		g.row("`"+e.name+"`", thousands(v.Transitions), digits(cpu), digits(1e6*cpu/float64(v.Transitions)))
	}
	return g, nil
}

// explored makes searches, in turn.
func (b *bench) explored(list []string, flag string) ([]*entrant, error) {
	exe, err := b.program()
	if err != nil {
		return nil, err
	}
	var all []*entrant
	for _, args := range list {
		all = append(all, explore(exe, args, args+" "+flag))
	}
	return all, b.inTurn(b.runs, all)
}

// explore is an entrant that searches. Nothing that it finds is saved.
func explore(exe, name, args string) *entrant {
	return &entrant{name: name, command: append([]string{exe, "explore", "--json", "--save="}, strings.Fields(args)...)}
}
