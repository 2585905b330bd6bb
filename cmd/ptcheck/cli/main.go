// Package cli is the command line of ptcheck: it searches systems, boots recorded
// configurations, replays and shows scenarios, and writes reports.
package cli

import (
	"github.com/ptcheck/ptcheck/systems/life"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

)

// Exit codes.
const (
	exitHolds    = 0 // holds as asked
	exitViolated = 1 // a rule is broken, the kernel crashed, or answers differ
	exitUsage    = 2 // bad input, or a fault of the checker
	exitStopped  = 3 // a limit that was not the question ended the run
)

// exitError ends the program with a code and nothing more to say.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Main carries out the command line of the program and returns its exit code.
func Main() int { return run(untilSignal(), os.Args[1:], os.Stdout, os.Stderr) }

// untilSignal returns a context that ends with the first signal; the second one
// kills.
func untilSignal() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx
}

// run executes the command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		if r := recover(); r != nil {
			code = caught(r, stderr)
		}
	}()
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	return exitCode(root.ExecuteContext(ctx), stderr)
}

// exitCode turns the end of a command into the program's, and says what is wrong.
func exitCode(err error, stderr io.Writer) int {
	var code exitError
	var dies *life.BootDies
	switch {
	case err == nil:
		return exitHolds
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintf(stderr, "ptcheck: %v\n", err)
	if errors.As(err, &dies) {
		return exitViolated
	}
	return exitUsage
}
