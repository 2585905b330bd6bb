package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// fate is what became of a change.
type fate int

const (
	invalid  fate = iota // it does not compile
	killed               // a test failed
	hung                 // a test ran out of time or memory
	survived             // nobody noticed
)

// judge runs the tests of one change after another.
type judge struct {
	root    string // of the module
	dir     string // for changed files and overlays
	limit   time.Duration
	stages  [][]string // packages that are tested together, those that notice first
	wrapper string     // what test binaries are run by
}

func newJudge(root string, limit time.Duration, stages []string) (*judge, error) {
	dir, err := os.MkdirTemp("", "stmtmutate")
	if err != nil {
		return nil, fmt.Errorf("stmtmutate: %w", err)
	}
	j := &judge{root: root, dir: dir, limit: limit}
	for _, s := range stages {
		j.stages = append(j.stages, strings.Fields(s))
	}
	if p, err := exec.LookPath("prlimit"); err == nil {
		// A change may make a loop endless, and have it allocate.
		j.wrapper = p + " --as=8589934592"
	}
	return j, nil
}

func (j *judge) close() { os.RemoveAll(j.dir) }

// overlay writes a changed file and the overlay that puts it in place of the
// original. No change at all is the zero site.
func (j *judge) overlay(s *site, src []byte) (string, error) {
	changed := filepath.Join(j.dir, "changed.go")
	table := map[string]map[string]string{"Replace": {}}
	if s != nil {
		table["Replace"][filepath.Join(j.root, s.File)] = changed
		if err := os.WriteFile(changed, s.changed(src), 0o644); err != nil {
			return "", fmt.Errorf("stmtmutate: %w", err)
		}
	}
	text, err := json.Marshal(table)
	if err != nil {
		return "", fmt.Errorf("stmtmutate: %w", err)
	}
	path := filepath.Join(j.dir, "overlay.json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return "", fmt.Errorf("stmtmutate: %w", err)
	}
	return path, nil
}

// try judges a change; by names the package whose test failed.
func (j *judge) try(s *site, src []byte) (f fate, by string, err error) {
	overlay, err := j.overlay(s, src)
	if err != nil {
		return invalid, "", err
	}
	if s != nil {
		build := exec.Command("go", "build", "-overlay", overlay, "./"+filepath.Dir(s.File))
		build.Dir = j.root
		if build.Run() != nil {
			return invalid, "", nil
		}
	}
	for _, packages := range j.stages {
		args := append([]string{"test", "-short", "-failfast", "-vet=off", "-overlay", overlay, "-timeout", j.limit.String(), "-exec", j.wrapper}, packages...)
		test := exec.Command("go", args...)
		test.Dir = j.root
		test.Env = append(os.Environ(), "RAPID_NOFAILFILE=true", "RAPID_SHRINKTIME=0s")
		out, err := test.CombinedOutput()
		if err == nil {
			continue
		}
		return fateOf(string(out)), failed(string(out)), nil
	}
	return survived, "", nil
}

// fateOf reads how a failing test run ended.
func fateOf(out string) fate {
	if strings.Contains(out, "panic: test timed out") || strings.Contains(out, "out of memory") || strings.Contains(out, "cannot allocate memory") {
		return hung
	}
	return killed
}

// failed is the first package that failed in the output of go test.
func failed(out string) string {
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, "FAIL\t"); ok {
			return strings.Fields(rest)[0]
		}
	}
	return "?"
}
