package shards

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/model/explore"
)

// File is a part with the name of its file.
type File struct {
	Name string
	*Part
}

// Fit refuses files that do not make up a whole: made by another program than the one given,
// for another question or another number of shards than the first, a shard that is there twice
// or not at all. Errors are plain sentences that name the files.
func Fit(program string, files []File) error {
	if len(files) == 0 {
		return errors.New("there are no parts")
	}
	var errs []error
	holder := map[int]string{}
	first := &files[0]
	for i := range files {
		f := &files[i]
		err := f.fits(program, first)
		if other, twice := holder[f.Shard.K]; err == nil && twice {
			err = fmt.Errorf("%s is shard %v, and so is %s", f.Name, f.Shard, other)
			if other == f.Name {
				err = fmt.Errorf("%s is there twice", f.Name)
			}
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		holder[f.Shard.K] = f.Name
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return missing(first.Shard.N, holder)
}

// fits refuses a file that is of another program, number of shards or question than the first.
func (f *File) fits(program string, first *File) error {
	switch {
	case f.Program != program:
		return fmt.Errorf("%s was made by another ptcheck, %q; this is %q", f.Name, f.Program, program)
	case f.Shard.N != first.Shard.N:
		return fmt.Errorf("%s is shard %v, but %s is one of %d", f.Name, f.Shard, first.Name, first.Shard.N)
	case len(f.Searches) != len(first.Searches):
		return fmt.Errorf("%s has %d searches, but %s has %d", f.Name, len(f.Searches), first.Name, len(first.Searches))
	}
	for i := range f.Searches {
		if err := differ(f.Name, f.Searches[i].Asked, first.Name, first.Searches[i].Asked); err != nil {
			return err
		}
	}
	return nil
}

// differ is the error for two that were asked different questions, nil if they were not.
func differ(name string, asked []explore.Setting, other string, others []explore.Setting) error {
	a, b := explore.Differ(asked, others)
	if a == nil && b == nil {
		return nil
	}
	return fmt.Errorf("%s was made for %s, but %s for %s", name, said(a, b), other, said(b, a))
}

// said is a setting in words; where there is none, that of another has its name.
func said(s, other *explore.Setting) string {
	if s == nil {
		return "no " + strings.TrimSuffix(explore.Setting{Name: other.Name}.String(), "=")
	}
	return s.String()
}

// missing is the error for shards of n that nobody holds.
func missing(n int, holder map[int]string) error {
	var out []string
	for k := 1; k <= n; k++ {
		if _, ok := holder[k]; !ok {
			out = append(out, Shard{k, n}.String())
		}
	}
	switch {
	case len(out) == 0:
		return nil
	case len(out) == 1:
		return fmt.Errorf("the part of shard %s is missing", out[0])
	case len(out) > 8:
		return fmt.Errorf("the parts of %d shards are missing, the first is %s", len(out), out[0])
	}
	return fmt.Errorf("the parts of shards %s are missing", strings.Join(out, ", "))
}

// Answers refuses files whose answers are not those to questions, made from the arguments that
// they carry, and returns the pieces of each question. The files fit together.
func Answers(questions []Question, files []File) ([][]Piece, error) {
	out := make([][]Piece, len(questions))
	for i := range files {
		f := &files[i]
		if len(f.Searches) != len(questions) {
			return nil, fmt.Errorf("%s has %d searches, but %q asks for %d", f.Name, len(f.Searches), strings.Join(f.Args, " "), len(questions))
		}
		share := f.Shard.Share(questions)
		for n := range questions {
			q, a := &questions[n], &f.Searches[n]
			if err := differ(f.Name, a.Asked, "its arguments are", q.Options.Asked()); err != nil {
				return nil, err
			}
			if err := q.takes(a.Pieces, share[n]); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", f.Name, q.Title(), err)
			}
			out[n] = append(out[n], a.Pieces...)
		}
	}
	return out, nil
}

// takes refuses pieces that are not those that fell to a shard, or that do not come from the
// question's models.
func (q *Question) takes(pieces []Piece, share []int) error {
	if !slices.EqualFunc(pieces, share, func(p Piece, init int) bool { return p.Init == init }) {
		return errors.New("its initial states are not those of its shard")
	}
	counted := 0
	if c, ok := q.Model().(explore.Counter); ok {
		counted = len(c.Counters())
	}
	for i := range pieces {
		r := &pieces[i].Result
		if n := len(r.Counters); n != counted && n != 0 {
			return fmt.Errorf("it counts %d things, the search %d", n, counted)
		}
		for _, f := range r.Findings {
			if explore.Follow(q.Model, f) != nil {
				return errors.New("its finding does not come about here")
			}
		}
	}
	return nil
}
