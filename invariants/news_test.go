package invariants_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/life"
)

// newsTwins are a checker that asks a rule where it heeds what a step did, and one that asks
// each rule at each step.
type newsTwins struct {
	heeds, asks *invariants.Checker
	scribbles   *kernelTwins
	odds        int
	machines    []*model.Machine
	live        bool
	steps       int
	difference  string
}

func newNewsTwins(rng *rand.Rand) *newsTwins {
	x := &newsTwins{heeds: invariants.New(nil), asks: invariants.New(nil), scribbles: &kernelTwins{rng: rng}}
	x.heeds.KeepGoing, x.asks.KeepGoing = true, true
	x.asks.AskAll()
	return x
}

// watch attaches the twins to a machine. They have not seen the beginning of its call.
func (x *newsTwins) watch(k *hooks.Kernel) {
	if !slices.Contains(x.machines, k.M) {
		x.machines = append(x.machines, k.M)
		k.M.Observe(x)
		x.live = false
	}
}

func (x *newsTwins) begin(s *model.State) {
	x.heeds.BeginAt(s, nil)
	x.asks.BeginAt(s, nil)
	x.live = true
}

// Step implements [model.Observer].
func (x *newsTwins) Step(m *model.Machine, st *model.Step) {
	if !x.live || x.difference != "" {
		return
	}
	if x.odds > 0 && st.Op.Stores() && x.scribbles.rng.IntN(x.odds) == 0 {
		for range 1 + x.scribbles.rng.IntN(3) {
			x.scribbles.scribble(m.State)
		}
	}
	x.steps++
	x.heeds.Step(m, st)
	x.asks.Step(m, st)
	for i, r := range x.heeds.Rules() {
		if x.heeds.Exercised[i] != x.asks.Exercised[i] {
			x.difference = r.ID + " is not asked after " + st.Op.String() + ", and has something to say"
		}
	}
	if found(x.heeds) != found(x.asks) {
		x.difference = found(x.heeds) + " instead of " + found(x.asks)
	}
}

// TestNewsTwins lets kernels of all kinds store to wrong places now and then. No rule says
// anything of a step with nothing that it heeds, before and after something was found.
func TestNewsTwins(t *testing.T) {
	exercised, walks := map[string]bool{}, 2
	if longtest.On() {
		walks = 4
	}
	for _, b := range []*kernel.Backend{boot.Native(), boot.Xen(), boot.Buffer(), boot.TopDown(), life.Both(), life.SMP()} {
		rng := rand.New(rand.NewPCG(21, 22))
		x := newNewsTwins(rng)
		s, err := b.New(kernel.Options{Preemptions: 1, Interrupts: true, Change: systems.Change{Kernel: func(o *hooks.Ops, f *hooks.Funcs) { wrap(o, f, x.watch) }}})
		if err != nil {
			t.Fatal(err)
		}
		m := s.NewModel()
		m.Watch()
		for i := range s.Inits {
			for range walks {
				x.odds = []int{0, 3, 20, 100}[rng.IntN(4)]
				if rng.IntN(8*len(s.Inits)) == 0 { // from now on
					x.heeds.Enlarge()
					x.asks.Enlarge()
				}
				m.Init(i)
				newsWalk(x, m, rng)
				if x.difference != "" {
					t.Fatalf("%s from %s: %s", b.Name, s.Inits[i].Name, x.difference)
				}
			}
		}
		if t.Logf("%s: %d steps", b.Name, x.steps); x.steps < 750*walks {
			t.Errorf("%s: %d steps only", b.Name, x.steps)
		}
		for i, r := range x.asks.Rules() {
			if x.asks.Exercised[i] > 0 {
				exercised[r.ID] = true
			}
		}
	}
	for _, r := range invariants.Rules() {
		if r.Heeds() && !exercised[r.ID] {
			t.Errorf("%s heeds something, and was never exercised", r.ID)
		}
	}
}

// newsWalk makes calls until one goes wrong.
func newsWalk(x *newsTwins, m *kernel.Model, rng *rand.Rand) {
	for range 30 {
		codes := m.Calls(nil)
		if len(codes) == 0 || x.difference != "" {
			return
		}
		m.Restore()
		x.begin(m.State())
		o := m.Apply(codes[rng.IntN(len(codes))])
		x.live = false
		if o.Kind != explore.Moved {
			return
		}
		m.Decode(m.Encode(nil))
	}
}
