package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ptcheck/ptcheck/internal/wholefile"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/shards"
)

// partFlags ask for one share of a search.
type partFlags struct {
	shard, file string
	given       bool         // one of them, perhaps empty
	share       shards.Shard // once checked
}

func (f *partFlags) register(fl *pflag.FlagSet) {
	fl.StringVar(&f.shard, "shard", "", "make this share of the search only, such as 3/16; goes with --part")
	fl.StringVar(&f.file, "part", "", "file for what the shard found out, for merge")
}

// check refuses a share that there is not, or that is good for nothing.
func (f *partFlags) check() (err error) {
	if !f.given {
		return nil
	}
	if f.share, err = shards.Parse(f.shard); err != nil {
		return fmt.Errorf("--shard: %w", err)
	}
	if f.file == "" {
		return fmt.Errorf("--shard=%s: --part names the file for what it finds out", f.shard)
	}
	return nil
}

// wholeOnly are the flags that make no sense for one share.
func (f *exploreFlags) wholeOnly() error {
	for _, is := range []struct {
		given bool
		flags string
	}{
		{f.strict, "--strict"}, {f.json, "--json"}, {f.report.format != "", "--format"}, {f.report.dir != "", "--report"},
		{f.report.timings, "--timings"},
	} {
		if is.given {
			return fmt.Errorf("explore: %s is about the whole search: give it to merge, not with --shard", is.flags)
		}
	}
	if f.checkpoint != "" || f.resume != "" || f.graph != "" {
		return errors.New("explore: --checkpoint, --resume and --graph go with a search that is not split")
	}
	return nil
}

// shareOf makes one share of the searches, prints what came of it and writes the part.
func (f *exploreFlags) shareOf(cmd *cobra.Command, questions []shards.Question, names []string) error {
	if err := f.wholeOnly(); err != nil {
		return err
	}
	if err := f.probe(cmd); err != nil {
		return err
	}
	program, err := thisProgram()
	if err != nil {
		return fmt.Errorf("explore: --part: %w", err)
	}
	part := shards.Part{Program: program, Shard: f.part.share, Args: f.args(cmd, names)}
	var verdicts []*systems.Outcome
	var failed error
	for i, pieces := range f.part.share.Share(questions) {
		q := &questions[i]
		found, err := f.searchPieces(cmd, q, pieces)
		if found != nil {
			v := outcomeOf(f.shareTitle(q, len(pieces)), shards.Join(q, found))
			failed = errors.Join(failed, err, f.explainAll(cmd, v))
			verdicts = append(verdicts, v)
		} else {
			failed = errors.Join(failed, err)
		}
		part.Searches = append(part.Searches, shards.Answer{Asked: q.Options.Asked(), Pieces: found})
	}
	shown := f.showShare(cmd.OutOrStdout(), verdicts)
	if failed == nil {
		failed = f.writePart(&part)
	} else {
		failed = errors.Join(failed, fmt.Errorf("explore: the part %s is not written", f.part.file))
	}
	return errors.Join(shown, failed, exitOf(verdicts, false))
}

// searchPieces searches what falls to the shard of a search, nothing perhaps.
func (f *exploreFlags) searchPieces(cmd *cobra.Command, q *shards.Question, pieces []int) ([]shards.Piece, error) {
	if len(pieces) == 0 {
		return nil, nil
	}
	opt := q.Options
	p := newProgress(cmd, q.Title(), opt)
	opt.Progress, opt.ProgressEvery = p.show, p.every()
	found, err := q.Explore(cmd.Context(), pieces, opt)
	p.done()
	var partial *explore.PartialError
	if err != nil && !errors.As(err, &partial) {
		return nil, f.unfinished(cmd, q.Search, err)
	}
	return found, err
}

// shareTitle is the question with words that say that it is one share of a search.
func (f *exploreFlags) shareTitle(q *shards.Question, n int) *shards.Question {
	share := *q.Search
	share.Part = strings.TrimSpace(fmt.Sprintf("%s shard %d of %d", share.Part, f.part.share.K, f.part.share.N))
	if all := len(q.Pieces()); all > 1 {
		share.Scope += fmt.Sprintf("; of its %d starts of the day %d", all, n)
	}
	return &shards.Question{Search: &share, Options: q.Options}
}

// showShare prints what came of a share. What it did not exercise others may.
func (f *exploreFlags) showShare(out io.Writer, vs []*systems.Outcome) error {
	if len(vs) == 0 {
		w := &folded{width: columnsOf(out)}
		fmt.Fprintf(w, "nothing falls to shard %v: there are fewer scopes and start-of-day tables than shards\n", f.part.share)
		_, err := w.WriteTo(out)
		return err
	}
	for _, v := range vs {
		if err := writeVerdict(out, v, false); err != nil {
			return err
		}
	}
	return closing(out, vs)
}

// writePart writes the file for merge.
func (f *exploreFlags) writePart(p *shards.Part) error {
	data, err := p.Bytes()
	if err == nil {
		err = wholefile.Write(f.part.file, data)
	}
	if err != nil {
		return fmt.Errorf("explore: --part: %w", err)
	}
	return nil
}

// args are the systems and flags that ask the question: all that were given and are not
// about outputs.
func (f *exploreFlags) args(cmd *cobra.Command, names []string) []string {
	outputs := pflag.NewFlagSet("", pflag.ContinueOnError)
	(&exploreFlags{}).outputFlags(outputs)
	args := slices.Clone(names)
	cmd.LocalFlags().VisitAll(func(fl *pflag.Flag) {
		if fl.Changed && outputs.Lookup(fl.Name) == nil {
			args = append(args, fmt.Sprintf("--%s=%s", fl.Name, fl.Value))
		}
	})
	return args
}
