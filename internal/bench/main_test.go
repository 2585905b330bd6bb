package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test program stand in for programs that are measured: what it prints and
// how it ends is in its environment.
func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv("BENCH_TEST_PRINTS"); ok {
		fmt.Print(text)
		fmt.Fprint(os.Stderr, "aside")
		if os.Getenv("BENCH_TEST_FAILS") != "" {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// standIn has children of the test print a text instead of testing.
func standIn(t *testing.T, prints string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("BENCH_TEST_PRINTS", prints)
	return exe
}

const someVerdict = `{"verdict": "holds", "states": 40, "transitions": 1300, "systems": [
	{"states": 30, "bytes_per_state": 10}, {"states": 10, "bytes_per_state": 50}]}`

// TestWhole prints tables of a program that needs no time, where no peer can be built.
func TestWhole(t *testing.T) {
	exe := standIn(t, someVerdict)
	t.Chdir("../..")
	t.Setenv("PATH", "")
	var out bytes.Buffer
	b := &bench{out: &out, log: &out, dir: t.TempDir(), ptcheck: exe, plain: exe}
	if err := b.parse([]string{"-n", "2", "-only", "graphs,searches,transitions,profile,start", "4,2,1", "5,2,1+symmetry"}); err != nil {
		t.Fatal(err)
	}
	if err := b.run(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"## PV-DP graphs, beside the peers\n\nMedians of 2.\n\n| graph | program |",
		"| 4,2,1 | ptcheck, workers: 1 | 40 | 1,300 | 0.0",
		"* 4,2,1, C, 1 thread: left out, there is no gcc\n",
		"* 4,2,1, SPIN, exact: left out, there is no spin\n",
		"| 5,2,1+symmetry | ptcheck, workers: 2 | 40 |",
		"| `hyper` | 40 | 1,300 |", " | 20.0 |\n",
		"\nSearches that take minutes were left out: -large.\n",
		"| `life-smp --depth=4 --preemptions=1` | 1,300 | 0.0",
		"| `pvdp --depth=0 --frames=5 --levels=2 --slots=1 --symmetry=on` | 0.0", " | x",
		"| `ptcheck --version` | 40 |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in:\n%s", want, &out)
		}
	}
	for _, wrong := range []string{"5,2,1+symmetry, SPIN", "`" + largeSearches()[0] + "`"} {
		if strings.Contains(out.String(), wrong) {
			t.Errorf("there is %q in:\n%s", wrong, &out)
		}
	}
}

// TestFailures: a child that fails is an error which shows what it said.
func TestFailures(t *testing.T) {
	exe := standIn(t, "context deadline exceeded")
	t.Setenv("BENCH_TEST_FAILS", "yes")
	b := &bench{}
	e := &entrant{name: "a", command: []string{exe}}
	if err := b.inTurn(1, []*entrant{e}); err == nil || !strings.Contains(err.Error(), "exceeded") || !strings.Contains(err.Error(), "aside") || len(e.cpu) != 0 {
		t.Errorf("%v, %d runs", err, len(e.cpu))
	}
	e.forgives = timeIsUp
	if err := b.inTurn(2, []*entrant{e}); err != nil || len(e.wall) != 2 || e.outs[1] != "context deadline exceeded" || e.asides[0] != "aside" {
		t.Errorf("%v, %+v", err, e)
	}
	if err := b.inTurn(1, []*entrant{{command: []string{exe + "-is-not-there"}, forgives: timeIsUp}}); err == nil {
		t.Error("a program that is not there was run")
	}
	var log bytes.Buffer
	b.log = &log
	if err := b.build("it", exe); err == nil || !strings.Contains(err.Error(), "exceeded") || log.String() != "bench: building it\n" {
		t.Errorf("%v, %q", err, &log)
	}
}

// TestInTurn: each round runs all, and the fastest is the one that needs the least CPU time
// in the middle.
func TestInTurn(t *testing.T) {
	exe := standIn(t, "")
	b := &bench{}
	x, y := &entrant{name: "x", command: []string{exe}}, &entrant{name: "y", command: []string{exe}}
	if err := b.inTurn(3, []*entrant{x, y}); err != nil || len(x.cpu) != 3 || len(y.wall) != 3 {
		t.Error(err, x, y)
	}
	x.cpu = []float64{5, 1, 9}
	y.cpu = []float64{4, 0, 40}
	if got := leastCPU([]*entrant{x, y}); got != y {
		t.Errorf("%s is the fastest", got.name)
	}
	if got, err := b.fastest([]*entrant{x}); err != nil || got != x || x.cpu != nil || x.outs != nil {
		t.Errorf("%v, %+v", err, got)
	}
}

func TestCommandLine(t *testing.T) {
	var log bytes.Buffer
	for _, x := range []struct{ args, want string }{
		{"", "5 false 10s [4,2,1 4,3,1 3,2,2 5,2,1+symmetry] graphs searches transitions boots fuzz profile start"},
		{"-n 2 -large -fuzztime 1s -only start,graphs 2,1,1", "2 true 1s [2,1,1] start graphs"},
		{"-n 0", "-n 0: want at least one run"},
		{"-only a", "-only a: there are graphs, searches, transitions, boots, fuzz, profile, start"},
		{"4,2", `graph "4,2": want FRAMES,LEVELS,SLOTS or FRAMES,LEVELS,SLOTS+symmetry`},
		{"4,2,1,1", `graph "4,2,1,1": want FRAMES,LEVELS,SLOTS or FRAMES,LEVELS,SLOTS+symmetry`},
		{"-b", "flag provided but not defined: -b"},
	} {
		b := &bench{log: &log}
		got := ""
		if err := b.parse(strings.Fields(x.args)); err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprint(b.runs, " ", b.large, " ", b.fuzzTime.Round(time.Second), " ", b.graphs)
			for _, o := range b.only {
				got += " " + o.name
			}
		}
		if got != x.want {
			t.Errorf("%s: %s, want %s", x.args, got, x.want)
		}
	}
	if err := (&bench{}).run(); err == nil {
		t.Error("it ran elsewhere than at the top of the project")
	}
}

// TestPeers: each way is built and tried, and what is said of the chosen one is how it was made.
func TestPeers(t *testing.T) {
	exe := standIn(t, "7 states, stored 8 transitions")
	x := graph{frames: 4, levels: 2, slots: 1}
	list := peers(x, 248384)
	if len(list) != 2 || len(list[0].ways) != 2 || len(list[1].ways) != 6 {
		t.Fatalf("%+v", list)
	}
	for i, want := range map[int]string{0: "-m248386 -w18", 5: "-m248386 -w20"} {
		if got := list[1].ways[i].args; got != want {
			t.Errorf("way %d of SPIN: %s, want %s", i, got, want)
		}
	}
	var built []string
	p := list[1]
	p.build = func(_ *bench, compiler string) (string, error) {
		built = append(built, compiler)
		return exe, nil
	}
	p.ways = p.ways[:2]
	r, how, err := p.choose(&bench{})
	if err != nil || len(built) != 1 || !strings.HasPrefix(how, built[0]+" -m248386 -w") || len(r.cpu) != 0 || r.more != 1 {
		t.Fatalf("%v, %q, %s, %+v", err, built, how, r)
	}
	if err := r.once(); err != nil {
		t.Fatal(err)
	}
	if states, transitions, err := r.count(r.entrant); err != nil || states != 7 || transitions != 8 {
		t.Error(states, transitions, err)
	}
	p.build = func(*bench, string) (string, error) { return "", os.ErrNotExist }
	if _, _, err := p.choose(&bench{}); err == nil {
		t.Error("a peer that could not be built was chosen")
	}
}
