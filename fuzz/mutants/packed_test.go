package mutants

import (
	"math/rand/v2"
	"testing"

	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model/explore"
)

// TestPackedJudgedAlike walks at random with each bug planted: what the rules say of a
// state right after a call is what they say of it packed and unpacked. A search judges
// unpacked states and a replay goes on with live ones, so a rule that reads what packing
// leaves out is one of which they have two opinions.
func TestPackedJudgedAlike(t *testing.T) {
	walks := 600
	switch {
	case longtest.On():
		walks = 4000
	case testing.Short():
		walks = 5
	}
	judged := 0
	for _, m := range All() {
		s, err := m.Search()
		if err != nil {
			t.Fatal(err)
		}
		w := packedWalk{model: s.Model(), rand: rand.New(rand.NewPCG(1, uint64(len(m.ID)))), depth: m.Steps + 6}
		if w.judge, _ = w.model.(explore.StateChecker); w.judge == nil {
			continue
		}
		for range walks {
			if call, live, packed := w.run(); live != packed {
				t.Errorf("%s: after %s the live state is %s, packed and unpacked it is %s", m.ID, s.CallText(call), s.Breaks(explore.Finding{Kind: live.Kind, Rule: live.Rule}), s.Breaks(explore.Finding{Kind: packed.Kind, Rule: packed.Rule}))
				break
			}
		}
		judged += w.judged
	}
	if judged < 1000 {
		t.Errorf("only %d states were judged", judged)
	}
}

// packedWalk walks at random through a model.
type packedWalk struct {
	model  explore.Model
	judge  explore.StateChecker
	rand   *rand.Rand
	depth  int
	judged int
	calls  []uint64
	state  []byte
}

// run makes one walk, until a call is judged differently; the last is returned.
func (w *packedWalk) run() (call uint64, live, packed explore.Outcome) {
	w.model.Init(w.rand.IntN(w.model.Inits()))
	for range w.depth {
		if w.calls = w.model.Calls(w.calls[:0]); len(w.calls) == 0 {
			break
		}
		call = w.calls[w.rand.IntN(len(w.calls))]
		if w.model.Apply(call).Kind != explore.Moved {
			w.model.Restore()
			continue
		}
		live = w.judge.CheckState()
		w.state = w.model.Encode(w.state[:0])
		w.model.Restore()
		w.model.Decode(w.state)
		packed = w.judge.CheckState()
		w.judged++
		if live != packed || live.Kind != explore.Moved {
			break
		}
	}
	return call, live, packed
}
