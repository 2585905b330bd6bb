package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems"
)

// replayFlags are the flags of replay.
type replayFlags struct {
	set      *systems.Set
	settings *settingFlags
	against  string
	rewrite  bool
	report   reportFlags
}

func (p *program) newReplay() *cobra.Command {
	f := replayFlags{set: p.set, settings: newSettingFlags(adjustable(p.set))}
	cmd := &cobra.Command{
		Use:   "replay FILE...",
		Short: "Run scenario files: counterexamples and scripts of hypercalls",
		Long: `replay runs scenario files on the model and prints an answer for each
operation; "-" is the standard input. Boot scenarios and those of an adversary
name their system; a file without one is a script of hypercalls for a guest on
Xen.

Answers are compared with those that the file expects (written "#= ANSWER" on
the line of the operation) and with a recording: --against FILE, or the file of
the same name ending in .out. The first difference is printed with what precedes
it, and the exit code is 1.`,
		Example: `  ptcheck replay ptcheck-xen-crash.pt
  ptcheck replay testdata/xen-lab/scenarios/table64.txt
  ptcheck replay --rewrite my-scenario.pt`,
		Args:              cobra.MinimumNArgs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
		ValidArgsFunction: completeFiles("pt", "txt"),
	}
	fl := cmd.Flags()
	fl.StringVar(&f.against, "against", "", "recording to compare with")
	f.settings.register(cmd)
	f.report.register(fl)
	completeFlag(cmd, "format", formatNames)
	fl.BoolVar(&f.rewrite, "rewrite", false, "write the answers into the files, as expected ones")
	return cmd
}

// adjustable are the systems whose scenarios leave something to the command line.
func adjustable(set *systems.Set) []systems.System {
	var out []systems.System
	for _, x := range set.All() {
		if x.About().Unnamed {
			out = append(out, x)
		}
	}
	return out
}

func (f *replayFlags) run(cmd *cobra.Command, names []string) error {
	if err := f.check(names); err != nil {
		return err
	}
	t := newTask(cmd, "replay", len(names))
	defer t.done()
	out := cmd.OutOrStdout()
	if f.report.format != "" {
		out = io.Discard // the report alone
	}
	bad := false
	var runs []reports.Run
	var failed []error
	for i, name := range names {
		if t.interrupted() {
			t.clear()
			fmt.Fprintf(out, "interrupted: %d of %d files replayed\n", i, len(names))
			return errors.Join(f.report.write(cmd.OutOrStdout(), runs), errors.Join(failed...), partial(bad))
		}
		r := &replay{ctx: cmd.Context(), flags: f, name: name, stdin: cmd.InOrStdin(), out: out}
		t.clear()
		if err := r.run(); err != nil {
			failed = append(failed, err)
			continue
		}
		bad = bad || r.failed
		runs = append(runs, r.report())
		t.step(i+1, name)
	}
	if bad {
		failed = append(failed, exitError(exitViolated))
	}
	return errors.Join(f.report.write(cmd.OutOrStdout(), runs), errors.Join(failed...))
}

// check refuses flags that would not be used.
func (f *replayFlags) check(names []string) error {
	if f.against != "" && len(names) > 1 {
		return fmt.Errorf("replay: --against goes with one file")
	}
	if f.rewrite {
		if f.report.format != "" || f.report.dir != "" || f.against != "" {
			return fmt.Errorf("replay: --rewrite compares nothing and reports nothing: leave the other flags out")
		}
		for _, n := range names {
			if n == "-" {
				return fmt.Errorf("replay: --rewrite writes files, not the standard input")
			}
		}
	}
	if err := f.report.check(false); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if f.report.dir != "" {
		if err := wholefile.ProbeFolder(f.report.dir); err != nil {
			return fmt.Errorf("replay: --report: %w", err)
		}
	}
	return nil
}

// replay is the run of one scenario file.
type replay struct {
	ctx   context.Context
	flags *replayFlags
	name  string
	stdin io.Reader
	out   io.Writer

	src    []byte
	script *script.File
	file   *systems.File
	play   *systems.Play
	failed bool
}

func (r *replay) run() error {
	if err := r.read(); err != nil {
		return err
	}
	var err error
	if !during(r.ctx, func() { r.play, err = r.file.Play(systems.PlayOptions{Report: true, Place: true}) }) {
		return exitError(exitStopped)
	}
	if err != nil {
		return err
	}
	for _, l := range r.play.Printed {
		fmt.Fprintln(r.out, printable(l))
	}
	if e := r.play.End; e != nil {
		fmt.Fprintf(r.out, "the guest has ended at line %d: %s; nothing behind it was run\n", e.Line, e.Why)
	}
	if len(r.play.Answers) == 0 {
		return fmt.Errorf("%s: nothing was carried out", r.name)
	}
	if r.flags.rewrite {
		return r.rewrite()
	}
	return r.judge()
}

// read reads the file and makes its scenario.
func (r *replay) read() (err error) {
	if r.src, err = readInput(r.ctx, r.name, r.stdin); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if r.script, r.file, err = readScenario(r.flags.set, r.name, r.src, r.recording()); err != nil {
		return err
	}
	r.file, err = adjusted(r.flags.set, r.file, r.flags.settings.values())
	if err != nil {
		return fmt.Errorf("replay: %s: %w", r.name, err)
	}
	return nil
}

// readScenario parses a file and makes its scenario. A recording, which may be nil, may
// hold what the real guest says to a mistake: recorded scripts may have some.
func readScenario(set *systems.Set, name string, src []byte, recording []string) (*script.File, *systems.File, error) {
	parsed, err := script.Parse(name, src)
	if err != nil && (recording == nil || namesSystem(parsed)) {
		return nil, nil, err
	}
	parsed.Recording = recording
	f, err := set.Read(parsed)
	if err != nil {
		return nil, nil, err
	}
	return parsed, f, nil
}

// namesSystem reports whether a script names its system.
func namesSystem(f *script.File) bool {
	for _, l := range f.Lines {
		if l.Op != nil && l.Op.Name == "system" {
			return true
		}
	}
	return false
}

// adjusted is a file with what the command line says about it. A file that leaves
// nothing open refuses it.
func adjusted(set *systems.Set, f *systems.File, v systems.Values) (*systems.File, error) {
	if len(v) == 0 {
		return f, nil
	}
	x, err := set.Find(f.System())
	if err != nil {
		return nil, err
	}
	s, ok := f.Scenario.(systems.Adjustable)
	if !ok {
		for name := range v {
			return nil, fmt.Errorf("--%s means nothing to a scenario of system %s: it says itself what it runs on", name, f.System())
		}
	}
	if v, err = systems.CheckValues(x, v); err != nil {
		return nil, err
	}
	out := *f
	out.Scenario, err = s.Adjust(v)
	return &out, err
}

// beside is the name of the recording that belongs to the file.
func (r *replay) beside() string {
	if r.flags.against != "" {
		return r.flags.against
	}
	return strings.TrimSuffix(r.name, filepath.Ext(r.name)) + ".out"
}

// recording is what a real guest printed, by lines; nil if there is no recording.
func (r *replay) recording() []string {
	if !r.recorded() {
		return nil
	}
	text, err := os.ReadFile(r.beside())
	if err != nil {
		return nil // comparing with it reports that
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// recorded reports whether there is a recording.
func (r *replay) recorded() bool {
	_, err := os.Stat(r.beside())
	return err == nil && r.beside() != r.name
}

// judge compares the answers with what is expected of them, and how it ended with the
// file's line "expect".
func (r *replay) judge() error {
	compared := r.expectations()
	last := false // the last answer was an expected one
	if n := len(r.play.Answers); n > 0 {
		_, last = r.file.Wants(r.play.Answers[n-1].Line)
	}
	if r.recorded() {
		compared = true
		if err := r.compare(); err != nil {
			return err
		}
	} else if r.flags.against != "" {
		_, err := os.ReadFile(r.flags.against)
		return fmt.Errorf("replay: --against: %w", err)
	}
	if r.file.Expect != nil {
		compared = true
		r.verdict()
	}
	if r.play.Finding == nil {
		if !compared && !r.failed {
			fmt.Fprintln(r.out, "nothing to compare with: no expected answers, no recording")
		}
		return nil
	}
	r.failed = r.failed || !last && r.file.Expect == nil
	f := r.play.Finding
	f.Replay, f.Scenario = command()+" replay "+r.name, string(r.src)
	fmt.Fprintln(r.out, strings.Repeat("-", 72))
	return reports.WriteFinding(r.out, f, colored(r.out))
}

// expectations compares with the answers written in the file, and reports whether
// there are any.
func (r *replay) expectations() (some bool) {
	var wrong *systems.AnswerError
	if errors.As(r.file.Check(r.play), &wrong) {
		r.failed = true
		fmt.Fprintf(r.out, "%s:%d: want %s\n%s:%d: got  %s\n", r.name, wrong.Line, printable(wrong.Want), r.name, wrong.Line, printable(wrong.Got))
	}
	return r.file.HasWants()
}

// verdict compares how the scenario ended with what its line "expect" says.
func (r *replay) verdict() {
	got, want := r.play.Verdict, *r.file.Expect
	if !got.Meets(want) {
		r.failed = true
		fmt.Fprintf(r.out, "%s: ends as %q, expected is %q\n", r.name, got, want)
		return
	}
	fmt.Fprintf(r.out, "ends as expected: %v\n", got)
}

// compare prints the first line that differs from the recording, with the lines before
// it.
func (r *replay) compare() error {
	recorded, err := os.ReadFile(r.beside())
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	want, got := answerLines(strings.Split(strings.TrimSuffix(string(recorded), "\n"), "\n")), r.play.Printed
	for i := range max(len(want), len(got)) {
		w, g := lineAt(want, i), lineAt(got, i)
		if w == g {
			continue
		}
		r.failed = true
		fmt.Fprintf(r.out, "differs from %s:\n", r.beside())
		for _, l := range want[max(0, min(i, len(want))-5):min(i, len(want))] {
			fmt.Fprintf(r.out, "  %s\n", printable(l))
		}
		fmt.Fprintf(r.out, "- %s\n+ %s\n", printable(w), printable(g))
		return nil
	}
	fmt.Fprintf(r.out, "agrees with %s: %d answers\n", r.beside(), len(r.play.Answers))
	return nil
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// answerLines leaves out what describes the machine.
func answerLines(lines []string) []string {
	var out []string
	for _, l := range lines {
		if !strings.HasPrefix(l, "HELLO ") && !strings.HasPrefix(l, "I ") {
			out = append(out, l)
		}
	}
	return out
}

// rewrite writes the answers into the file as expected ones.
func (r *replay) rewrite() error {
	for _, a := range r.play.Answers {
		if l := &r.script.Lines[a.Line-1]; l.Op != nil && l.Op.Spec != nil {
			l.Want, l.HasWant = a.Text, true
		}
	}
	return wholefile.Write(r.name, script.Format(r.script))
}

// report turns the run into a run of a report.
func (r *replay) report() reports.Run {
	out := reports.Run{System: r.file.System(), Title: filepath.Base(r.name), Verdict: reports.Holds, Findings: []*reports.Finding{}}
	out.Summary = fmt.Sprintf("%d answers, nothing wrong", len(r.play.Answers))
	if r.failed {
		out.Verdict, out.Summary = reports.Differs, fmt.Sprintf("%d answers, not as expected", len(r.play.Answers))
	}
	if f := r.play.Finding; f != nil {
		out.Verdict, out.Summary = f.Verdict(), f.Headline()
		out.Findings = append(out.Findings, f)
	}
	return out
}
