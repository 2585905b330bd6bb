package cli

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/ptcheck/ptcheck/systems/kernel"
)

// unfinished makes of a search that could not be finished, because a hook never returns,
// an error that tells the whole story, and saves the way there.
func (f *exploreFlags) unfinished(t *target, err error) error {
	var e *kernel.Stuck
	if !errors.As(err, &e) {
		return err
	}
	text := strings.TrimRight(e.Text(), "\n")
	if f.save == "" || e.Scenario() == nil {
		return errors.New(text)
	}
	name := filepath.Join(f.save, fmt.Sprintf("ptcheck-%s-stuck.pt", strings.ReplaceAll(t.title(), " ", "-")))
	if err := writeWhole(name, e.Scenario()); err != nil {
		return fmt.Errorf("%s\nexplore: --save: %w", text, err)
	}
	return fmt.Errorf("%s\nreplay: ptcheck replay %s", text, name)
}

// caught turns a panic into the exit of the program: what the code under test did that
// no verdict can come of is told in words, a fault of the checker with its stack.
func caught(r any, stderr io.Writer) int {
	err, ok := r.(error)
	var fickle *kernel.Fickle
	var gone *kernel.Gone
	if ok && (errors.As(err, &fickle) || errors.As(err, &gone)) {
		fmt.Fprintf(stderr, "ptcheck: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "ptcheck: a fault of the checker, please report it: %v\n%s", r, debug.Stack())
	return exitUsage
}
