package explore

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
)

// dumb is the search as a textbook has it: a map, a queue, and paths kept in full. It follows the same
// rules and shares no code with the engine.
func dumb(m *walker, opt Options) Result {
	type node struct {
		key   string
		depth int
		init  int
		path  []uint64
	}
	var r Result
	seen := map[string]struct{}{}
	buried := map[string]bool{}
	var queue []node
	note := func(o Outcome, init int, path []uint64) {
		for _, f := range r.Findings {
			if f.Kind == o.Kind && f.Rule == o.Rule {
				return
			}
		}
		r.Findings = append(r.Findings, Finding{o.Kind, o.Rule, init, path})
		if !opt.FindAll {
			r.Stopped = StopFinding
		}
	}
	add := func(n node) {
		if opt.MaxStates > 0 && uint64(len(seen)) == opt.MaxStates {
			r.Stopped = StopStates
			return
		}
		seen[n.key] = struct{}{}
		queue = append(queue, n)
		for len(r.PerDepth) <= n.depth {
			r.PerDepth = append(r.PerDepth, 0)
		}
		r.PerDepth[n.depth]++
		r.Diameter = n.depth
	}
	for i := range m.Inits() {
		if m.Init(i); r.Stopped != StopNone {
			break
		}
		key := string(m.Encode(nil))
		o := m.CheckInit()
		if o.Kind == Moved {
			o = m.CheckState()
		}
		if _, ok := seen[key]; o.Kind != Moved {
			note(o, i, nil)
		} else if !ok {
			add(node{key: key, init: i})
		}
	}
	for i := 0; i < len(queue) && r.Stopped == StopNone; i++ {
		n := queue[i]
		if opt.Depth > 0 && n.depth == opt.Depth {
			r.Stopped = StopDepth
			break
		}
		m.Decode([]byte(n.key))
		for _, c := range m.Calls(nil) {
			before := slices.Clone(m.counts)
			m.Decode([]byte(n.key))
			o := m.Apply(c)
			key := string(m.Encode(nil))
			path := append(slices.Clone(n.path), c)
			if o.Kind == Skipped {
				r.Skipped++
				continue
			}
			if o.Kind == Moved {
				if _, ok := seen[key]; !ok && !buried[key] {
					if o = m.CheckState(); o.Kind == Moved {
						if add(node{key, n.depth + 1, n.init, path}); r.Stopped != StopNone {
							m.counts = before
							break
						}
					}
					buried[key] = o.Kind != Moved
				}
			}
			r.Transitions++
			if o.Kind != Moved {
				if note(o, n.init, path); r.Stopped != StopNone {
					break
				}
			}
		}
	}
	r.States = uint64(len(seen))
	r.Complete = r.Stopped == StopNone
	r.Counters = m.counts
	return r
}

// plain takes out of a result what the dumb search does not have.
func plain(r Result) Result {
	r.BytesPerState, r.PeakMemory, r.Duration, r.Omission, r.DiskBytes = 0, 0, 0, 0, 0
	return r
}

func TestDumbTwin(t *testing.T) {
	var ended [StopInterrupt + 1]int
	seeds := uint64(80)
	if testing.Short() {
		seeds = 16
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
