package shards_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/shards"
)

// forest is random graphs, one for each initial state, that have no node in common.
type forest struct {
	trees [][][]edge // of each graph, of each node
	judge []explore.Outcome
}

type edge struct {
	to int
	o  explore.Outcome
}

// newForest draws a forest. badness is the chance in percent that something breaks a rule.
func newForest(seed uint64, badness int) *forest {
	r := rand.New(rand.NewPCG(seed, 2))
	f := &forest{}
	for range 1 + r.IntN(6) {
		tree := make([][]edge, 1+r.IntN(40))
		for i := range tree {
			for range r.IntN(4) {
				e := edge{to: min(len(tree)-1, i+r.IntN(5)-1)}
				e.to = max(0, e.to)
				switch x := r.IntN(100); {
				case x < badness:
					e.o = explore.Outcome{Kind: explore.Kind(2 + r.IntN(2)), Rule: int16(r.IntN(3))}
				case x > 90:
					e.o.Kind = explore.Skipped
				}
				tree[i] = append(tree[i], e)
			}
		}
		f.trees = append(f.trees, tree)
		o := explore.Outcome{}
		if r.IntN(300) < badness {
			o = explore.Outcome{Kind: explore.Violated, Rule: 9}
		}
		f.judge = append(f.judge, o)
	}
	return f
}

// rambler is the model of a forest.
type rambler struct {
	*forest
	tree, at, was int
	counts        []uint64
}

func (f *forest) model() explore.Model { return &rambler{forest: f, counts: make([]uint64, 5)} }

func (m *rambler) Inits() int { return len(m.trees) }
func (m *rambler) Init(i int) { m.tree, m.at, m.was = i, 0, 0 }
func (m *rambler) Encode(dst []byte) []byte {
	return binary.LittleEndian.AppendUint16(append(dst, byte(m.tree)), uint16(m.at))
}
func (m *rambler) Decode(src []byte) {
	m.tree, m.at = int(src[0]), int(binary.LittleEndian.Uint16(src[1:]))
	m.was = m.at
}
func (m *rambler) Restore() { m.at = m.was }
func (m *rambler) Calls(dst []uint64) []uint64 {
	for i := range m.trees[m.tree][m.at] {
		dst = append(dst, uint64(i))
	}
	return dst
}
func (m *rambler) Apply(call uint64) explore.Outcome {
	e := m.trees[m.tree][m.at][call]
	m.counts[e.o.Kind]++
	m.at = e.to
	return e.o
}
func (m *rambler) Canon(dst []byte) []byte { return m.Encode(dst) }

// Orbit weighs states, so that sums over some of them are told apart.
func (m *rambler) Orbit() uint64 { return uint64(1 + m.at%5) }

func (m *rambler) CheckInit() explore.Outcome { m.counts[4]++; return m.judge[m.tree] }
func (m *rambler) Counters() []uint64         { return m.counts }

// told is a result without what depends on the machine, and on where states are counted.
func told(r explore.Result) explore.Result {
	r.Duration, r.PeakMemory, r.BytesPerState, r.DiskBytes, r.Levels = 0, 0, 0, 0, nil
	if len(r.PerDepth) == 0 {
		r.PerDepth = nil
	}
	if len(r.Findings) == 0 {
		r.Findings = nil
	}
	return r
}

// split searches a question in n shards and joins what they find, in some order, by way of
// files.
func split(t *testing.T, q shards.Question, n int) explore.Result {
	t.Helper()
	var files []shards.File
	for k := n; k > 0; k-- {
		s := shards.Shard{K: k, N: n}
		pieces, err := q.Explore(t.Context(), s.Share([]shards.Question{q})[0], q.Options)
		if err != nil {
			t.Fatal(err)
		}
		part := &shards.Part{Program: "p", Shard: s, Searches: []shards.Answer{{Asked: q.Options.Asked(), Pieces: pieces}}}
		data, err := part.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if part, err = shards.Read(data); err != nil {
			t.Fatal(err)
		}
		files = append(files, shards.File{Name: fmt.Sprint(k), Part: part})
	}
	if err := shards.Fit("p", files); err != nil {
		t.Fatal(err)
	}
	answers, err := shards.Answers([]shards.Question{q}, files)
	if err != nil {
		t.Fatal(err)
	}
	return shards.Join(&q, answers[0])
}

// TestJoinForests wants of random graphs the result of one search, finding or none, whatever
// the depth and the number of shards.
func TestJoinForests(t *testing.T) {
	found := 0
	seeds := uint64(30)
	if longtest.On() {
		seeds = 120
	}
	for seed := range seeds {
		f := newForest(seed, int(seed%3)*3)
		s := &systems.Search{System: "forest", Apart: true, Model: f.model}
		for _, opt := range []explore.Options{{Workers: 1}, {Workers: 1, FindAll: true}, {Workers: 1, Depth: 1 + int(seed%7)}, {Workers: 1, MaxStates: 20}} {
			q := shards.Question{Search: s, Options: opt}
			want, err := s.Run(t.Context(), opt)
			if err != nil {
				t.Fatal(err)
			}
			found += len(want.Findings)
			for _, n := range []int{1, 2, 3, 8} {
				if got := split(t, q, n); !reflect.DeepEqual(told(got), told(want)) {
					t.Fatalf("forest %d, %d shards, depth %d, all %t:\n%+v\nwant\n%+v", seed, n, opt.Depth, opt.FindAll, told(got), told(want))
				}
			}
		}
	}
	if found < int(seeds)/2 {
		t.Errorf("%d findings", found)
	}
}

// broken is a change under which kernels go wrong at several depths.
func broken() systems.Change {
	return systems.Change{Kernel: func(_ *hooks.Ops, f *hooks.Funcs) {
		f.MapPage = func(k *hooks.Kernel, pte model.VA, pfn model.PFN) {
			if !k.Read(pte).Is(model.Present) {
				hooks.MapPage(k, pte, pfn)
			}
		}
		f.Life.PgdCtor = func(*hooks.Kernel, model.VA, []model.PFN) {}
	}}
}

// TestJoinSystems wants the same of every system there is, sound and with a bug. It holds what
// systems say of themselves: that no state can be reached from two initial states.
func TestJoinSystems(t *testing.T) {
	apart := 0
	for _, x := range all.Systems() {
		for _, c := range []systems.Change{{}, broken()} {
			if x.About().Hostile && c.Kernel != nil {
				continue
			}
			list, err := x.Searches(systems.Values{}, c)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range list {
				if n := s.Model().Inits(); n > 1 && !s.Apart {
					t.Errorf("%s: do its %d initial states have states in common?", s.Title(), n)
				} else if n > 1 && s.Budget == 0 {
					apart++
				} else {
					continue // it goes to one shard as it is
				}
				joinSystem(t, s, c.Kernel != nil)
			}
		}
	}
	if apart < 10 {
		t.Errorf("only %d searches fall into pieces", apart)
	}
}

func joinSystem(t *testing.T, s *systems.Search, bug bool) {
	t.Helper()
	depth := 3
	if longtest.On() {
		depth = 4
	}
	if s.Deepest > 0 {
		depth = min(depth, s.Deepest)
	}
	for i, all := range []bool{false, true} {
		if !longtest.On() && bug != (i > 0) {
			continue // where nothing is found, all is the first
		}
		q := shards.Question{Search: s, Options: explore.Options{Depth: depth, FindAll: all}}
		want, err := s.Run(t.Context(), q.Options)
		if err != nil {
			t.Fatal(err)
		}
		if got := split(t, q, 3); !reflect.DeepEqual(told(got), told(want)) {
			t.Errorf("%s, bug %t, all %t:\n%+v\nwant\n%+v", s.Title(), bug, all, told(got), told(want))
		}
	}
}
