package main

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// options are the command line.
type options struct {
	root     string
	number   int
	seed     uint64
	packages []string
	stages   []string
	limit    time.Duration
	budget   time.Duration
	most     float64
}

func main() {
	o := options{}
	flag.StringVar(&o.root, "root", ".", "the module")
	flag.IntVar(&o.number, "n", 50, "number of changes to try")
	flag.Uint64Var(&o.seed, "seed", 1, "which changes")
	packages := flag.String("packages", "model hooks native xen invariants", "directories that are changed")
	stages := flag.String("tests", "./model,./hooks ./native ./xen ./invariants,./fuzz/property,./systems/boot ./fuzz/mutants,./traces/golden/record ./systems/lab",
		"packages whose tests are run: stages apart by commas, later ones only if the earlier ones notice nothing")
	flag.DurationVar(&o.limit, "timeout", 2*time.Minute, "for the tests of a package")
	flag.DurationVar(&o.budget, "budget", time.Hour, "no new change is tried after this time")
	flag.Float64Var(&o.most, "most", 100, "fail if more percent than this survive")
	flag.Parse()
	o.packages, o.stages = strings.Fields(*packages), strings.Split(*stages, ",")
	root, err := filepath.Abs(o.root)
	if err == nil {
		o.root = root
		err = run(o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run tries a sample of changes and reports.
func run(o options, w io.Writer) error {
	sites, err := allSites(o.root, o.packages)
	if err != nil {
		return err
	}
	rnd := rand.New(rand.NewPCG(o.seed, 0))
	rnd.Shuffle(len(sites), func(i, k int) { sites[i], sites[k] = sites[k], sites[i] })
	j, err := newJudge(o.root, o.limit, o.stages)
	if err != nil {
		return err
	}
	defer j.close()
	if f, by, err := j.try(nil, nil); err != nil || f != survived {
		return fmt.Errorf("stmtmutate: the tests fail without any change, in %s: %v", by, err)
	}
	fmt.Fprintf(w, "%d possible changes, seed %d\n", len(sites), o.seed)
	count := map[fate]int{}
	var left []site
	begin := time.Now()
	for _, s := range sites {
		if tried(count) == o.number || time.Since(begin) > o.budget {
			break
		}
		src, err := os.ReadFile(filepath.Join(o.root, s.File))
		if err != nil {
			return fmt.Errorf("stmtmutate: %w", err)
		}
		f, by, err := j.try(&s, src)
		if err != nil {
			return err
		}
		count[f]++
		if f != invalid {
			fmt.Fprintf(w, "%-8s %v  %s\n", [...]string{"", "killed", "hung", "SURVIVED"}[f], &s, by)
		}
		if f == survived {
			left = append(left, s)
		}
	}
	return report(o, w, count, left)
}

// tried is the number of changes that compile.
func tried(count map[fate]int) int { return count[killed] + count[hung] + count[survived] }

// report sums up.
func report(o options, w io.Writer, count map[fate]int, left []site) error {
	n := tried(count)
	if n == 0 {
		return fmt.Errorf("stmtmutate: no change was tried")
	}
	share := 100 * float64(count[survived]) / float64(n)
	fmt.Fprintf(w, "\n%d changes: %d killed, %d hung, %d survived (%.1f %%); %d more do not compile\n",
		n, count[killed], count[hung], count[survived], share, count[invalid])
	for i := range left {
		fmt.Fprintf(w, "  %v\n", &left[i])
	}
	if share > o.most {
		return fmt.Errorf("stmtmutate: %.1f %% survive, at most %.1f %% may", share, o.most)
	}
	return nil
}

// allSites lists the possible changes of directories, by name of file.
func allSites(root string, dirs []string) ([]site, error) {
	var all []site
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			return nil, fmt.Errorf("stmtmutate: %w", err)
		}
		if len(files) == 0 {
			return nil, fmt.Errorf("stmtmutate: no Go files in %s", dir)
		}
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			src, err := os.ReadFile(path)
			if err != nil {
				return nil, fmt.Errorf("stmtmutate: %w", err)
			}
			s, err := sitesOf(filepath.Join(dir, filepath.Base(path)), src)
			if err != nil {
				return nil, err
			}
			all = append(all, s...)
		}
	}
	return all, nil
}
