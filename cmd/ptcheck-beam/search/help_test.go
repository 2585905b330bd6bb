package search

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/local"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"

	"github.com/ptcheck/ptcheck/cmd/ptcheck/cli"
	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/all"
)

func TestMain(m *testing.M) {
	log.SetupLogging("error", "text")
	ptest.MainWithDefault(m, "prism")
}

// asked is a search for tests.
type asked struct {
	system string
	values systems.Values
	bug    string
	opt    explore.Options
}

// job makes the job of it.
func (a *asked) job(t testing.TB) cli.Job {
	t.Helper()
	set, err := systems.NewSet(mutants.Bugs, all.Systems()...)
	if err != nil {
		t.Fatal(err)
	}
	x, err := set.Find(a.system)
	if err != nil {
		t.Fatal(err)
	}
	var c systems.Change
	if a.bug != "" {
		if c, err = set.Bug(a.bug, x); err != nil {
			t.Fatal(err)
		}
	}
	list, err := x.Searches(a.values, c)
	if err != nil {
		t.Fatal(err)
	}
	o := a.opt
	o.NoSymmetry = !list[0].Symmetric
	o.Question = systems.Question(x, a.values, list[0])
	return cli.Job{Search: list[0], System: a.system, Values: a.values, Bug: a.bug, Options: o}
}

// same compares what two searches have found out, resources and times apart.
func same(t *testing.T, got, want explore.Result) {
	t.Helper()
	text := func(r explore.Result) string {
		r.Duration, r.BytesPerState, r.PeakMemory, r.DiskBytes = 0, 0, 0, 0
		if len(r.Findings) == 0 {
			r.Findings = nil
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if text(got) != text(want) {
		t.Errorf("got  %s\nwant %s", text(got), text(want))
	}
}

// beside searches a job in this process.
func beside(t *testing.T, j cli.Job) explore.Result {
	t.Helper()
	j.Options.Question = nil
	r, err := j.Search.Run(t.Context(), j.Options)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// attempts runs the functions of a level as Beam would, each bundle so many times: what all but
// the last attempt emit is lost, the files that they write stay.
func attempts(n int) runner {
	return func(ctx context.Context, l level) error {
		var b bundles
		l.expand, l.absorb, l.report = transported(l.expand), transported(l.absorb), transported(l.report)
		l.expand.Setup()
		l.absorb.Setup()
		batches := map[int][][]byte{}
		for _, shard := range l.shards() {
			err := b.try(n, func(emit func(int, []byte), tell func([]byte)) error {
				return l.expand.ProcessElement(ctx, shard, emit, tell)
			}, batches)
			if err != nil {
				return err
			}
		}
		var owners []int
		for owner := range batches {
			owners = append(owners, owner)
		}
		slices.Sort(owners)
		for _, owner := range owners {
			err := b.try(n, func(_ func(int, []byte), tell func([]byte)) error {
				return l.absorb.ProcessElement(ctx, owner, iter(batches[owner]), tell)
			}, nil)
			if err != nil {
				return err
			}
		}
		return b.try(n, func(func(int, []byte), func([]byte)) error {
			return l.report.ProcessElement(ctx, 0, iter(b.told))
		}, nil)
	}
}

// bundles collects what bundles tell.
type bundles struct{ told [][]byte }

// try runs a bundle several times and keeps what the last time gave.
func (b *bundles) try(n int, bundle func(func(int, []byte), func([]byte)) error, batches map[int][][]byte) error {
	var told [][]byte
	var sent map[int][][]byte
	for range n {
		told, sent = nil, map[int][][]byte{}
		err := bundle(func(owner int, batch []byte) { sent[owner] = append(sent[owner], batch) },
			func(text []byte) { told = append(told, text) })
		if err != nil {
			return err
		}
	}
	for owner, list := range sent {
		batches[owner] = append(batches[owner], list...)
	}
	b.told = append(b.told, told...)
	return nil
}

// iter gives a list as Beam does.
func iter(list [][]byte) func(*[]byte) bool {
	return func(v *[]byte) bool {
		if len(list) == 0 {
			return false
		}
		*v, list = list[0], list[1:]
		return true
	}
}

// transported is a function as it comes to another process.
func transported[T any](f *T) *T {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	out := new(T)
	if err := json.Unmarshal(text, out); err != nil {
		panic(err)
	}
	return out
}

// oneLevel runs so many levels, then fails.
func oneLevel(r runner, levels int) runner {
	return func(ctx context.Context, l level) error {
		if levels--; levels < 0 {
			return io.ErrUnexpectedEOF
		}
		return r(ctx, l)
	}
}
