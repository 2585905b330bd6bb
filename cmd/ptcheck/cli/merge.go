package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/shards"
)

func (p *program) newMerge() *cobra.Command {
	var f verdictFlags
	cmd := &cobra.Command{
		Use:   "merge PART...",
		Short: "Join the parts of a search that was split into shards",
		Long: `merge joins the files that 'ptcheck explore --shard=K/N --part=FILE' left, of
all N shards, in any order, and prints the verdict that one search would have
come to: the same counts, coverage and counterexample, and the same exit code.
Parts that do not make up one search are refused. The parts and merge must be of
the same build of ptcheck.`,
		Example: `  ptcheck merge part-*.json
  ptcheck merge --strict --report=report part-1.json part-2.json`,
		Args:              cobra.MinimumNArgs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return p.merge(cmd, &f, args) },
		ValidArgsFunction: completeFiles("json"),
	}
	f.register(cmd.Flags())
	completeFlag(cmd, "format", formatNames)
	return cmd
}

// mostPart bounds the file of a part, in bytes.
const mostPart = 1 << 30

// merge joins the parts in files.
func (p *program) merge(cmd *cobra.Command, f *verdictFlags, names []string) error {
	if err := f.report.check(f.json); err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	files, err := readParts(cmd, names)
	if err != nil {
		return err
	}
	questions, answers, err := p.fit(files)
	if err != nil {
		return said("merge", err)
	}
	if err := f.probe(cmd); err != nil {
		return err
	}
	var verdicts []*systems.Outcome
	var failed error
	for i := range questions {
		v := outcomeOf(&questions[i], shards.Join(&questions[i], answers[i]))
		failed = errors.Join(failed, f.explainAll(cmd, v))
		verdicts = append(verdicts, v)
	}
	return errors.Join(f.show(cmd.OutOrStdout(), verdicts), failed, exitOf(verdicts, f.strict))
}

// readParts reads the files of parts, and tells what is wrong with each.
func readParts(cmd *cobra.Command, names []string) ([]shards.File, error) {
	var out []shards.File
	var failed error
	for _, name := range names {
		data, err := readBounded(cmd.Context(), name, cmd.InOrStdin(), mostPart, "part of a search")
		var ended exitError
		if errors.As(err, &ended) {
			return nil, err
		}
		var part *shards.Part
		if err == nil {
			if part, err = shards.Read(data); err != nil {
				err = fmt.Errorf("%s %w", name, err)
			}
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("merge: %w", err))
		}
		out = append(out, shards.File{Name: name, Part: part})
	}
	return out, failed
}

// fit makes the questions that files answer, and refuses files that do not make up one
// whole answer.
func (p *program) fit(files []shards.File) ([]shards.Question, [][]shards.Piece, error) {
	program, err := thisProgram()
	if err != nil {
		return nil, nil, err
	}
	if err := shards.Fit(program, files); err != nil {
		return nil, nil, err
	}
	questions, err := p.questionsOf(files[0].Args)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", files[0].Name, err)
	}
	answers, err := shards.Answers(questions, files)
	return questions, answers, err
}

// questionsOf are the questions that arguments of explore ask.
func (p *program) questionsOf(args []string) ([]shards.Question, error) {
	f := p.newExploreFlags()
	cmd := &cobra.Command{Use: "explore"}
	f.settings.register(cmd)
	f.searchFlags(cmd.Flags())
	if err := cmd.ParseFlags(args); err != nil {
		return nil, err
	}
	return f.questions(cmd, cmd.Flags().Args())
}

// said puts the name of a command before each error that was joined.
func said(command string, err error) error {
	var out []error
	for _, e := range parts(err) {
		out = append(out, fmt.Errorf("%s: %w", command, e))
	}
	return errors.Join(out...)
}
