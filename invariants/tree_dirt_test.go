package invariants_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/life"
)

// dirtTwin walks all addresses when a call ends and now and then within one, and looks whether
// those that lead elsewhere have been noted.
type dirtTwin struct {
	c          *invariants.Checker
	scribbles  *kernelTwins
	odds       int
	attached   bool
	call, last []invariants.Lead // when the last call ended, and at the last step
	asked      int
	moved      [2]int
	text       string
}

func (x *dirtTwin) watch(k *hooks.Kernel) {
	if !x.attached {
		x.attached = true
		x.c.Enlarge()
		x.c.Begin(k.M.State)
		x.call = x.c.Leads()
		x.last = x.call
		k.M.Observe(x)
	}
}

// Step implements [model.Observer].
func (x *dirtTwin) Step(m *model.Machine, st *model.Step) {
	rng := x.scribbles.rng
	if x.text != "" {
		return
	}
	if x.odds > 0 && st.Op.Stores() && rng.IntN(x.odds) == 0 {
		x.scribbles.scribble(m.State)
	}
	x.c.Step(m, st)
	now := x.c.Leads()
	for i, was := range [...][]invariants.Lead{x.last, x.call} {
		if rng.IntN(2+4*i) == 0 || i == 1 && st.Op == model.OpCallEnd {
			n, text := x.c.Unnoted(was, now, i == 0)
			x.moved[i] += n
			x.text += text
			x.asked++
		}
	}
	if x.last = now; st.Op == model.OpCallEnd {
		x.call = now
	}
}

// TestDirtTwin lets kernels store to right and wrong places: no address leads elsewhere without
// being noted.
func TestDirtTwin(t *testing.T) {
	for _, b := range []*kernel.Backend{boot.Native(), boot.Xen(), boot.Buffer(), boot.TopDown(), life.Both()} {
		var now *dirtTwin
		s, err := b.New(kernel.Options{Change: systems.Change{Kernel: func(o *hooks.Ops, f *hooks.Funcs) { wrap(o, f, func(k *hooks.Kernel) { now.watch(k) }) }}})
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(31, 32))
		asked, moved := 0, [2]int{}
		for i := range s.Inits {
			for n := range 3 {
				if !longtest.On() && n != i%3 {
					continue
				}
				now = &dirtTwin{c: invariants.New([]invariants.Rule{}), scribbles: &kernelTwins{rng: rng}, odds: []int{0, 5, 30}[n]}
				m := s.NewModel()
				m.Watch()
				walk(m, i, rng, 12)
				if now.text != "" {
					t.Fatalf("%s from %s: %s", b.Name, s.Inits[i].Name, now.text)
				}
				asked += now.asked
				moved[0], moved[1] = moved[0]+now.moved[0], moved[1]+now.moved[1]
			}
		}
		t.Logf("%s: %d times asked, %d addresses moved in steps, and %d in calls", b.Name, asked, moved[0], moved[1])
		if moved[0] < 20 || moved[1] < 130 {
			t.Errorf("%s: %d times asked, %v addresses moved only", b.Name, asked, moved)
		}
	}
}

// TestOnceTwin merges what two trees have gained: the same in the same order, in another one, and
// what only one of them has.
func TestOnceTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 42))
	for range 2000 {
		var first, second []model.Frame
		for _, f := range rng.Perm(12) {
			if rng.IntN(3) > 0 {
				first = append(first, model.Frame(f))
			}
			if rng.IntN(3) > 0 {
				second = append(second, model.Frame(f))
			}
		}
		if rng.IntN(2) == 0 {
			rng.Shuffle(len(second), func(i, j int) { second[i], second[j] = second[j], second[i] })
		}
		if merged, plain := invariants.Once(first, second); !slices.Equal(merged, plain) {
			t.Fatalf("%v and %v: %v, plainly %v", first, second, merged, plain)
		}
	}
}
