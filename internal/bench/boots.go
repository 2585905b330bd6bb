package main

import (
	"bufio"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// bootBenchmarks are benchmarks of boots. Each ends in /plain and /watched.
func bootBenchmarks() []struct{ pkg, pattern string } {
	return []struct{ pkg, pattern string }{
		{"traces/golden/record", "^BenchmarkBoot$"},
		{"systems/boot", "^BenchmarkRealBoot$/./.*/1024MiB"},
	}
}

// bootsTable is about boots: those that were recorded of the original code, and later kernels
// on machines of 1 GiB. What the collector of garbage costs is part of it.
func (b *bench) bootsTable() error {
	var all []*entrant
	for _, x := range bootBenchmarks() {
		exe := filepath.Join(b.dir, strings.ReplaceAll(x.pkg, "/", "-")+".test")
		if err := b.build("the tests of "+x.pkg, "go", "test", "-c", "-o", exe, "./"+x.pkg); err != nil {
			return err
		}
		all = append(all, &entrant{name: x.pkg, dir: x.pkg,
			command: []string{exe, "-test.run=^$", "-test.bench=" + x.pattern, "-test.benchtime=3x", "-test.cpu=1"}})
	}
	if err := b.inTurn(b.runs, all); err != nil {
		return err
	}
	g := newGrid("boot", "bare, CPU ms", "watched, CPU ms", "watched over bare")
	for _, e := range all {
		times, names := benchmarks(e.outs)
		if err := pairs(g, times, names); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
	}
	return g.print(b.out)
}

// benchmarks are the nanoseconds of CPU time of an operation that go test printed, one a run,
// by name, and the names in their order.
func benchmarks(outs []string) (times map[string][]float64, names []string) {
	line := regexp.MustCompile(`^Benchmark(\S+)\s+\d+\s.*\s([0-9.]+) cpu-ns/op`)
	times = map[string][]float64{}
	for _, out := range outs {
		for s := bufio.NewScanner(strings.NewReader(out)); s.Scan(); {
			m := line.FindStringSubmatch(s.Text())
			if m == nil {
				continue
			}
			ns, err := strconv.ParseFloat(m[2], 64)
			if err != nil {
				continue
			}
			if times[m[1]] == nil {
				names = append(names, m[1])
			}
			times[m[1]] = append(times[m[1]], ns)
		}
	}
	return times, names
}

// pairs adds a row for each two benchmarks that differ in who watches.
func pairs(g *grid, times map[string][]float64, names []string) error {
	found := 0
	for _, n := range names {
		if path.Base(n) != "plain" {
			continue
		}
		watched := times[path.Dir(n)+"/watched"]
		if watched == nil {
			return fmt.Errorf("%s: nobody watches the same", n)
		}
		plain, seen := median(times[n]), median(watched)
		g.row("`"+path.Dir(n)+"`", digits(plain/1e6), digits(seen/1e6), "x"+digits(seen/plain))
		found++
	}
	if 2*found != len(names) || found == 0 {
		return fmt.Errorf("%d pairs in %d benchmarks", found, len(names))
	}
	return nil
}
