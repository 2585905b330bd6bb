package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/fuzz/corpus"
	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/systems"
)

// corpusFlags are the flags of the commands below corpus.
type corpusFlags struct {
	set     *systems.Set
	dir     string
	junit   string
	mutants bool
	target  string
	mutant  string
	output  string
	tries   int
}

func (p *program) newCorpus() *cobra.Command {
	f := corpusFlags{set: p.set}
	cmd := &cobra.Command{
		Use:   "corpus",
		Short: "Scenarios that must never be forgotten: run, add, import, shrink",
		Long: `corpus keeps scenario files that say how they must end, by a line "expect
VERDICT", and with which planted bug, by a line "mutant ID".`,
		Example: `  ptcheck corpus run
  ptcheck corpus add ptcheck-xen-crash.pt`,
	}
	cmd.PersistentFlags().StringVar(&f.dir, "dir", "fuzz/corpus", "folder of the corpus")
	cmd.AddCommand(f.runCommand(), f.addCommand(), f.importCommand(), f.shrinkCommand())
	return cmd
}

func (f *corpusFlags) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run [FILE...]",
		Short: "Check that every scenario ends as it must",
		Long: `run carries out all scenarios of the corpus, or the given files, each with its
mutant and without. The exit code is 1 if one does not end as it must, 2 if one
cannot be used.`,
		Example: `  ptcheck corpus run --junit=corpus.xml`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if len(args) == 0 {
				if args, err = corpus.Files(f.dir); err != nil {
					return err
				}
			}
			if f.junit != "" {
				if err := wholefile.Probe(f.junit); err != nil {
					return fmt.Errorf("corpus: --junit: %w", err)
				}
			}
			results := corpus.Run(cmd.Context(), f.set, args)
			err = writeCorpus(cmd.OutOrStdout(), results, len(args))
			if f.junit != "" {
				err = errors.Join(err, f.writeJUnit(results))
			}
			return err
		},
	}
	cmd.Flags().StringVar(&f.junit, "junit", "", "also write the results to this file in JUnit's format")
	return cmd
}

func (f *corpusFlags) writeJUnit(results []corpus.Result) error {
	var out bytes.Buffer
	if err := corpus.WriteJUnit(&out, results); err != nil {
		return fmt.Errorf("corpus: --junit: %w", err)
	}
	if err := wholefile.Write(f.junit, out.Bytes()); err != nil {
		return fmt.Errorf("corpus: --junit: %w", err)
	}
	return nil
}

// writeCorpus prints a line for each file and a summary; the error is the exit
// code.
func writeCorpus(w io.Writer, results []corpus.Result, asked int) error {
	failed, bad := 0, 0
	for _, r := range results {
		switch {
		case r.Err != nil:
			bad++
			fmt.Fprintf(w, "BAD   %s\n", plainly(r.Err))
		case r.Failure != "":
			failed++
			fmt.Fprintf(w, "FAIL  %s\n", printable(r.Failure))
		default:
			note := ""
			if r.Mutant != "" {
				note = " with mutant " + r.Mutant
			}
			fmt.Fprintf(w, "ok    %s: %v%s\n", r.Name, r.Verdict, note)
		}
	}
	fmt.Fprintf(w, "%d files: %d pass, %d fail, %d cannot be used\n", len(results), len(results)-failed-bad, failed, bad)
	if len(results) < asked {
		fmt.Fprintf(w, "interrupted: %d of %d files carried out\n", len(results), asked)
	}
	switch {
	case bad > 0:
		return exitError(exitUsage)
	case failed > 0:
		return exitError(exitViolated)
	case len(results) < asked:
		return exitError(exitStopped)
	}
	return nil
}

func (f *corpusFlags) addCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add FILE...",
		Short: "Shrink scenarios and file them under canonical names",
		Long: `add carries a scenario out, shrinks it if something goes wrong, notes how it ends
as what is expected of it, and files it in the corpus. With --mutants it writes
the files of the mutant catalogue anew.`,
		Example: `  ptcheck corpus add ptcheck-xen-crash.pt
  ptcheck corpus add --mutants`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.mutants == (len(args) > 0) {
				return fmt.Errorf("corpus: add: want files or --mutants")
			}
			if f.mutants {
				paths, err := corpus.AddMutants(cmd.Context(), f.set, f.dir)
				fmt.Fprintf(cmd.OutOrStdout(), "%d files of mutants in %s\n", len(paths), f.dir)
				return err
			}
			for _, name := range args {
				t, err := f.read(cmd, name)
				if err != nil {
					return err
				}
				if err := f.add(cmd.OutOrStdout(), t); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&f.mutants, "mutants", false, "write the files of all mutants")
	f.triesFlag(cmd)
	return cmd
}

func (f *corpusFlags) triesFlag(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.tries, "tries", 0, "largest number of tries to shrink (default: as many as take seconds)")
}

// read reads a scenario file.
func (f *corpusFlags) read(cmd *cobra.Command, name string) (*systems.File, error) {
	src, err := readInput(cmd.Context(), name, cmd.InOrStdin())
	if err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	return f.set.Parse(name, src)
}

// add files a scenario and says where.
func (f *corpusFlags) add(w io.Writer, t *systems.File) error {
	a, err := corpus.Add(f.set, f.dir, t, f.tries)
	if err != nil {
		return err
	}
	what := "filed"
	if a.Known {
		what = "known already"
	}
	fmt.Fprintf(w, "%s: %s (%d operations, %d before shrinking, %d tries)\nreplay: %s replay %s\n",
		a.Path, what, a.Shrunk.To, a.Shrunk.From, a.Shrunk.Tries, command(), a.Path)
	return nil
}

func (f *corpusFlags) importCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "File what a fuzzer or a property test has found",
		Long: `import reads a file of Go's fuzzing (testdata/fuzz/TARGET/NAME) or the output of a
property test that prints its operations as lines of a scenario, and adds it.`,
		Example: `  ptcheck corpus import fuzz/testdata/fuzz/FuzzXenBoot/a1b2c3d4e5f60718`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				src, err := os.ReadFile(name)
				if err != nil {
					return fmt.Errorf("corpus: %w", err)
				}
				t, err := corpus.Import(f.set, name, src, f.target, f.mutant)
				if err != nil {
					return err
				}
				if err := f.add(cmd.OutOrStdout(), t); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&f.target, "target", "", "fuzz target (default: the name of the file's folder)")
	cmd.Flags().StringVar(&f.mutant, "mutant", "", "ID of the mutant that it was found with")
	f.triesFlag(cmd)
	return cmd
}

func (f *corpusFlags) shrinkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "shrink FILE",
		Short: "Make a scenario that goes wrong small",
		Long: `shrink removes calls, simplifies what is left and looks for a smaller start of day,
as long as the same rule is broken or the same function dies in the same way.`,
		Example: `  ptcheck corpus shrink ptcheck-xen-crash.pt --output=small.pt`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.output != "" {
				if err := wholefile.Probe(f.output); err != nil {
					return fmt.Errorf("corpus: --output: %w", err)
				}
			}
			t, err := f.read(cmd, args[0])
			if err != nil {
				return err
			}
			small, how, err := t.Shrink(f.tries)
			if err != nil {
				return err
			}
			text := small.Text()
			fmt.Fprintf(cmd.ErrOrStderr(), "%d operations, %d before, %d tries, minimal: %t\n", how.To, how.From, how.Tries, how.Minimal)
			if f.output != "" {
				return wholefile.Write(f.output, text)
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	cmd.Flags().StringVar(&f.output, "output", "", "file to write (default: standard output)")
	f.triesFlag(cmd)
	return cmd
}
