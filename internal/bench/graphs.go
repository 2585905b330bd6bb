package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// graph is PV-DP(frames, levels, slots), all of it or one state of each class of symmetric ones.
type graph struct {
	frames, levels, slots int
	symmetric             bool
}

// String is how a graph is written on the command line.
func (g graph) String() string {
	text := fmt.Sprintf("%d,%d,%d", g.frames, g.levels, g.slots)
	if g.symmetric {
		text += symmetry
	}
	return text
}

// symmetry stands behind a graph of which symmetric states are counted once.
const symmetry = "+symmetry"

// readGraphs reads graphs; none are those of docs/performance.md.
func readGraphs(args []string) ([]graph, error) {
	if len(args) == 0 {
		args = []string{"4,2,1", "4,3,1", "3,2,2", "5,2,1+symmetry"}
	}
	var list []graph
	for _, a := range args {
		var g graph
		_, err := fmt.Sscanf(a, "%d,%d,%d", &g.frames, &g.levels, &g.slots)
		g.symmetric = strings.HasSuffix(a, symmetry)
		if err != nil || g.String() != a {
			return nil, fmt.Errorf("graph %q: want FRAMES,LEVELS,SLOTS or FRAMES,LEVELS,SLOTS%s", a, symmetry)
		}
		list = append(list, g)
	}
	return list, nil
}

// rival is an entrant that searches a graph.
type rival struct {
	*entrant
	count func(*entrant) (states, transitions uint64, err error)
	// more is how many states it counts besides, for a start of its own.
	more uint64
}

// graphsTable is about PV-DP beside programs that were written for it.
func (b *bench) graphsTable() error {
	g := newGrid("graph", "program", "states", "transitions", "CPU s", "wall s", "M transitions per CPU s", "speed over C")
	var notes []string
	for _, x := range b.graphs {
		more, err := b.searchGraph(g, x)
		if err != nil {
			return fmt.Errorf("%v: %w", x, err)
		}
		notes = append(notes, more...)
	}
	if err := g.print(b.out); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "\n%s\n", strings.Join(notes, "\n"))
	return nil
}

// searchGraph adds rows for a graph. It returns how each peer was built and called, or what
// it lacks.
func (b *bench) searchGraph(g *grid, x graph) (notes []string, err error) {
	all, err := b.ours(x)
	if err != nil {
		return nil, err
	}
	// How large the graph is tells peers how large their tables must be.
	if err := all[0].once(); err != nil {
		return nil, err
	}
	states, _, err := all[0].count(all[0].entrant)
	if err != nil {
		return nil, err
	}
	all[0].forget()
	for _, p := range peers(x, states) {
		if tool := p.lacks(); tool != "" {
			notes = append(notes, fmt.Sprintf("* %v, %s: left out, there is no %s", x, p.name, tool))
			continue
		}
		r, how, err := p.choose(b)
		if err != nil {
			return nil, err
		}
		notes = append(notes, fmt.Sprintf("* %v, %s: `%s`", x, p.name, how))
		all = append(all, r)
	}
	var entrants []*entrant
	for _, r := range all {
		entrants = append(entrants, r.entrant)
	}
	if err := b.inTurn(b.runs, entrants); err != nil {
		return nil, err
	}
	return notes, compare(g, x, all)
}

// ours are the ways in which ptcheck searches a graph.
func (b *bench) ours(x graph) ([]*rival, error) {
	exe, err := b.program()
	if err != nil {
		return nil, err
	}
	var list []*rival
	for workers := range 2 {
		e := explore(exe, fmt.Sprintf("ptcheck, workers: %d", workers+1), fmt.Sprintf("%s --workers=%d", x.search(), workers+1))
		list = append(list, &rival{entrant: e, count: countVerdict})
	}
	return list, nil
}

// search is how ptcheck searches a graph.
func (g graph) search() string {
	args := fmt.Sprintf("pvdp --depth=0 --frames=%d --levels=%d --slots=%d", g.frames, g.levels, g.slots)
	if g.symmetric {
		args += " --symmetry=on"
	}
	return args
}

func countVerdict(e *entrant) (states, transitions uint64, err error) {
	v, err := e.verdict()
	return v.States, v.Transitions, err
}

// countBy finds counts in what a program printed last.
func countBy(states, transitions string) func(*entrant) (uint64, uint64, error) {
	return func(e *entrant) (uint64, uint64, error) {
		var n [2]uint64
		for i, pattern := range []string{states, transitions} {
			m := regexp.MustCompile(pattern).FindStringSubmatch(e.outs[len(e.outs)-1])
			if m == nil {
				return 0, 0, fmt.Errorf("%s: no count like %s", e.name, pattern)
			}
			var err error
			if n[i], err = strconv.ParseUint(m[1], 10, 64); err != nil {
				return 0, 0, fmt.Errorf("%s: %w", e.name, err)
			}
		}
		return n[0], n[1], nil
	}
}

// compare adds the rows of a graph. All programs must have found the same graph as the
// first.
func compare(g *grid, x graph, all []*rival) error {
	var wantStates, wantTransitions uint64
	cpuOfC := 0.0
	for _, r := range all {
		if r.name == cName {
			cpuOfC = median(r.cpu)
		}
	}
	for i, r := range all {
		states, transitions, err := r.count(r.entrant)
		if err != nil {
			return err
		}
		if i == 0 {
			wantStates, wantTransitions = states, transitions
		}
		// A start of its own has a way in and a way out.
		if states != wantStates+r.more || transitions != wantTransitions+2*r.more {
			return fmt.Errorf("%s counts %d states and %d transitions, %s %d and %d", r.name, states, transitions, all[0].name, wantStates, wantTransitions)
		}
		cpu, speed := median(r.cpu), "-"
		if cpuOfC > 0 {
			speed = "x" + digits(cpuOfC/cpu)
		}
		g.row(x, r.name, thousands(states), thousands(transitions), digits(cpu), digits(median(r.wall)), digits(float64(transitions)/cpu/1e6), speed)
	}
	return nil
}
