package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/recorded"
)

// judgeFlags are the flags of judge.
type judgeFlags struct {
	text   bool
	report reportFlags
}

func newJudge() *cobra.Command {
	var f judgeFlags
	cmd := &cobra.Command{
		Use:   "judge RECORDING...",
		Short: "Judge recorded boots of real kernels",
		Long: `judge reads recordings of real kernels and holds every store to a page table, load
of a root and flush against the rules that mean something for that kernel. It
goes on after a finding: it counts by rule, and tells of the first store that
broke each and of a few others, by the function that made them: what the entry
was before, who stored it and when, and the tables before and after.

A recording is what watch makes, or whoever writes its form (docs/recordings.md);
"-" is the standard input. A recording that missed stores gets no verdict: the
exit code is then 3. ptcheck show steps through a recording.`,
		Example: `  ptcheck judge testdata/recordings/amd64.rec.gz
  ptcheck judge --report out boot.rec.gz
  ptcheck judge --text boot.rec.gz | grep ' f1e94 '`,
		Args:              cobra.MinimumNArgs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
		ValidArgsFunction: completeFiles("gz", "rec"),
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.text, "text", false, "print the recordings in text, one event a line, and judge nothing")
	f.report.register(fl)
	completeFlag(cmd, "format", formatNames)
	return cmd
}

func (f *judgeFlags) run(cmd *cobra.Command, names []string) error {
	if err := f.report.check(false); err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	if f.text && (f.report.format != "" || f.report.dir != "") {
		return errors.New("judge: --text judges nothing, so there is nothing to report")
	}
	out := cmd.OutOrStdout()
	t := newTask(cmd, "judge", len(names))
	defer t.done()
	var runs []reports.Run
	var failed []error
	code := exitHolds
	for i, name := range names {
		open, err := opener(cmd.Context(), name, cmd.InOrStdin())
		if err != nil {
			failed = append(failed, fmt.Errorf("judge: %w", err))
			continue
		}
		if f.text {
			failed = append(failed, recorded.Text(out, name, open))
			continue
		}
		var j *recorded.Judgement
		if !during(cmd.Context(), func() { j, err = recorded.Judge(name, open) }) {
			return exitError(exitStopped)
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		t.clear()
		if f.report.format == "" {
			failed = append(failed, printJudgement(out, j))
		}
		runs = append(runs, j.Run())
		code = worse(code, exitOfJudgement(j))
		t.step(i+1, name)
	}
	if code != exitHolds {
		failed = append(failed, exitError(code))
	}
	return errors.Join(f.report.write(out, runs), errors.Join(failed...))
}

// exitOfJudgement is the exit code of a verdict.
func exitOfJudgement(j *recorded.Judgement) int {
	switch j.Verdict() {
	case reports.Holds:
		return exitHolds
	case reports.Violated:
		return exitViolated
	}
	return exitStopped
}

// printJudgement prints a verdict with its findings.
func printJudgement(out io.Writer, j *recorded.Judgement) error {
	for _, l := range j.Lines() {
		fmt.Fprintln(out, printable(l))
	}
	for _, x := range j.Findings {
		fmt.Fprintln(out)
		if err := reports.WriteFinding(out, x, colored(out)); err != nil {
			return err
		}
	}
	return nil
}

// mostRecording bounds what is read of the standard input or of a pipe, in bytes: it is
// kept, for a recording is read several times.
const mostRecording = 256 << 20

// opener opens a recording, as often as is asked for.
func opener(ctx context.Context, name string, stdin io.Reader) (recorded.Opener, error) {
	if name != "-" && isFile(name) {
		return func() (io.ReadCloser, error) { return os.Open(name) }, nil
	}
	var data []byte
	var err error
	if !during(ctx, func() { data, err = readPipe(name, stdin) }) {
		return nil, exitError(exitStopped)
	}
	if err == nil && len(data) > mostRecording {
		err = fmt.Errorf("%s: more than %d MiB from a pipe: give the recording as a file", name, mostRecording>>20)
	}
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }, err
}

// readPipe reads a pipe, or for the name "-" the standard input, as far as recordings go.
func readPipe(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(stdin, mostRecording+1))
	}
	in, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(io.LimitReader(in, mostRecording+1))
}

// isFile reports whether a name is one of an ordinary file, which can be opened again.
func isFile(name string) bool {
	i, err := os.Stat(name)
	return err == nil && i.Mode().IsRegular()
}
