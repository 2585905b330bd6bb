package search

import (
	"context"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
)

func init() {
	register.DoFn4x1[context.Context, int, func(int, []byte), func([]byte), error](&Expand{})
	register.DoFn4x1[context.Context, int, func(*[]byte) bool, func([]byte), error](&Absorb{})
	register.DoFn3x1[context.Context, int, func(*[]byte) bool, error](&Report{})
	register.Emitter2[int, []byte]()
	register.Emitter1[[]byte]()
	register.Iter1[[]byte]()
	beam.RegisterType(reflect.TypeFor[Question]())
}

// Report is the function that writes down what all bundles of a level have told.
type Report struct {
	// Name is the file's, up to what makes it unique: each attempt writes a file of its own,
	// and any that is whole says the same.
	Dir, Name string
}

// ProcessElement writes the report.
func (r *Report) ProcessElement(ctx context.Context, _ int, next func(*[]byte) bool) error {
	var sum told
	for text := []byte(nil); next(&text); {
		var t told
		if err := decode(text, &t); err != nil {
			return err
		}
		sum.add(&t)
	}
	fs, err := filesystem.New(ctx, r.Dir)
	if err != nil {
		return err
	}
	defer fs.Close()
	return seal(ctx, fs, r.Dir, r.Name, &sum)
}

// level is the three functions of a level.
type level struct {
	expand *Expand
	absorb *Absorb
	report *Report
}

// runner runs a level.
type runner func(context.Context, level) error

// onBeam runs levels by a runner of Beam's.
func onBeam(name string) runner {
	return func(ctx context.Context, l level) error {
		_, err := beam.Run(ctx, name, l.pipeline())
		return err
	}
}

// shards are those that have new states.
func (l level) shards() (list []int) {
	for i, f := range l.expand.Fronts {
		if f.Entries > 0 {
			list = append(list, i)
		}
	}
	return list
}

// pipeline makes the pipeline of a level: new states of each shard are expanded, successors are
// brought to the shards that own them, and taken up there.
func (l level) pipeline() *beam.Pipeline {
	p, s := beam.NewPipelineWithRoot()
	from := beam.Reshuffle(s, beam.CreateList(s, l.shards()))
	batches, told := beam.ParDo2(s.Scope("expand"), l.expand, from)
	taken := beam.ParDo(s.Scope("absorb"), l.absorb, beam.GroupByKey(s, batches))
	all := beam.AddFixedKey(s, beam.Flatten(s, told, taken))
	beam.ParDo0(s.Scope("report"), l.report, beam.GroupByKey(s, all))
	return p
}
