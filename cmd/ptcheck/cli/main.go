// Package cli is the command line of ptcheck, as a library: [Main] with a list of
// systems is the whole program. It searches systems, boots recorded configurations,
// replays and shows scenarios, and writes reports.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/systems"
)

// Exit codes.
const (
	exitHolds    = 0 // holds as asked
	exitViolated = 1 // a rule is broken, the kernel crashed, or answers differ
	exitUsage    = 2 // bad input, an output that failed, or a fault of the checker
	exitStopped  = 3 // a limit that was not the question ended the run
)

// exitError ends the program with a code and nothing more to say.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Main carries out the command line of the program over a list of systems and returns
// its exit code. A program of one's own is
//
//	func main() { os.Exit(cli.Main(mine.System())) }
func Main(list ...systems.System) int {
	return run(untilSignal(), list, os.Args[1:], os.Stdout, os.Stderr)
}

// untilSignal returns a context that ends with the first signal; the second one
// kills.
func untilSignal() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), endingSignals()...)
	context.AfterFunc(ctx, stop)
	return ctx
}

// program is what the commands share.
type program struct {
	set    *systems.Set
	engine Engine // nil: searches are in this process
}

// run executes the command line and returns the exit code.
func run(ctx context.Context, list []systems.System, args []string, stdout, stderr io.Writer) int {
	return runWith(ctx, list, args, os.Stdin, stdout, stderr)
}

// runWith is run with a standard input.
func runWith(ctx context.Context, list []systems.System, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	out := &outlet{w: stdout}
	return new(program).main(ctx, list, func(p *program) *cobra.Command { return p.newRoot(out, stderr) }, args, stdin, out, stderr)
}

// main carries out a command line over a list of systems, once the systems are known to be
// good, and returns the exit code.
func (p *program) main(ctx context.Context, list []systems.System, newRoot func(*program) *cobra.Command, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		if r := recover(); r != nil {
			code = caught(r, stderr)
		}
	}()
	set, err := systems.NewSet(mutants.Bugs, list...)
	if err != nil {
		return exitCode(err, stderr)
	}
	out, ok := stdout.(*outlet)
	if !ok {
		out = &outlet{w: stdout}
	}
	p.set = set
	root := newRoot(p)
	root.SetOut(out)
	root.SetErr(stderr)
	root.SetArgs(args)
	root.SetIn(stdin)
	return exitCode(out.told(root.ExecuteContext(ctx)), stderr)
}

// exitCode turns the end of a command into the program's, and says what is wrong, a
// line for each error that was joined. An output that failed counts most.
func exitCode(err error, stderr io.Writer) int {
	code := exitHolds
	for _, e := range parts(err) {
		var silent exitError
		var dies *systems.BootDies
		switch {
		case errors.As(e, &silent):
			code = worse(code, int(silent))
			continue
		case errors.As(e, &dies):
			code = worse(code, exitViolated)
		default:
			code = exitUsage
		}
		fmt.Fprintf(stderr, "ptcheck: %s\n", plainly(e))
	}
	return code
}

// worse is the exit code that counts of two: 2 before 1 before 3 before 0.
func worse(a, b int) int {
	rank := func(code int) int { return [...]int{exitHolds: 0, exitViolated: 2, exitUsage: 3, exitStopped: 1}[code] }
	if rank(b) > rank(a) {
		return b
	}
	return a
}

// parts takes errors apart that were joined.
func parts(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() {
		return []error{err} // one sentence, with several causes perhaps
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, parts(e)...)
	}
	return out
}
