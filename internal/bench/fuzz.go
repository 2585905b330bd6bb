package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// fuzzPackage has the targets that drive systems.
const fuzzPackage = "fuzz"

// fuzzTable is about executions of fuzz targets. What a target finds interesting is kept in a
// folder that is new for each run: else later runs would begin with more inputs.
func (b *bench) fuzzTable() error {
	exe := filepath.Join(b.dir, "fuzz.test")
	if err := b.build("the fuzz targets", "go", "test", "-c", "-fuzz", ".", "-o", exe, "./"+fuzzPackage); err != nil {
		return err
	}
	targets, err := fuzzTargets(exe)
	if err != nil {
		return err
	}
	var all []*entrant
	for _, t := range targets {
		all = append(all, &entrant{name: t, dir: fuzzPackage, forgives: timeIsUp})
	}
	for range b.runs {
		for _, e := range all {
			cache, err := os.MkdirTemp(b.dir, "inputs")
			if err != nil {
				return err
			}
			e.command = []string{exe, "-test.run=^$", "-test.fuzz=^" + e.name + "$", "-test.fuzztime=" + b.fuzzTime.String(),
				"-test.fuzzminimizetime=1x", "-test.parallel=1", "-test.fuzzcachedir=" + cache}
			if err := b.inTurn(1, []*entrant{e}); err != nil {
				return err
			}
		}
	}
	g := newGrid("target", "executions per second", "per CPU s")
	for _, e := range all {
		perWall, perCPU, err := e.executions()
		if err != nil {
			return err
		}
		g.row("`"+e.name+"`", thousands(uint64(perWall)), thousands(uint64(perCPU)))
	}
	return g.print(b.out)
}

// fuzzTargets are those of a test program.
func fuzzTargets(exe string) ([]string, error) {
	cmd := exec.Command(exe, "-test.list=^Fuzz")
	cmd.Dir = fuzzPackage
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", exe, err)
	}
	targets := strings.Fields(string(out))
	if len(targets) == 0 {
		return nil, errors.New("no fuzz targets")
	}
	return targets, nil
}

// timeIsUp reports whether fuzzing failed by its time alone: golang/go#75804.
func timeIsUp(output string) bool {
	return strings.Contains(output, "context deadline exceeded") && !strings.Contains(output, "Failing input written")
}

// executions are the medians per second of the clock and of CPU time, of whole runs: trying
// the inputs that a target begins with is part of them.
func (e *entrant) executions() (perWall, perCPU float64, err error) {
	var walls, cpus []float64
	for i, progress := range e.asides {
		n, err := executed(progress)
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", e.name, err)
		}
		walls, cpus = append(walls, n/e.wall[i]), append(cpus, n/e.cpu[i])
	}
	return median(walls), median(cpus), nil
}

// executed is how many inputs the last line of progress counts.
func executed(progress string) (float64, error) {
	all := regexp.MustCompile(`fuzz: elapsed: \S+, execs: (\d+) `).FindAllStringSubmatch(progress, -1)
	if len(all) == 0 {
		return 0, errors.New("no count of executions")
	}
	return strconv.ParseFloat(all[len(all)-1][1], 64)
}
