package search

import (
	"bytes"
	"slices"

	"github.com/ptcheck/ptcheck/cmd/ptcheck-beam/states"
	"github.com/ptcheck/ptcheck/model/explore"
)

// told is what a bundle has to say, and the sum of such: of a shard, of a level. It travels as
// JSON.
type told struct {
	// Trouble ends the search: a sentence.
	Trouble     string   `json:"trouble,omitempty"`
	Transitions uint64   `json:"transitions,omitempty"`
	Skipped     uint64   `json:"skipped,omitempty"`
	Counters    []uint64 `json:"counters,omitempty"`
	// AllStates and AllTransitions are what new states and transitions stand for, with symmetry.
	AllStates      uint64  `json:"all_states,omitempty"`
	AllTransitions uint64  `json:"all_transitions,omitempty"`
	Found          []found `json:"found,omitempty"`
	// Shards are the files that shards have written.
	Shards []written `json:"shards,omitempty"`
	// Shuffled is how many bytes have been sent from shard to shard, Sent how many states
	// those were.
	Shuffled uint64 `json:"shuffled,omitempty"`
	Sent     uint64 `json:"sent,omitempty"`
}

// found is a finding by its label, which ends with the place of the call that went wrong.
type found struct {
	explore.Outcome
	Label []byte `json:"label"`
	// State says that the state was judged that the call led to.
	State bool `json:"state,omitempty"`
	// Init says that the label is that of an initial state, which was judged itself.
	Init bool `json:"init,omitempty"`
}

// written is what a shard has made of a level.
type written struct {
	Shard int `json:"shard"`
	// Front are the new states, in order of their labels.
	Front states.File `json:"front"`
	// Run are states that are known from now on, in order of their bytes; All says that it
	// stands for all earlier runs as well.
	Run states.File `json:"run"`
	All bool        `json:"all,omitempty"`
}

// add adds up.
func (t *told) add(by *told) {
	if t.Trouble == "" {
		t.Trouble = by.Trouble
	}
	t.Transitions += by.Transitions
	t.Skipped += by.Skipped
	t.AllStates += by.AllStates
	t.AllTransitions += by.AllTransitions
	t.Shuffled += by.Shuffled
	t.Sent += by.Sent
	t.Counters = addUp(t.Counters, by.Counters)
	for _, f := range by.Found {
		t.note(f)
	}
	t.Shards = append(t.Shards, by.Shards...)
}

// note keeps the first finding of each kind, by their labels.
func (t *told) note(f found) {
	i := slices.IndexFunc(t.Found, func(g found) bool { return g.Outcome == f.Outcome })
	switch {
	case i < 0:
		f.Label = bytes.Clone(f.Label)
		t.Found = append(t.Found, f)
	case bytes.Compare(f.Label, t.Found[i].Label) < 0:
		f.Label = bytes.Clone(f.Label)
		t.Found[i] = f
	}
}

// addUp adds counters up; either may be nil.
func addUp(sum, by []uint64) []uint64 {
	if sum == nil {
		return slices.Clone(by)
	}
	for i, n := range by {
		sum[i] += n
	}
	return sum
}
