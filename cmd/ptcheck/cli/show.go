package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/ptcheck/ptcheck/cmd/ptcheck/show"
	"github.com/ptcheck/ptcheck/internal/columns"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/recorded"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// showFlags are the flags of show.
type showFlags struct {
	step     string
	watch    []string
	walk     []string
	table    []string
	frames   bool
	set      *systems.Set
	settings *settingFlags
}

func (p *program) newShow() *cobra.Command {
	f := showFlags{set: p.set, settings: newSettingFlags(adjustable(p.set))}
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Step through a scenario: every store, walk, table and frame",
		Long: `show runs a scenario file and steps through it: on to the next step inside a call,
back, to any call or step, on to where a rule is broken, a function is entered or
a frame changes; it prints what each store writes and changes, the source of the
code, the walk of an address, the entries of a table, the frames by role, and
tells when a watched frame or address changes.

At the prompt, help lists the commands. Commands may also come from a pipe, one a
line; the exit code is then 2 if one of them was wrong. With --step, --watch,
--walk, --table or --frames there is no prompt: show goes to the step (the end, if
none is named), tells what the watches saw on the way, and prints what is asked
for there.

Places are N, the end of call N, and N.M, step M inside it; 0 is the start of the
day. Addresses are 0x..., fix:N (a fixmap index), a frame such as f3 (its place in
the direct map), or s0... (pool pages of a script of hypercalls).`,
		Example: `  ptcheck show ptcheck-xen-crash.pt
  ptcheck show --step 2.1 --walk f1 --table f5 ptcheck-xen-crash.pt
  ptcheck show --watch f5 --watch fix:2 scenario.pt
  echo 'goto 3' | ptcheck show scenario.pt`,
		Args:              cobra.ExactArgs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
		ValidArgsFunction: completeFiles("pt", "txt"),
	}
	fl := cmd.Flags()
	fl.StringVar(&f.step, "step", "", "go to call N or to its step N.M, and end there")
	fl.StringArrayVar(&f.watch, "watch", nil, "tell when this frame or address changes (may be repeated)")
	fl.StringArrayVar(&f.walk, "walk", nil, "print the walk of this address (may be repeated)")
	fl.StringArrayVar(&f.table, "table", nil, "print the entries of this frame (may be repeated)")
	fl.BoolVar(&f.frames, "frames", false, "list the frames that have a role")
	f.settings.register(cmd)
	return cmd
}

func (f *showFlags) run(cmd *cobra.Command, name string) error {
	file, err := openFile(cmd, f.set, name)
	if err != nil {
		return err
	}
	if file, err = adjusted(f.set, file, f.settings.values()); err != nil {
		return fmt.Errorf("show: %s: %w", name, err)
	}
	out := &lateWriter{w: cmd.OutOrStdout()}
	s, err := show.New(out, file)
	if err != nil {
		return err
	}
	if lines := f.lines(); lines != nil {
		for _, l := range lines {
			if err := s.Do(l); err != nil {
				return fmt.Errorf("show: %w", err)
			}
		}
		return nil
	}
	if in, ok := cmd.InOrStdin().(*os.File); ok && term.IsTerminal(int(in.Fd())) {
		return prompt(cmd.Context(), in, out, s)
	}
	return listen(cmd, s)
}

// openFile opens a scenario file, or a recording of a real kernel.
func openFile(cmd *cobra.Command, set *systems.Set, name string) (*systems.File, error) {
	if isRecording(name) {
		open, err := opener(cmd.Context(), name, nil)
		if err != nil {
			return nil, err
		}
		var file *systems.File
		if !during(cmd.Context(), func() { file, err = recorded.Open(name, open) }) {
			return nil, exitError(exitStopped)
		}
		return file, err
	}
	src, err := readInput(cmd.Context(), name, cmd.InOrStdin())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cmd.Name(), err)
	}
	_, file, err := readScenario(set, name, src, nil)
	return file, err
}

// isRecording reports whether a file says that it is a recording of a real kernel.
func isRecording(name string) bool {
	if !isFile(name) {
		return false // a pipe has been read then
	}
	in, err := os.Open(name)
	if err != nil {
		return false // whoever reads it says so
	}
	defer in.Close()
	head := make([]byte, 4096)
	n, _ := io.ReadFull(in, head)
	return kernel.IsRecording(head[:n])
}

// lines are the commands that the flags stand for, nil if they ask for a prompt.
func (f *showFlags) lines() []string {
	var lines []string
	for _, w := range f.watch {
		lines = append(lines, "watch "+w)
	}
	if f.step != "" {
		lines = append(lines, "goto "+f.step)
	} else if len(f.watch)+len(f.walk)+len(f.table) > 0 || f.frames {
		lines = append(lines, "last")
	}
	for _, w := range f.walk {
		lines = append(lines, "walk "+w)
	}
	for _, t := range f.table {
		lines = append(lines, "table "+t)
	}
	if f.frames {
		lines = append(lines, "frames")
	}
	return lines
}

// listen takes commands from a pipe.
func listen(cmd *cobra.Command, s *show.Session) error {
	lines, failed := make(chan string), make(chan error, 1)
	go func() {
		defer close(lines)
		in := bufio.NewScanner(cmd.InOrStdin())
		for in.Scan() {
			select {
			case lines <- in.Text():
			case <-cmd.Context().Done():
				return
			}
		}
		failed <- in.Err()
	}()
	wrong := false
	for n := 1; ; n++ {
		var line string
		var more bool
		select {
		case line, more = <-lines:
		case <-cmd.Context().Done():
			return exitError(exitStopped)
		}
		if !more {
			break
		}
		err := s.Do(line)
		if errors.Is(err, show.ErrQuit) {
			return endOf(wrong)
		}
		if err != nil {
			wrong = true
			fmt.Fprintf(cmd.ErrOrStderr(), "ptcheck: show: command %d: %v\n", n, err)
		}
	}
	if err := <-failed; err != nil {
		return fmt.Errorf("show: %w", err)
	}
	return endOf(wrong)
}

// endOf is the exit of a list of commands.
func endOf(wrong bool) error {
	if wrong {
		return exitError(exitUsage)
	}
	return nil
}

// lateWriter writes to whatever it is set to: a terminal in raw mode needs its own
// line ends.
type lateWriter struct{ w io.Writer }

// Write implements io.Writer.
func (l *lateWriter) Write(p []byte) (int, error) { return l.w.Write(p) }

// prompt takes commands from a terminal, with editing, history and completion.
func prompt(ctx context.Context, in *os.File, out *lateWriter, s *show.Session) (err error) {
	old, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return fmt.Errorf("show: %w", err)
	}
	defer func() { err = errors.Join(err, term.Restore(int(in.Fd()), old)) }()
	// Nothing wakes a read from a terminal: whoever ends the program from outside
	// gets the terminal back as it was.
	stop := context.AfterFunc(ctx, func() {
		_ = term.Restore(int(in.Fd()), old) // the exit code says that it was ended
		os.Exit(exitStopped)
	})
	defer stop()
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, out.w}, "(show) ")
	t.AutoCompleteCallback = func(line string, at int, key rune) (string, int, bool) { return complete(t, s, line, at, key) }
	out.w = t
	if width, height, err := term.GetSize(int(in.Fd())); err == nil && width > 0 && height > 0 {
		_ = t.SetSize(width, height) // only the look of long lines depends on it
		s.Fit(width)
	}
	fmt.Fprintln(t, "help lists the commands, an empty line goes on by a step")
	if err := s.Do("where"); err != nil {
		return err
	}
	for {
		line, err := t.ReadLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("show: %w", err)
		}
		switch err := s.Do(line); {
		case errors.Is(err, show.ErrQuit):
			return nil
		case err != nil:
			fmt.Fprintln(t, err)
		}
	}
}

// complete completes the last word of a line at the tabulator key. Where several words
// fit it lists them.
func complete(out io.Writer, s *show.Session, line string, at int, key rune) (string, int, bool) {
	if key != '\t' || at != len(line) {
		return "", 0, false
	}
	done, words := s.Complete(line)
	if done == line && len(words) > 1 {
		for _, l := range columns.Fold(strings.Join(words, "  "), "", "", columns.Width) {
			fmt.Fprintln(out, l)
		}
	}
	return done, len(done), done != line
}
