package invariants_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/life"
)

// keptTwins are a checker that keeps what it has counted from call to call, and one that
// counts everything at each call and reads all tables at each step. A third of the calls
// store to wrong places.
type keptTwins struct {
	keeps, dumb *invariants.Checker
	machines    []*model.Machine
	live        bool // a call is under way, seen from its beginning
	scribbles   *kernelTwins
	odds        int
	steps       int
	remembered  int
	difference  string
}

func newKeptTwins(rng *rand.Rand) *keptTwins {
	x := &keptTwins{keeps: invariants.New(nil), dumb: invariants.New(nil), scribbles: &kernelTwins{rng: rng}}
	x.keeps.KeepGoing, x.dumb.KeepGoing = true, true
	return x
}

// watch attaches the twins to a machine. They have not seen the beginning of its call.
func (x *keptTwins) watch(k *hooks.Kernel) {
	if !slices.Contains(x.machines, k.M) {
		x.machines = append(x.machines, k.M)
		k.M.Observe(x)
		x.live = false
	}
}

// begin begins a call in a state that is new, or the one of the last call again.
func (x *keptTwins) begin(s *model.State, again bool) {
	if again {
		x.keeps.BeginAgain(s, nil)
	} else {
		x.keeps.BeginAt(s, nil)
		x.keeps.Keep()
	}
	x.both(s)
}

// goOn begins a call in the state that the last one has led to.
func (x *keptTwins) goOn(s *model.State) {
	x.keeps.GoOn(s, nil)
	x.both(s)
}

func (x *keptTwins) both(s *model.State) {
	x.dumb.BeginAt(s, nil)
	x.dumb.Forgetful()
	x.live = true
	x.compare("the beginning")
}

// Step implements [model.Observer].
func (x *keptTwins) Step(m *model.Machine, st *model.Step) {
	if !x.live || x.difference != "" {
		return
	}
	switch st.Op {
	case model.OpBootmem, model.OpFlush, model.OpInvlpg, model.OpHook: // these change no memory
	default:
		if x.odds > 0 && x.scribbles.rng.IntN(x.odds) == 0 {
			x.scribbles.scribble(m.State)
		}
	}
	x.steps++
	x.keeps.Step(m, st)
	x.dumb.Step(m, st)
	x.compare(fmt.Sprintf("%v of %v", st.Op, st.Call.Kind))
}

func (x *keptTwins) compare(at string) {
	d := x.keeps.Miscounts(x.dumb)
	if d == "" {
		var known int
		known, d = x.keeps.Misremembers()
		x.remembered += known
	}
	switch a, b := x.keeps, x.dumb; {
	case d != "":
		x.difference = at + ": " + d
	case found(a) != found(b):
		x.difference = fmt.Sprintf("at %s, who keeps says %s, who counts %s", at, found(a), found(b))
	case !slices.Equal(a.Exercised, b.Exercised):
		x.difference = fmt.Sprintf("at %s, the rules applied %v times, and %v times", at, a.Exercised, b.Exercised)
	}
}

// eachKept makes calls of each kind of system before the twins' eyes, from some initial states.
// walk does so from one. There must be enough to see, so many findings among it.
func eachKept(t *testing.T, seed uint64, starts, findings int, walk func(w *keptWalk, start int)) {
	t.Helper()
	for _, b := range []*kernel.Backend{boot.Native(), boot.Xen(), boot.Buffer(), life.Both(), life.SMP()} {
		rng := rand.New(rand.NewPCG(seed, seed+1))
		x := newKeptTwins(rng)
		s, err := b.New(kernel.Options{Preemptions: 1, Interrupts: true, Change: systems.Change{Kernel: func(o *hooks.Ops, f *hooks.Funcs) { wrap(o, f, x.watch) }}})
		if err != nil {
			t.Fatal(err)
		}
		w := &keptWalk{keptTwins: x, t: t, rng: rng, name: b.Name, m: s.NewModel()}
		w.m.Watch()
		for i := range min(len(s.Inits), starts) {
			w.start = s.Inits[i].Name
			walk(w, i)
		}
		t.Logf("%s: %d steps, %d findings, %d times something remembered", b.Name, x.steps, w.findings, x.remembered)
		if x.steps < 3000 || w.findings < findings || x.remembered < x.steps/2 && s.Inits[0].State.L.Life != nil {
			t.Errorf("%s: %d steps, %d findings and %d times something remembered only", b.Name, x.steps, w.findings, x.remembered)
		}
	}
}

// keptWalk makes calls before the twins' eyes.
type keptWalk struct {
	*keptTwins
	t           *testing.T
	rng         *rand.Rand
	name, start string
	m           *kernel.Model
	findings    int
}

// call makes a call that the twins have begun, and ends where they differ. whole says that they
// have seen its end.
func (w *keptWalk) call(c uint64) (o explore.Outcome, whole bool) {
	w.t.Helper()
	o = w.m.Apply(c)
	whole = w.live
	if w.live = false; w.difference != "" {
		w.t.Fatalf("%s from %s, %v, one in %d: %s", w.name, w.start, kernel.CallOf(c), w.odds, w.difference)
	}
	if w.keeps.Violated >= 0 {
		w.findings++
	}
	return o, whole
}

// TestKeptTwins makes several calls from each state of random walks.
func TestKeptTwins(t *testing.T) {
	eachKept(t, 3, 24, 20, func(w *keptWalk, start int) {
		w.m.Init(start)
		for range 12 {
			next := w.m.Encode(nil)
			codes := w.m.Calls(nil)
			if len(codes) == 0 {
				break
			}
			for n := range 5 {
				w.m.Restore()
				w.odds = []int{0, 0, 10, 40}[w.rng.IntN(4)]
				w.begin(w.m.State(), n > 0)
				if o, _ := w.call(codes[w.rng.IntN(len(codes))]); o.Kind == explore.Moved && w.odds == 0 {
					next = w.m.Encode(nil)
				}
			}
			w.m.Decode(next)
		}
	})
}

// TestGoOnTwins makes one call after the other, until one goes wrong.
func TestGoOnTwins(t *testing.T) {
	eachKept(t, 5, 30, 5, func(w *keptWalk, start int) {
		for _, w.odds = range []int{0, 0, 200, 20} {
			w.m.Init(start)
			seen := false
			for range 30 {
				codes := w.m.Enabled(nil)
				if len(codes) == 0 {
					break
				}
				c := codes[w.rng.IntN(len(codes))]
				if seen {
					w.goOn(w.m.State())
				} else {
					w.begin(w.m.State(), false)
				}
				var o explore.Outcome
				if o, seen = w.call(c); o.Kind != explore.Moved || w.keeps.Violated >= 0 {
					break
				}
			}
		}
	})
}
