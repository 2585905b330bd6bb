package explore

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
)

// twin is the search as a textbook has it: a map, a queue, and paths kept in full. It follows the same
// rules as the engine and shares no code with it.
type twin struct {
	m      *walker
	opt    Options
	r      Result
	seen   map[string]bool
	buried map[string]bool
	queue  []node
}

// node is a state in the queue.
type node struct {
	key   string
	depth int
	init  int
	path  []uint64
}

// dumb runs the twin.
func dumb(m *walker, opt Options) Result {
	d := &twin{m: m, opt: opt, seen: map[string]bool{}, buried: map[string]bool{}}
	for i := 0; i < m.Inits() && d.r.Stopped == StopNone; i++ {
		m.Init(i)
		key := string(m.Encode(nil))
		o := m.CheckInit()
		if o.Kind == Moved {
			o = m.CheckState()
		}
		if o.Kind != Moved {
			d.note(o, i, nil)
		} else if !d.seen[key] {
			d.add(node{key: key, init: i})
		}
	}
	for i := 0; i < len(d.queue) && d.r.Stopped == StopNone; i++ {
		if opt.Depth > 0 && d.queue[i].depth == opt.Depth {
			d.r.Stopped = StopDepth
			break
		}
		d.expand(d.queue[i])
	}
	d.r.States = uint64(len(d.seen))
	d.r.Complete = d.r.Stopped == StopNone
	d.r.Counters = m.counts
	return d.r
}

// expand makes all calls in a state.
func (d *twin) expand(n node) {
	m := d.m
	m.Decode([]byte(n.key))
	for _, c := range m.Calls(nil) {
		before := slices.Clone(m.counts)
		m.Decode([]byte(n.key))
		o := m.Apply(c)
		if o.Kind == Skipped {
			d.r.Skipped++
			continue
		}
		path := append(slices.Clone(n.path), c)
		key := string(m.Encode(nil))
		if o.Kind == Moved && !d.seen[key] && !d.buried[key] {
			o = m.CheckState()
			d.buried[key] = o.Kind != Moved
			if o.Kind == Moved {
				d.add(node{key, n.depth + 1, n.init, path})
			}
			if d.r.Stopped != StopNone {
				m.counts = before
				return
			}
		}
		d.r.Transitions++
		if o.Kind != Moved {
			d.note(o, n.init, path)
		}
		if d.r.Stopped != StopNone {
			return
		}
	}
}

// add puts a new state into the queue.
func (d *twin) add(n node) {
	if d.opt.MaxStates > 0 && uint64(len(d.seen)) == d.opt.MaxStates {
		d.r.Stopped = StopStates
		return
	}
	d.seen[n.key] = true
	d.queue = append(d.queue, n)
	for len(d.r.PerDepth) <= n.depth {
		d.r.PerDepth = append(d.r.PerDepth, 0)
	}
	d.r.PerDepth[n.depth]++
	d.r.Diameter = n.depth
}

// note keeps the first finding of its kind.
func (d *twin) note(o Outcome, init int, path []uint64) {
	for _, f := range d.r.Findings {
		if f.Kind == o.Kind && f.Rule == o.Rule {
			return
		}
	}
	d.r.Findings = append(d.r.Findings, Finding{o.Kind, o.Rule, init, path})
	if !d.opt.FindAll {
		d.r.Stopped = StopFinding
	}
}

// plain takes out of a result what the dumb search does not have.
func plain(r Result) Result {
	r.BytesPerState, r.PeakMemory, r.Duration, r.Omission, r.DiskBytes = 0, 0, 0, 0, 0
	return r
}

func TestDumbTwin(t *testing.T) {
	var ended [StopInterrupt + 1]int
	seeds := uint64(45)
	if !longtest.On() {
		seeds = 9
	}
	for seed := range seeds {
		size := []int{0, 0, 2, 7, 8, 12, 16, 17, 40}[seed%9]
		badness := []int{0, 0, 1, 4}[seed%4]
		g := newGraph(seed, 20+int(seed*7%900), badness, size)
		for _, opt := range []Options{
			{Workers: 1}, {FindAll: true, Workers: 3}, {Depth: 1 + int(seed%7), FindAll: true}, {MaxStates: 1 + seed%100}, {MaxStates: 50, FindAll: true},
		} {
			t.Run(fmt.Sprintf("%d/%v", seed, opt), func(t *testing.T) {
				want := dumb(&walker{graph: g, counts: make([]uint64, 5)}, opt)
				for mode := range 4 {
					opt.Store, opt.Disk = Store(mode%3), ""
					if mode == 3 {
						opt.Disk, opt.tight = t.TempDir(), seed%3 > 0
					}
					got := plain(explored(t, g.factory(), opt))
					if !reflect.DeepEqual(got, want) {
						t.Errorf("seed %d %+v:\n got %+v\nwant %+v", seed, opt, got, want)
					}
					ended[got.Stopped]++
				}
			})
		}
	}
	for _, r := range []Reason{StopNone, StopFinding, StopDepth, StopStates} {
		if ended[r] < int(seeds)/4 {
			t.Errorf("only %d runs ended by %v: the test says little", ended[r], r)
		}
	}
}
