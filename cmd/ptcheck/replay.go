package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/fuzz/script"
	"github.com/ptcheck/ptcheck/fuzz/system"
	"github.com/ptcheck/ptcheck/reports"
)

func newReplay() *cobra.Command {
	return &cobra.Command{
		Use:     "replay FILE...",
		Short:   "Run scenario files again",
		Example: "  ptcheck replay ptcheck-xen-crash.pt",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			bad := false
			for _, name := range args {
				failed, err := replayFile(cmd.OutOrStdout(), name)
				if err != nil {
					return err
				}
				bad = bad || failed
			}
			if bad {
				return exitError(exitViolated)
			}
			return nil
		},
	}
}

// replayFile runs one scenario. failed says that a call went wrong where no
// other answer was expected, or that an answer differs from the expected one.
func replayFile(w io.Writer, name string) (failed bool, err error) {
	src, err := os.ReadFile(name)
	if err != nil {
		return false, fmt.Errorf("replay: %w", err)
	}
	f, err := script.Parse(name, src)
	if err != nil {
		return false, err
	}
	play, err := system.Run(f, system.Options{})
	if err != nil {
		return false, err
	}
	expected := true // every answer was expected to be what it is
	for _, a := range play.Answers {
		l := &f.Lines[a.Line-1]
		fmt.Fprintf(w, "R %d %s = %s\n", a.Line, l.Op, a.Text)
		switch {
		case l.HasWant && l.Want != a.Text:
			fmt.Fprintf(w, "%s:%d: want %s, got %s\n", name, a.Line, l.Want, a.Text)
			failed = true
		case !l.HasWant:
			expected = false
		}
	}
	if !play.Failed {
		return failed, nil
	}
	if !expected {
		failed = true
	}
	rep, err := play.System.Explain(play.Init, play.Path)
	if err != nil {
		return false, err
	}
	rep.Replay = "ptcheck replay " + name
	fmt.Fprintln(w, strings.Repeat("-", 72))
	return failed, reports.WriteText(w, rep)
}
