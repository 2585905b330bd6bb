package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/lab"
	"github.com/ptcheck/ptcheck/systems/trial"
)

// replayFlags are the flags of replay.
type replayFlags struct {
	against string
	bits    int
	guest   string
	profile string
	rewrite bool
	report  reportFlags
}

func newReplay() *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay FILE...",
		Short: "Run scenario files: counterexamples and scripts of hypercalls",
		Long: `replay runs scenario files on the model and prints an answer for each
operation. Boot scenarios and those of an adversary name their system; a file
without one is a script of hypercalls for a guest on Xen.

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
	fl.IntVar(&f.bits, "bits", 0, "scripts of hypercalls: guest of 64 or 32 bits (default: as the recording says, else 64)")
	fl.StringVar(&f.guest, "guest", "", "scripts of hypercalls: kind of guest, instead of the one that the file says")
	completeFlag(cmd, "guest", model.GuestKinds)
	fl.StringVar(&f.profile, "profile", "", "scripts of hypercalls: hypervisor rules (default: xen-4.17)")
	completeFlag(cmd, "profile", profileNames)
	f.report.register(fl)
	completeFlag(cmd, "format", formatNames)
	fl.BoolVar(&f.rewrite, "rewrite", false, "write the answers into the files, as expected ones")
	return cmd
}

func (f *replayFlags) run(cmd *cobra.Command, names []string) error {
	w := cmd.OutOrStdout()
	if f.against != "" && len(names) > 1 {
		return fmt.Errorf("replay: --against goes with one file")
	}
	if f.bits != 0 && f.bits != 32 && f.bits != 64 {
		return fmt.Errorf("replay: --bits %d: want 32 or 64", f.bits)
	}
	profile, err := findProfile(f.profile)
	if err != nil {
		return err
	}
	if f.guest != "" {
		if _, err := model.ParseGuestKind(f.guest); err != nil {
			return fmt.Errorf("replay: --guest: %w", err)
		}
	}
	if err := f.report.check(false); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	t := newTask(cmd, "replay", len(names))
	defer t.done()
	out := w
	if f.report.format != "" {
		out = io.Discard // the report alone
	}
	bad := false
	var runs []reports.Run
	for i, name := range names {
		if t.interrupted() {
			t.clear()
			fmt.Fprintf(out, "interrupted: %d of %d files replayed\n", i, len(names))
			return errors.Join(f.report.write(w, runs), partial(bad))
		}
		p := &player{flags: f, profile: profile, name: name, out: out}
		t.clear()
		if err := p.play(); err != nil {
			return err
		}
		bad = bad || p.failed
		runs = append(runs, p.run())
		t.step(i+1, name)
	}
	if err := f.report.write(w, runs); err != nil {
		return err
	}
	if bad {
		return exitError(exitViolated)
	}
	return nil
}

// player runs one scenario file.
type player struct {
	flags   *replayFlags
	profile *model.Profile
	name    string
	out     io.Writer

	src     []byte
	file    *script.File
	lines   []string       // what was printed, answers and titles
	answers map[int]string // by line, counted from 1
	ended   *lab.End       // where the guest of a script of hypercalls ended, nil if it did not
	finding *reports.Finding
	failed  bool
	change  mutants.Change // what the file's mutant replaces
	expect  *trial.Verdict // how the file says that it ends, nil if it does not say
}

func (p *player) play() (err error) {
	if p.src, err = os.ReadFile(p.name); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if p.file, err = script.Parse(p.name, p.src); err != nil {
		// A recording may hold what the real guest says to a mistake.
		if _, name, e := p.recording(); e != nil || name == "" || p.world() != "" {
			return err
		}
	}
	p.answers = map[int]string{}
	if p.world() != "" {
		if p.flags.guest != "" {
			return fmt.Errorf("replay: --guest: %s is of system %s, and says itself what its guest is", p.name, p.world())
		}
		if p.change, p.expect, err = trial.ReadHeader(p.file); err != nil {
			return err
		}
	}
	switch p.world() {
	case "":
		err = p.hypercalls()
	case "adversary", "pvdp":
		err = p.adversary(system.RunAdversary)
	case "hyper":
		err = p.adversary(system.RunHostile)
	default:
		err = p.boot()
	}
	if err != nil {
		return err
	}
	for _, l := range p.lines {
		fmt.Fprintln(p.out, l)
	}
	if p.ended != nil {
		fmt.Fprintf(p.out, "the guest has ended at line %d: %s; nothing behind it was run\n", p.ended.Line, p.ended.Why)
	}
	return p.judge()
}

// world is the system that a file names, "" for a script of hypercalls.
func (p *player) world() string {
	for _, l := range p.file.Lines {
		if l.Op != nil && l.Op.Name == "system" && len(l.Op.Args) == 1 {
			return l.Op.Args[0].Word
		}
	}
	return ""
}

func (p *player) boot() error {
	play, err := system.Run(p.file, p.change.Apply(system.Options{}))
	if err != nil {
		return err
	}
	p.add(play.Answers)
	if play.Failed {
		p.finding, err = play.System.Explain(play.Init, play.Path)
	}
	return err
}

func (p *player) adversary(run func(*script.File, model.Mutant) (*system.AdversaryPlay, error)) error {
	play, err := run(p.file, p.change.Judge)
	if err != nil {
		return err
	}
	p.add(play.Answers)
	p.finding = play.Finding
	return nil
}

func (p *player) add(answers []system.Answer) {
	for _, a := range answers {
		p.answers[a.Line] = a.Text
		p.lines = append(p.lines, fmt.Sprintf("R %d %s = %s", a.Line, p.file.Lines[a.Line-1].Op, a.Text))
	}
}

// hypercalls runs a script on the guest of the recordings. A line that is no
// operation is answered as the real guest does.
func (p *player) hypercalls() error {
	c, err := lab.ConfigOf(p.file)
	if err != nil {
		return err
	}
	if want, _, err := p.recording(); err == nil && bytes.Contains(want, []byte("HELLO ptexec 3 levels")) {
		c.Bits = 32
	}
	if p.flags.bits != 0 {
		c.Bits = p.flags.bits
	}
	if p.flags.guest != "" {
		c.Guest, _ = model.ParseGuestKind(p.flags.guest) // looked at before
	}
	c.Profile = p.profile
	play, err := lab.Run(c, p.src)
	if err != nil {
		return err
	}
	p.lines, p.ended = answerLines(play.Lines), play.End
	if p.ended != nil {
		for i, a := range play.Answers(p.file)[p.ended.Line-1:] {
			if a != "" {
				p.answers[p.ended.Line+i] = a
			}
		}
	}
	for _, l := range p.lines {
		head, answer, ok := strings.Cut(l, " = ")
		word := strings.SplitN(head, " ", 3)
		if no, err := strconv.Atoi(word[min(1, len(word)-1)]); ok && err == nil && word[0] == "R" {
			p.answers[no] = answer
		}
	}
	return nil
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

// recording returns what to compare with and its name; an empty name if there
// is nothing.
func (p *player) recording() ([]byte, string, error) {
	if p.flags.against != "" {
		data, err := os.ReadFile(p.flags.against)
		if err != nil {
			return nil, "", fmt.Errorf("replay: --against: %w", err)
		}
		return data, p.flags.against, nil
	}
	beside := strings.TrimSuffix(p.name, filepath.Ext(p.name)) + ".out"
	data, err := os.ReadFile(beside)
	if err != nil || beside == p.name {
		return nil, "", nil
	}
	return data, beside, nil
}

// judge compares the answers with what is expected of them.
func (p *player) judge() error {
	if p.flags.rewrite {
		return p.rewriteFile()
	}
	expected := p.expectations()
	want, name, err := p.recording()
	if err != nil {
		return err
	}
	if err := p.verdict(); err != nil {
		return err
	}
	if name == "" && p.finding == nil && p.expect == nil && !p.hasExpectations() {
		fmt.Fprintln(p.out, "nothing to compare with: no expected answers, no recording")
	}
	if name != "" {
		p.compare(strings.Split(strings.TrimSuffix(string(want), "\n"), "\n"), name)
	}
	if p.finding == nil {
		return nil
	}
	p.failed = p.failed || !expected && p.expect == nil
	p.finding.Replay, p.finding.Scenario = "ptcheck replay "+p.name, string(p.src)
	fmt.Fprintln(p.out, strings.Repeat("-", 72))
	return reports.WriteFinding(p.out, p.finding, colored(p.out))
}

// expectations compares with the answers written in the file, and reports
// whether the last answer was an expected one.
func (p *player) expectations() (last bool) {
	for i, l := range p.file.Lines {
		got, ok := p.answers[i+1]
		if !ok {
			continue
		}
		last = l.HasWant
		if l.HasWant && l.Want != got && !p.failed {
			p.failed = true
			fmt.Fprintf(p.out, "%s:%d: want %s\n%s:%d: got  %s\n", p.name, i+1, l.Want, p.name, i+1, got)
		}
	}
	return last
}

func (p *player) hasExpectations() bool {
	return slices.ContainsFunc(p.file.Lines, func(l script.Line) bool { return l.HasWant })
}

// compare prints the first line that differs from a recording, with the lines
// before it.
func (p *player) compare(recorded []string, name string) {
	want := answerLines(recorded)
	for i := range max(len(want), len(p.lines)) {
		var w, g string
		if i < len(want) {
			w = want[i]
		}
		if i < len(p.lines) {
			g = p.lines[i]
		}
		if w == g {
			continue
		}
		p.failed = true
		fmt.Fprintf(p.out, "differs from %s:\n", name)
		for _, l := range want[max(0, min(i, len(want))-5):min(i, len(want))] {
			fmt.Fprintf(p.out, "  %s\n", l)
		}
		fmt.Fprintf(p.out, "- %s\n+ %s\n", w, g)
		return
	}
	fmt.Fprintf(p.out, "agrees with %s: %d answers\n", name, len(p.answers))
}

// rewriteFile writes the answers into the file as expected ones.
func (p *player) rewriteFile() error {
	for i := range p.file.Lines {
		l := &p.file.Lines[i]
		if got, ok := p.answers[i+1]; ok && l.Op != nil && l.Op.Spec != nil {
			l.Want, l.HasWant = got, true
		}
	}
	return writeWhole(p.name, script.Format(p.file))
}
