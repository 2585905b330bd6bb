package search

import (
	"fmt"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-beam/states"
	"github.com/ptcheck/ptcheck/model/explore"
)

// format changes when older programs can no longer read what newer ones write, or the reverse.
const format = 2

// manifest is a search at the end of a level. It is written last, and only what it names counts.
type manifest struct {
	Format   int               `json:"format"`
	Program  string            `json:"program"`
	Question []explore.Setting `json:"question"`
	// Level is the depth of the states in Fronts, which wait to be expanded.
	Level    int      `json:"level"`
	PerDepth []uint64 `json:"per_depth"`
	// Sums are what was counted and found up to there.
	Sums told `json:"sums"`
	// Fronts and Runs are the files of each shard.
	Fronts []states.File   `json:"fronts"`
	Runs   [][]states.File `json:"runs"`
}

// states is how many states there are.
func (m *manifest) states() (n uint64) {
	for _, k := range m.PerDepth {
		n += k
	}
	return n
}

// waiting is how many of them wait to be expanded.
func (m *manifest) waiting() (n uint64) {
	for i := range m.Fronts {
		n += m.Fronts[i].Entries
	}
	return n
}

// files lists all files that the manifest names.
func (m *manifest) files() (list []states.File) {
	for i := range m.Fronts {
		if m.Fronts[i].Name != "" {
			list = append(list, m.Fronts[i])
		}
		list = append(list, m.Runs[i]...)
	}
	return list
}

// bytes is how much the files take.
func (m *manifest) bytes() (n uint64) {
	for _, f := range m.files() {
		n += uint64(f.Bytes)
	}
	return n
}

// after is the manifest of the next level, from what was told of it.
func (m *manifest) after(t *told) *manifest {
	n := *m
	n.Level++
	n.Sums = told{}
	n.Sums.add(&m.Sums)
	shards := t.Shards
	t.Shards = nil
	known := n.Sums.Found
	n.Sums.add(t)
	n.Sums.Found = append(known[:len(known):len(known)], newKinds(known, t.Found)...)
	t.Shards = shards
	n.Fronts = make([]states.File, len(m.Fronts))
	n.Runs = make([][]states.File, len(m.Runs))
	copy(n.Runs, m.Runs)
	for _, w := range shards {
		if w.Front.Entries > 0 {
			n.Fronts[w.Shard] = w.Front
		}
		switch {
		case w.All:
			n.Runs[w.Shard] = []states.File{w.Run}
		case w.Run.Entries > 0:
			n.Runs[w.Shard] = append(m.Runs[w.Shard][:len(m.Runs[w.Shard]):len(m.Runs[w.Shard])], w.Run)
		}
	}
	if k := n.waiting(); k > 0 {
		n.PerDepth = append(m.PerDepth[:len(m.PerDepth):len(m.PerDepth)], k)
	}
	return &n
}

// newKinds are the findings, in order, whose kind is not among those known.
func newKinds(known, list []found) (out []found) {
	for _, f := range inOrder(list) {
		if !has(known, f.Outcome) {
			out = append(out, f)
		}
	}
	return out
}

// check refuses a manifest of other code, another question or another number of shards.
func (m *manifest) check(of *manifest, dir string) error {
	switch {
	case m.Format != of.Format:
		return fmt.Errorf("%s has format %d, this program reads format %d only", dir, m.Format, of.Format)
	case m.Program != of.Program:
		return fmt.Errorf("%s is of another version of this program", dir)
	case len(m.Fronts) != len(of.Fronts):
		return fmt.Errorf("%s has %d shards, not %d: the number cannot change", dir, len(m.Fronts), len(of.Fronts))
	}
	return sameQuestion(m.Question, of.Question, dir)
}

// sameQuestion refuses the folder of another question.
func sameQuestion(was, is []explore.Setting, dir string) error {
	before := map[string]explore.Setting{}
	for _, s := range was {
		before[s.Name] = s
	}
	for _, s := range is {
		if old := before[s.Name]; old != s {
			return fmt.Errorf("%s answers another question: it is of %s, not of %s", dir, old, s)
		}
	}
	if len(was) != len(is) {
		return fmt.Errorf("%s answers another question", dir)
	}
	return nil
}
