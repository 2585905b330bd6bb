package invariants_test

import (
	"fmt"
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

// kernelTwins are two checkers of the same kernel: one looks at everything, the other at
// what has changed, as where memory is large. They are compared until one of them finds
// something.
type kernelTwins struct {
	small, large *invariants.Checker
	rng          *rand.Rand
	odds         int // one in so many stores goes wrong; 0: none
	attached     bool
	// astray says that the walk goes on where most rules would have ended it, and is over
	// where the tables are such a mess that the two know of different ones, or a leaf of the
	// direct map leads elsewhere: that is direct-map-true's to find, and who looks at what has
	// changed does not look for frames where there is a direct map.
	astray       bool
	over         bool
	steps, wrong int
	difference   string
}

// anyRules are all rules, or half of the time a single one. They begin in the middle of a
// call, of which hook-order must have seen the beginning.
func anyRules(rng *rand.Rand) []invariants.Rule {
	rules := slices.DeleteFunc(invariants.Rules(), func(r invariants.Rule) bool { return r.ID == "hook-order" })
	if one := rng.IntN(2 * len(rules)); one < len(rules) {
		rules = rules[one : one+1]
	}
	return rules
}

func newKernelTwins(rng *rand.Rand, odds int, rules []invariants.Rule) *kernelTwins {
	x := &kernelTwins{small: invariants.New(rules), large: invariants.New(rules), rng: rng, odds: odds}
	x.small.KeepGoing, x.large.KeepGoing = true, true
	x.large.Enlarge()
	return x
}

func (x *kernelTwins) watch(k *hooks.Kernel) {
	if !x.attached {
		x.attached = true
		x.small.Begin(k.M.State)
		x.large.Begin(k.M.State)
		k.M.Observe(x)
	}
}

// scribble writes an entry somewhere, as part of the step.
func (x *kernelTwins) scribble(s *model.State) {
	x.wrong++
	f, frames := model.Frame(x.rng.IntN(s.L.Map.Guest())), s.L.Map.Frames()
	if x.rng.IntN(4) > 0 { // a table, if that is easy to find
		f = model.Frame(s.L.Kernel.Root)
		if e := s.Entry(s.L.Geo, f, x.rng.IntN(s.L.Geo.Slots[s.L.Geo.Levels])); e.Is(model.Present) && s.L.Map.IsGuest(s.L.Map.Frame(s.L.Names(e))) && x.rng.IntN(3) > 0 {
			f = s.L.Map.Frame(s.L.Names(e))
		}
	}
	slot := x.rng.IntN(s.L.Geo.Words() * 8 / s.L.Geo.Width)
	flags := [...]model.Entry{0, model.Present, model.Present | model.RW, model.Present | model.RW | model.User, model.Present | model.PSE | model.RW}
	e := model.MakeEntry(s.L.Map.MFN(model.Frame(x.rng.IntN(frames))), flags[x.rng.IntN(len(flags))])
	if x.rng.IntN(3) == 0 {
		e = s.Entry(s.L.Geo, f, x.rng.IntN(s.L.Geo.Slots[1])) // what is there already
	}
	s.SetEntry(s.L.Geo, f, slot, e)
}

// Step implements [model.Observer].
func (x *kernelTwins) Step(m *model.Machine, st *model.Step) {
	if x.over {
		return
	}
	x.steps++
	switch st.Op {
	case model.OpBootmem, model.OpFlush, model.OpInvlpg, model.OpHook: // these change no memory
	default:
		if x.odds > 0 && x.rng.IntN(x.odds) == 0 {
			x.scribble(m.State)
		}
	}
	x.small.Step(m, st)
	x.large.Step(m, st)
	a, b := x.small, x.large
	x.over = a.Violated >= 0 || b.Violated >= 0
	same, d := a.Places(b)
	switch {
	case d != "":
		x.over = true
		if !x.astray {
			x.difference = d
		}
	case !same, x.astray && !ownDirectMap(m.State):
		x.over = true
	case a.Violated != b.Violated:
		x.difference = fmt.Sprintf("at %v of %v, who looks at everything says %s, who looks at what has changed %s", st.Op, st.Call.Kind, found(a), found(b))
	}
}

// ownDirectMap reports whether the leaves of init_mm's direct map lead to the frames whose
// addresses they have.
func ownDirectMap(s *model.State) bool {
	for pfn := range s.L.Kernel.MaxLowPFN {
		t, fault := s.WalkFrom(s.L.Geo, model.Frame(s.L.Kernel.Root), s.L.VA(pfn.PA()))
		if fault == model.WalkOK && t.Frame != model.Frame(pfn) {
			return false
		}
	}
	return true
}

func found(c *invariants.Checker) string {
	if c.Violated < 0 {
		return "nothing"
	}
	return fmt.Sprintf("%s %+v", c.Rules()[c.Violated].ID, c.Detail)
}

// later reports whether a rule is about later or booted kernels, or about TLBs that keep what
// they get, as theirs do.
func later(r *invariants.Rule) bool {
	return r.ID == "cached-granted" || r.Kernel == invariants.LaterKernel || r.Kernel == invariants.GrownKernel || r.Span == invariants.Living
}

// TestLaterTwins does so with each rule by itself that is about later or booted kernels:
// where several look, another one is mostly first.
func TestLaterTwins(t *testing.T) {
	walks, seeds := 4, []uint64{6}
	if longtest.On() {
		// The second finds a root whose tables lie nowhere, the third a large leaf with reserved bits.
		walks, seeds = 12, []uint64{6, 14, 17}
	}
	found := map[string]int{}
	for _, seed := range seeds {
		rng := rand.New(rand.NewPCG(5, seed))
		for _, b := range []*kernel.Backend{boot.Buffer(), boot.TopDown(), life.Both()} {
			laterTwins(t, rng, b, walks, found)
		}
	}
	if t.Log(found); len(found) < 7 {
		t.Errorf("%d rules were broken only", len(found))
	}
}

// laterTwins walks a kernel's machines, and counts which rules were broken.
func laterTwins(t *testing.T, rng *rand.Rand, b *kernel.Backend, walks int, found map[string]int) {
	t.Helper()
	var now *kernelTwins
	s, err := b.New(kernel.Options{Change: systems.Change{Kernel: func(o *hooks.Ops, f *hooks.Funcs) { wrap(o, f, func(k *hooks.Kernel) { now.watch(k) }) }}})
	if err != nil {
		t.Fatal(err)
	}
	for n, r := range invariants.Rules() {
		if !later(&r) {
			continue
		}
		for i := range s.Inits {
			if (i+n)%2 > 0 && !longtest.On() {
				continue // each rule on half of the machines, each machine under half of the rules
			}
			if !r.For(s.Inits[i].State.L) {
				continue
			}
			for n := range walks {
				now = newKernelTwins(rng, []int{0, 10, 60, 400}[n%4], []invariants.Rule{r})
				now.astray = true
				m := s.NewModel()
				m.Watch()
				walk(m, i, rng, 30)
				if now.difference != "" {
					t.Fatalf("%s from %s, %s: %s", b.Name, s.Inits[i].Name, r.ID, now.difference)
				}
				if now.small.Violated >= 0 {
					found[r.ID]++
				}
			}
		}
	}
}

// TestKernelTwins walks all kernels at random, some of which store to wrong places now and
// then, under the eyes of a checker that looks at all of memory and of one that looks at
// what has changed: they find the same, at the same step.
func TestKernelTwins(t *testing.T) {
	for _, b := range []*kernel.Backend{boot.Native(), boot.Xen(), boot.Buffer(), boot.TopDown(), life.Both()} {
		var now *kernelTwins
		s, err := b.New(kernel.Options{Change: systems.Change{Kernel: func(o *hooks.Ops, f *hooks.Funcs) { wrap(o, f, func(k *hooks.Kernel) { now.watch(k) }) }}})
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(8, 9))
		steps, findings, rules := 0, 0, map[string]int{}
		for i := range s.Inits {
			for n := range 12 {
				now = newKernelTwins(rng, []int{0, 40, 200}[n%3], anyRules(rng))
				m := s.NewModel()
				m.Watch() // each call is made once: the twins follow
				walk(m, i, rng, 30)
				steps += now.steps
				if now.small.Violated >= 0 {
					rules[now.small.Rules()[now.small.Violated].ID]++
					findings++
				}
				if now.difference != "" {
					t.Fatalf("%s from %s: %s", b.Name, s.Inits[i].Name, now.difference)
				}
			}
		}
		t.Logf("%s: %d steps, %d findings: %v", b.Name, steps, findings, rules)
		if steps < 3000 || findings < 20 {
			t.Errorf("%s: %d steps and %d findings only", b.Name, steps, findings)
		}
	}
}

// wrap has a function called before hooks that come early.
func wrap(o *hooks.Ops, f *hooks.Funcs, before func(k *hooks.Kernel)) {
	start, ctor := o.PagetableSetupStart, f.Life.PgdCtor
	o.PagetableSetupStart = func(k *hooks.Kernel, base model.VA) { before(k); start(k, base) }
	f.Life.PgdCtor = func(k *hooks.Kernel, pgd model.VA, pmds []model.PFN) { before(k); ctor(k, pgd, pmds) }
}
