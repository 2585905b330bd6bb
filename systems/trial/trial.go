package trial

import (
	"fmt"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/reports"
	"github.com/ptcheck/ptcheck/systems/boot"
)

// Trial is a scenario: what happens, and how it must end.
type Trial struct {
	// Name is the file that it comes from.
	Name string
	// About is the text of the comment lines at the head of the file.
	About []string
	// Mutant is the ID of the planted bug, "" for none.
	Mutant string
	// Expect is how it must end, nil if the file does not say.
	Expect *Verdict

	what scenario
}

// scenario is what happens in one of the worlds.
type scenario interface {
	system() string
	// size is the number of operations.
	size() int
	run() Verdict
	// under is the same with another mutant.
	under(c mutants.Change) scenario
	// text is the scenario in the language of scenario files, without header lines.
	text(headline string) ([]byte, error)
	explain() (*reports.Finding, error)
	shrink(want Verdict, tries int) (scenario, Shrunk, error)
}

// Shrunk tells how shrinking went.
type Shrunk struct {
	From, To int // operations before and after
	Tries    int
	Minimal  bool // nothing smaller was found; false if the tries ran out
}

// System is the name of the system.
func (t *Trial) System() string { return t.what.system() }

// Len is the number of operations.
func (t *Trial) Len() int { return t.what.size() }

// Run carries the scenario out and tells how it ends. Operations that are
// impossible where they stand are left out.
func (t *Trial) Run() Verdict { return t.what.run() }

// RunSound does the same without the mutant.
func (t *Trial) RunSound() Verdict { return t.what.under(mutants.Change{}).run() }

// Explain reports how a scenario goes wrong that does.
func (t *Trial) Explain() (*reports.Finding, error) {
	f, err := t.what.explain()
	if err != nil {
		return nil, fmt.Errorf("trial: %s: %w", t.Name, err)
	}
	return f, nil
}

// Shrink returns the smallest scenario found that ends in the same way: the same
// rule broken, or the same kind of crash in the same function. It fails if
// nothing goes wrong. 0 tries stand for as many as take seconds.
func (t *Trial) Shrink(tries int) (*Trial, Shrunk, error) {
	want := t.Run()
	if !want.Fails() {
		return nil, Shrunk{}, fmt.Errorf("trial: %s: nothing goes wrong: there is nothing to shrink", t.Name)
	}
	what, how, err := t.what.shrink(want, tries)
	if err != nil {
		return nil, how, err
	}
	out := *t
	out.what = what
	return &out, how, nil
}

// Boot returns a trial of boot calls from a start of day of a system, by its name.
// The bounds are those of [system.System.Bounds].
func Boot(name, mutant string, lowmem, stale int, start string, calls []system.Call) (*Trial, error) {
	t := &Trial{Name: name, Mutant: mutant}
	c, err := t.change(name)
	if err != nil {
		return nil, err
	}
	b := newBoot(name, c, bootScope{}, calls)
	scope, ok := b.world.scopeOf(lowmem, stale, start)
	if !ok {
		return nil, fmt.Errorf("trial: system %s has no start of day named %q", name, start)
	}
	b.scope = scope
	t.what = b
	return t, nil
}

// Guest returns a trial of operations of a hostile guest.
func Guest(name, mutant, profile string, frames, levels, slots int, ops []system.GuestOp) (*Trial, error) {
	t := &Trial{Name: name, Mutant: mutant}
	c, err := t.change(name)
	if err != nil {
		return nil, err
	}
	g := newGuest(name, profile, model.AnyGuest, c, guestScope{frames, levels, slots}, ops)
	if _, err := g.world.adversary(g.scope); err != nil {
		return nil, fmt.Errorf("trial: %s: %w", name, err)
	}
	t.what = g
	return t, nil
}

// Only returns the trial with only some of its operations, by their numbers in order.
// It fails for scenarios of system hyper, which are text.
func (t *Trial) Only(keep []int) (*Trial, error) {
	out := *t
	switch w := t.what.(type) {
	case *boot:
		out.what = &boot{w.world, w.scope, only(w.calls, keep)}
	case *guest:
		out.what = &guest{w.world, w.scope, only(w.ops, keep)}
	default:
		return nil, fmt.Errorf("trial: %s: its operations cannot be told apart", t.Name)
	}
	return &out, nil
}

func only[O any](ops []O, keep []int) []O {
	out := make([]O, len(keep))
	for i, n := range keep {
		out[i] = ops[n]
	}
	return out
}

// BootCalls are the calls of a trial of boot calls, and the bounds and the name of
// the start of day that they begin at. ok is false for other trials.
func (t *Trial) BootCalls() (lowmem, stale int, start string, calls []system.Call, ok bool) {
	b, ok := t.what.(*boot)
	if !ok {
		return 0, 0, "", nil, false
	}
	return b.scope.lowmem, b.scope.stale, b.world.family(b.scope).sys.Inits[b.scope.init].Name, b.calls, true
}

// GuestOps are the operations of a hostile guest, its rules and bounds. ok is
// false for other trials.
func (t *Trial) GuestOps() (profile string, frames, levels, slots int, ops []system.GuestOp, ok bool) {
	g, ok := t.what.(*guest)
	if !ok {
		return "", 0, 0, 0, nil, false
	}
	return g.world.profile, g.scope.frames, g.scope.levels, g.scope.slots, g.ops, true
}

// change looks the mutant up.
func (t *Trial) change(sys string) (mutants.Change, error) {
	if t.Mutant == "" {
		return mutants.Change{}, nil
	}
	return ChangeOf(t.Mutant, sys)
}

// ChangeOf returns what a mutant replaces in a system. The catalogue plants each bug
// of the hypervisor under one guest; it may be planted under the adversary as well,
// for it is the same hypervisor that judges all guests.
func ChangeOf(id, sys string) (mutants.Change, error) {
	c, err := mutants.ChangeOf(id, sys)
	if err == nil || sys != "adversary" {
		return c, err
	}
	for _, other := range []string{"pvdp", hostileSystem} {
		if c, err := mutants.ChangeOf(id, other); err == nil {
			return c, nil
		}
	}
	return c, err
}
