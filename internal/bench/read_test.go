package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestVerdicts(t *testing.T) {
	v, err := readVerdict(someVerdict)
	if err != nil || v.States != 40 || v.Transitions != 1300 || v.bytesPerState() != 20 {
		t.Errorf("%v, %+v", err, v)
	}
	if (&verdict{}).bytesPerState() != 0 {
		t.Error("bytes of no states")
	}
	for _, text := range []string{"", `{"verdict": "violated", "states": 1, "transitions": 1}`, `{"verdict": "holds"}`} {
		if _, err := readVerdict(text); err == nil {
			t.Errorf("%q was taken for a verdict", text)
		}
	}
	e := &entrant{name: "a", outs: []string{someVerdict, strings.Replace(someVerdict, "1300", "1301", 1)}}
	x, y := &entrant{outs: e.outs[:1]}, &entrant{outs: e.outs[1:]}
	if err := sameCounts(x, x); err != nil {
		t.Error(err)
	}
	if sameCounts(x, y) == nil || sameCounts(x, e) == nil || sameCounts(e, x) == nil {
		t.Error("counts that differ are the same")
	}
	x.name, x.cpu, y.outs, y.cpu = "a", []float64{2.6}, x.outs, []float64{1.3}
	if g, err := gains([]*entrant{x, y}); err != nil || fmt.Sprint(g.rows[1:]) != "[[`a` 2.60 1.30 x0.50]]" {
		t.Error(err, g)
	}
	if g, err := eachTransition([]*entrant{x}); err != nil || fmt.Sprint(g.rows[1:]) != "[[`a` 1,300 2.60 2000]]" {
		t.Error(err, g)
	}
	if _, err := e.verdict(); err == nil || err.Error() != "a: 40 states and 1301 transitions, before 40 and 1300" {
		t.Error(err)
	}
}

// TestBenchmarks reads two runs of go test.
func TestBenchmarks(t *testing.T) {
	outs := []string{
		"cpu: X\nBenchmarkBoot/a/plain         \t 3\t  70000000 ns/op\t  10000000 cpu-ns/op\nBenchmarkBoot/a/watched\t 3\t45 ns/op\t 45000000.5 cpu-ns/op\t 5 ns/step\nPASS\n",
		"BenchmarkBoot/a/plain-2 1 ns\nBenchmarkBoot/a/plain\t 3\t 1 ns/op\t 12000000 cpu-ns/op\nBenchmarkBoot/a/watched\t 3\t 1 ns/op\t 41000000 cpu-ns/op\n",
	}
	times, names := benchmarks(outs)
	if !slices.Equal(names, []string{"Boot/a/plain", "Boot/a/watched"}) || !slices.Equal(times["Boot/a/watched"], []float64{45000000.5, 41000000}) {
		t.Errorf("%q, %v", names, times)
	}
	g := newGrid("boot")
	if err := pairs(g, times, names); err != nil || fmt.Sprint(g.rows[1]) != "[`Boot/a` 10.0 41.0 x4.10]" {
		t.Errorf("%v, %q", err, g.rows)
	}
	for _, wrong := range [][]string{nil, {"Boot/b/plain"}, {"Boot/a/watched"}, append(names, "Boot/c")} {
		if err := pairs(newGrid(), times, wrong); err == nil {
			t.Errorf("%q were taken for pairs", wrong)
		}
	}
}

func TestExecutions(t *testing.T) {
	const progress = "fuzz: elapsed: 0s, gathering baseline coverage: 0/4 completed\n" +
		"fuzz: elapsed: 3s, execs: 1507 (502/sec), new interesting: 259 (total: 263)\n" +
		"fuzz: elapsed: 5s, execs: 3200 (843/sec), new interesting: 418 (total: 422)\n"
	e := &entrant{name: "a", asides: []string{progress}, wall: []float64{5}, cpu: []float64{4}}
	if wall, cpu, err := e.executions(); err != nil || wall != 640 || cpu != 800 {
		t.Error(wall, cpu, err)
	}
	e.asides[0] = "PASS"
	if _, _, err := e.executions(); err == nil {
		t.Error("executions of nothing")
	}
	for text, want := range map[string]bool{"": false, "context deadline exceeded": true, "context deadline exceeded\nFailing input written to": false} {
		if timeIsUp(text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
}

// TestCompare: peers that found another graph are no peers.
func TestCompare(t *testing.T) {
	count := countBy(`(\d+) states`, `(\d+) transitions`)
	with := func(name string, out string, more uint64) *rival {
		return &rival{entrant: &entrant{name: name, cpu: []float64{2}, wall: []float64{1}, outs: []string{out}}, count: count, more: more}
	}
	x := graph{frames: 4, levels: 2, slots: 1}
	mine, c := with("mine", "40 states, 4000000 transitions", 0), with(cName, "40 states, 4000000 transitions", 0)
	c.cpu[0] = 0.5
	g := newGrid()
	if err := compare(g, x, []*rival{mine, c, with("own start", "41 states, 4000002 transitions", 1)}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(g.rows[1:]); got != "[[4,2,1 mine 40 4,000,000 2.00 1.00 2.00 x0.25] [4,2,1 C, 1 thread 40 4,000,000 0.50 1.00 8.00 x1.00] [4,2,1 own start 41 4,000,002 2.00 1.00 2.00 x0.25]]" {
		t.Error(got)
	}
	g = newGrid()
	if err := compare(g, x, []*rival{mine}); err != nil || g.rows[1][7] != "-" {
		t.Errorf("%v, %q", err, g.rows)
	}
	for _, out := range []string{"41 states, 4000000 transitions", "40 states, 4000001 transitions", "", "99999999999999999999 states, 1 transitions"} {
		if err := compare(g, x, []*rival{mine, with("p", out, 0)}); err == nil {
			t.Errorf("%q is the same graph", out)
		}
	}
}

func TestGrid(t *testing.T) {
	g := newGrid("a", "b")
	g.row("x", 1)
	var out bytes.Buffer
	if err := g.print(&out); err != nil || out.String() != "| a | b |\n|---|---|\n| x | 1 |\n" {
		t.Errorf("%v, %q", err, &out)
	}
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 17776000: "17,776,000"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
	for x, want := range map[float64]string{0.123: "0.12", 1.2345: "1.23", 12.345: "12.3", 1234.5: "1234"} {
		if got := digits(x); got != want {
			t.Errorf("%g is %s", x, got)
		}
	}
	if got := median([]float64{5, 1, 9, 2}); got != 2 {
		t.Errorf("the median is %g", got)
	}
}
