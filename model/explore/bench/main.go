//go:build unix

// Command bench measures ptcheck beside its peers on PV-DP graphs: a hand-written
// C search and SPIN's exact depth-first search. It builds all of them, runs them
// in turn so often, and prints the medians per CPU second.
//
//	go run ./model/explore/bench [-n 5] [4,2,1 3,2,2 ...]
//
// It needs gcc, python3 and, for SPIN, Debian's package spin; what is missing is
// left out and said so. The peers' sources are in the folder peers.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// program is something that searches a graph.
type program struct {
	name  string
	build func(b *bench, g graph) ([]string, error) // returns the command to time
	// states and transitions find the counts in what the command prints.
	states, transitions *regexp.Regexp
}

// graph is PV-DP(frames, levels, slots).
type graph struct{ frames, levels, slots int }

func (g graph) String() string { return fmt.Sprintf("%d,%d,%d", g.frames, g.levels, g.slots) }

// bench holds where things are.
type bench struct {
	peers, dir string
	runs       int
}

func main() {
	runs := flag.Int("n", 5, "runs of each program")
	flag.Parse()
	graphs := []graph{{4, 2, 1}, {4, 3, 1}, {3, 2, 2}}
	if flag.NArg() > 0 {
		graphs = nil
		for _, a := range flag.Args() {
			var g graph
			if _, err := fmt.Sscanf(a, "%d,%d,%d", &g.frames, &g.levels, &g.slots); err != nil {
				fatal(fmt.Errorf("graph %q: want FRAMES,LEVELS,SLOTS", a))
			}
			graphs = append(graphs, g)
		}
	}
	dir, err := os.MkdirTemp("", "ptcheck-bench")
	if err != nil {
		fatal(err)
	}
	defer os.RemoveAll(dir)
	b := &bench{peers: "model/explore/bench/peers", dir: dir, runs: *runs}
	if err := run(dir, "go", "build", "-o", filepath.Join(dir, "ptcheck"), "./cmd/ptcheck"); err != nil {
		fatal(fmt.Errorf("run it from the top of the project: %w", err))
	}
	for _, g := range graphs {
		b.measure(g)
	}
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(2)
}

// run executes a command and returns its output as part of the error.
func run(_ string, name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}

// timing is one run of a command.
type timing struct{ cpu, wall time.Duration }

// measure times all programs on a graph, in turn, and prints a table.
func (b *bench) measure(g graph) {
	fmt.Printf("PV-DP(%v), medians of %d\n", g, b.runs)
	fmt.Printf("  %-28s %9s %11s %8s %8s %14s %14s %7s\n", "program", "states", "transitions", "cpu s", "wall s", "kstates/cpu s", "Mtrans/cpu s", "MiB")
	type entrant struct {
		program
		command []string
		times   []timing
		out     string
		peak    int64
	}
	var all []*entrant
	for _, p := range programs() {
		c, err := p.build(b, g)
		if err != nil {
			fmt.Printf("  %-28s left out: %v\n", p.name, err)
			continue
		}
		all = append(all, &entrant{program: p, command: c})
	}
	for range b.runs {
		for _, e := range all {
			t, out, peak, err := timed(e.command)
			if err != nil {
				fatal(fmt.Errorf("%s: %w", e.name, err))
			}
			e.times, e.out, e.peak = append(e.times, t), out, max(e.peak, peak)
		}
	}
	for _, e := range all {
		cpu := median(e.times, func(t timing) time.Duration { return t.cpu })
		wall := median(e.times, func(t timing) time.Duration { return t.wall })
		states, transitions := number(e.states, e.out), number(e.transitions, e.out)
		fmt.Printf("  %-28s %9.0f %11.0f %8.2f %8.2f %14.0f %14.2f %7d\n", e.name, states, transitions,
			cpu, wall, states/cpu/1e3, transitions/cpu/1e6, e.peak>>10)
	}
	fmt.Println()
}

func median(ts []timing, of func(timing) time.Duration) float64 {
	var d []time.Duration
	for _, t := range ts {
		d = append(d, of(t))
	}
	slices.Sort(d)
	return d[len(d)/2].Seconds()
}

func number(re *regexp.Regexp, out string) float64 {
	m := re.FindStringSubmatch(out)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return 0
	}
	return n
}

// programs lists ptcheck and its peers.
func programs() []program {
	mine := func(args ...string) func(*bench, graph) ([]string, error) {
		return func(b *bench, g graph) ([]string, error) {
			return append([]string{filepath.Join(b.dir, "ptcheck"), "explore", "pvdp", "--depth=0", "--json",
				fmt.Sprintf("--frames=%d", g.frames), fmt.Sprintf("--levels=%d", g.levels), fmt.Sprintf("--slots=%d", g.slots)}, args...), nil
		}
	}
	states, transitions := regexp.MustCompile(`"states": (\d+)`), regexp.MustCompile(`"transitions": (\d+)`)
	return []program{
		{"ptcheck, 1 worker", mine("--workers=1"), states, transitions},
		{"ptcheck, 2 workers", mine("--workers=2"), states, transitions},
		{"ptcheck, symmetry, 1 worker", mine("--workers=1", "--symmetry=on"), states, transitions},
		{"C, exact, 1 thread", buildC("-DNT=1"), regexp.MustCompile(`distinct=(\d+)`), regexp.MustCompile(`edges=(\d+)`)},
		{"C, symmetry, 1 thread", buildC("-DNT=1", "-DSYM=2"), regexp.MustCompile(`distinct=(\d+)`), regexp.MustCompile(`edges=(\d+)`)},
		{"SPIN, embedded C, exact", buildSPIN, regexp.MustCompile(`(\d+) states, stored`), regexp.MustCompile(`(\d+) transitions`)},
	}
}

func buildC(flags ...string) func(*bench, graph) ([]string, error) {
	return func(b *bench, g graph) ([]string, error) {
		exe := filepath.Join(b.dir, "dp"+strings.ReplaceAll(g.String(), ",", "-")+strings.Join(flags, ""))
		args := append([]string{"-O3", "-march=native", fmt.Sprintf("-DN=%d", g.frames), fmt.Sprintf("-DL=%d", g.levels),
			fmt.Sprintf("-DE=%d", g.slots), "-o", exe, filepath.Join(b.peers, "dp.c"), "-lpthread"}, flags...)
		return []string{exe}, run("", "gcc", args...)
	}
}

// buildSPIN writes the Promela model with embedded C, has SPIN make a verifier
// and compiles it. The depth bound must exceed the graph's.
func buildSPIN(b *bench, g graph) ([]string, error) {
	if _, err := exec.LookPath("spin"); err != nil {
		return nil, fmt.Errorf("install Debian's package spin")
	}
	dir, err := os.MkdirTemp(b.dir, "spin")
	if err != nil {
		return nil, err
	}
	gen, err := exec.Command("python3", filepath.Join(b.peers, "gen.py"), strconv.Itoa(g.frames), strconv.Itoa(g.levels), strconv.Itoa(g.slots), "--mode=c").Output()
	if err != nil {
		return nil, fmt.Errorf("gen.py: %w", err)
	}
	head, err := os.ReadFile(filepath.Join(b.peers, "hyp.h"))
	if err != nil {
		return nil, err
	}
	for name, text := range map[string][]byte{"m.pml": gen, "hyp.h": head} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return nil, err
		}
	}
	// spin complains of side effects in guards, which are meant, and exits with an
	// error; what counts is that it writes the verifier.
	for _, c := range []string{"spin -a m.pml >spin.log 2>&1; test -s pan.c", "gcc -O2 -w -DSAFETY -DNOFAIR -DMEMLIM=5800 -o pan pan.c"} {
		cmd := exec.Command("sh", "-c", c)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w: %s", c, err, out)
		}
	}
	return []string{filepath.Join(dir, "pan"), "-m4000000", "-w20"}, nil
}
