// Command bench prints the tables of docs/performance.md. From the top of the project:
//
//	go run ./internal/bench [-n 5] [-only graphs,start] [-large] [GRAPH...]
//
// The programs of a table are run in turn, each so often, and their medians are printed: a
// machine that is busy with other things is so for all of them. CPU seconds are those of
// the processes. What a tool is missing for is left out, and that is said. A GRAPH is
// FRAMES,LEVELS,SLOTS of PV-DP, with +symmetry behind it where only symmetry is wanted.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// table is one that can be printed.
type table struct {
	name, title string
	print       func(*bench) error
}

// tables are all, in the order of docs/performance.md.
func tables() []table {
	return []table{
		{"graphs", "PV-DP graphs, beside the peers", (*bench).graphsTable},
		{"searches", "Searches of the other systems", (*bench).searchesTable},
		{"transitions", "One transition of a kernel system, 1 worker", (*bench).transitionsTable},
		{"boots", "Boots that all rules watch, over bare ones", (*bench).bootsTable},
		{"fuzz", "Fuzz targets, one worker", (*bench).fuzzTable},
		{"profile", "Release builds, with their profile over without it, 1 worker", (*bench).profileTable},
		{"start", "Starting the program", (*bench).startTable},
	}
}

// bench is what is asked for, and where things are.
type bench struct {
	runs     int
	large    bool
	fuzzTime time.Duration
	graphs   []graph
	only     []table
	out, log io.Writer
	dir      string // for what is built
	ptcheck  string // the program, "" until it is built
	plain    string // the same without the profile of release builds
}

func main() {
	dir, err := os.MkdirTemp("", "ptcheck-bench")
	if err == nil {
		defer os.RemoveAll(dir)
		b := &bench{out: os.Stdout, log: os.Stderr, dir: dir}
		if err = b.parse(os.Args[1:]); err == nil {
			err = b.run()
		}
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.RemoveAll(dir)
		os.Exit(2)
	}
}

// parse reads the command line.
func (b *bench) parse(args []string) error {
	var names []string
	for _, t := range tables() {
		names = append(names, t.name)
	}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(b.log)
	f.IntVar(&b.runs, "n", 5, "runs of each program")
	only := f.String("only", strings.Join(names, ","), "tables to print")
	f.BoolVar(&b.large, "large", false, "make the searches that take minutes, too")
	f.DurationVar(&b.fuzzTime, "fuzztime", 10*time.Second, "for one run of a fuzz target")
	if err := f.Parse(args); err != nil {
		return err
	}
	if b.runs < 1 {
		return fmt.Errorf("-n %d: want at least one run", b.runs)
	}
	for name := range strings.SplitSeq(*only, ",") {
		i := slices.Index(names, name)
		if i < 0 {
			return fmt.Errorf("-only %s: there are %s", name, strings.Join(names, ", "))
		}
		b.only = append(b.only, tables()[i])
	}
	var err error
	b.graphs, err = readGraphs(f.Args())
	return err
}

// run prints the tables.
func (b *bench) run() error {
	if _, err := os.Stat("internal/bench"); err != nil {
		return fmt.Errorf("run it from the top of the project: %w", err)
	}
	for _, t := range b.only {
		fmt.Fprintf(b.out, "## %s\n\nMedians of %d.\n\n", t.title, b.runs)
		if err := t.print(b); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		fmt.Fprintln(b.out)
	}
	return nil
}

// program is ptcheck as it is released, built once.
func (b *bench) program() (string, error) {
	if b.ptcheck == "" {
		exe := filepath.Join(b.dir, "ptcheck")
		if err := b.build("ptcheck", ".ci/release", exe); err != nil {
			return "", err
		}
		b.ptcheck = exe
	}
	return b.ptcheck, nil
}
