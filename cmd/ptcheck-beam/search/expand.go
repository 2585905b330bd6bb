package search

import (
	"bytes"
	"context"
	"fmt"
	"runtime/debug"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
	"github.com/cespare/xxhash/v2"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-beam/states"
	"github.com/ptcheck/ptcheck/model/explore"
)

// cut ends a level before its end, at a transition. Nil: the level is searched to its end.
type cut struct {
	Label []byte
	// Inside says that the transition itself still counts.
	Inside bool
}

// spares reports whether a transition still counts.
func (c *cut) spares(label []byte) bool {
	if c == nil {
		return true
	}
	n := bytes.Compare(label, c.Label)
	return n < 0 || n == 0 && c.Inside
}

const (
	// batchRoom is about how many bytes of successors a bundle holds back in all.
	batchRoom = 32 << 20
	// minBatch and maxBatch bound those of one owner, about 40 bytes a state.
	minBatch, maxBatch = 1 << 16, 1 << 21
	// recentSlots is how many successors are remembered, so as not to send them twice.
	recentSlots = 1 << 16
)

// ownerOf is the shard that a state belongs to.
func ownerOf(state []byte, shards int) int { return int(xxhash.Sum64(state) % uint64(shards)) }

// Expand is the function that makes all calls in the new states of a shard. Successors go out
// in batches, by owner, each state once a batch.
type Expand struct {
	Question Question
	Dir      string
	// Fronts are the new states of each shard.
	Fronts []states.File
	// Cut is where the level ends.
	Cut *cut

	walker *walker
	fault  error
}

// Setup makes the model of a worker. What is wrong with the question is told by the bundles:
// to try again would not help.
func (x *Expand) Setup() {
	var f explore.Factory
	if f, x.fault = x.Question.factory(); x.fault == nil {
		x.walker = newWalker(f(), x.Question.NoSymmetry)
	}
}

// ProcessElement expands a shard. Errors are those of files, which may be gone the next time.
func (x *Expand) ProcessElement(ctx context.Context, shard int, emit func(int, []byte), tell func([]byte)) error {
	var t told
	err := x.expand(ctx, shard, emit, &t)
	return tellOf(&t, err, tell)
}

// expand expands a shard.
func (x *Expand) expand(ctx context.Context, shard int, emit func(int, []byte), t *told) (err error) {
	defer guard(t)
	if x.fault != nil {
		t.Trouble = x.fault.Error()
		return nil
	}
	fs, err := filesystem.New(ctx, x.Dir)
	if err != nil {
		return err
	}
	defer fs.Close()
	front, err := states.Open(ctx, fs, x.Dir, x.Fronts[shard])
	if err != nil {
		return err
	}
	defer front.Close()
	out := newOutbox(len(x.Fronts), emit, t)
	x.walker.counted()
	for {
		e, ok, err := front.Next()
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		more, err := x.state(e, out, t)
		if err != nil {
			t.Trouble = err.Error()
			return nil
		}
		if !more {
			break
		}
	}
	out.flush()
	t.Counters = x.walker.counted()
	return front.Drain()
}

// state makes the calls in one state that count. It says false when none of any later state do.
func (x *Expand) state(e states.Entry, out *outbox, t *told) (more bool, err error) {
	whole := true
	if x.Cut != nil {
		whole = !bytes.HasPrefix(x.Cut.Label, e.Label)
		if whole && bytes.Compare(e.Label, x.Cut.Label) > 0 {
			return false, nil
		}
	}
	w := x.walker
	all, err := w.enter(e.State)
	if err != nil {
		return false, err
	}
	for place, c := range w.calls {
		if !whole && !x.Cut.spares(states.AppendPlace(bytes.Clone(e.Label), uint64(place))) {
			return false, nil
		}
		o, next := w.call(c)
		switch o.Kind {
		case explore.Skipped:
			t.Skipped++
			continue
		case explore.Moved:
			out.send(e.Label, place, next)
		default:
			t.note(found{Outcome: o, Label: states.AppendPlace(bytes.Clone(e.Label), uint64(place))})
		}
		t.Transitions++
		t.AllTransitions += all
	}
	return true, nil
}

// outbox holds successors back until they are a batch.
type outbox struct {
	emit    func(int, []byte)
	told    *told
	batches []states.Batch // by owner
	room    int            // of each
	recent  [][]byte       // states that were sent, by hash
}

func newOutbox(shards int, emit func(int, []byte), t *told) *outbox {
	return &outbox{
		emit: emit, told: t, batches: make([]states.Batch, shards), room: min(max(batchRoom/shards, minBatch), maxBatch),
		recent: make([][]byte, recentSlots),
	}
}

// send takes a successor up, unless it is one of those sent of late: these have lesser labels.
func (b *outbox) send(parent []byte, place int, state []byte) {
	hash := xxhash.Sum64(state)
	slot := &b.recent[hash>>32%recentSlots]
	if bytes.Equal(*slot, state) && len(state) > 0 {
		return
	}
	*slot = append((*slot)[:0], state...)
	owner := int(hash % uint64(len(b.batches)))
	batch := &b.batches[owner]
	batch.Add(parent, place, state)
	if batch.Size() >= b.room {
		b.out(owner)
	}
}

func (b *outbox) out(owner int) {
	packed, n := b.batches[owner].Pack()
	b.told.Sent += uint64(n)
	b.told.Shuffled += uint64(len(packed))
	b.emit(owner, packed)
}

// flush sends what is left.
func (b *outbox) flush() {
	for owner := range b.batches {
		if b.batches[owner].Len() > 0 {
			b.out(owner)
		}
	}
}

// guard turns a panic of a model into trouble.
func guard(t *told) {
	if x := recover(); x != nil {
		t.Trouble = fmt.Sprintf("the model panics: %v\n%s", x, debug.Stack())
	}
}
