package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// entrant is a program that is measured, and what came of its runs.
type entrant struct {
	name    string
	dir     string // "" for the current one
	command []string
	// forgives reports whether a failure is none; nil forgives nothing.
	forgives func(output string) bool

	cpu, wall []float64 // seconds, one a run
	outs      []string  // what it printed, one a run
	asides    []string  // what it printed as errors
}

// inTurn runs all entrants so often, one after the other in each round.
func (b *bench) inTurn(runs int, all []*entrant) error {
	for range runs {
		for _, e := range all {
			if err := e.once(); err != nil {
				return err
			}
		}
	}
	return nil
}

// once runs an entrant. What it and the processes that it waited for used is counted.
func (e *entrant) once() error {
	cmd := exec.Command(e.command[0], e.command[1:]...)
	cmd.Dir = e.dir
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if err != nil && (cmd.ProcessState == nil || e.forgives == nil || !e.forgives(out.String()+problems.String())) {
		return fmt.Errorf("%s: %s: %w\n%s%s", e.name, strings.Join(e.command, " "), err, tail(out.String()), tail(problems.String()))
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	e.cpu, e.wall = append(e.cpu, used.Seconds()), append(e.wall, wall.Seconds())
	e.outs, e.asides = append(e.outs, out.String()), append(e.asides, problems.String())
	return nil
}

// tail is the end of a text, which is where programs say what went wrong.
func tail(s string) string {
	const most = 2000
	return s[max(0, len(s)-most):]
}

// build runs a command that makes something, and tells. Its output is part of the error.
func (b *bench) build(what, name string, args ...string) error {
	fmt.Fprintf(b.log, "bench: building %s\n", what)
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, tail(string(out)))
	}
	return nil
}

// median is that of numbers, the lower one of two in the middle.
func median(numbers []float64) float64 {
	s := slices.Sorted(slices.Values(numbers))
	return s[(len(s)-1)/2]
}

// fastest tries entrants that do the same three times, in turn, and returns the one that
// needed the least CPU time, as if it had not run yet.
func (b *bench) fastest(same []*entrant) (*entrant, error) {
	if err := b.inTurn(3, same); err != nil {
		return nil, err
	}
	best := leastCPU(same)
	best.forget()
	return best, nil
}

// forget makes an entrant one that has not run yet.
func (e *entrant) forget() { e.cpu, e.wall, e.outs, e.asides = nil, nil, nil, nil }

// leastCPU is the entrant that needed the least CPU time.
func leastCPU(all []*entrant) *entrant {
	return slices.MinFunc(all, func(x, y *entrant) int { return cmp.Compare(median(x.cpu), median(y.cpu)) })
}
