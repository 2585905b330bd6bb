package machines

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/traces/emulator"
)

// Mutant is a change of a kernel's machine code that plants a bug.
type Mutant struct {
	ID   string
	Bug  string // what the kernel does wrong then
	Rule string // the rule that catches it
	// Patches are the change, one for each build of the code: the first that fits is planted.
	Patches []Patch
	// On is the machine on which it shows, if chance comes across one only seldom.
	On func(b Bounds) *emulator.Machine
}

// Patch is a change of one function.
type Patch struct {
	Function string
	// Find is what the code must be: bytes in hex, ?? for any byte. It must be there once, or
	// Times times.
	Find  string
	Times int // 0: once
	// Put takes the place of what was found from byte At on.
	Put string
	At  int
	// Rule catches it where the code is of this form; empty: the mutant's.
	Rule string
}

// ErrNoPlace is the error for a mutant that a kernel has no place for.
var ErrNoPlace = errors.New("the kernel has no place for it")

// Plant returns a kernel with a mutant planted.
func Plant(k *emulator.Kernel, id string) (*emulator.Kernel, error) {
	list := Mutants()
	i := slices.IndexFunc(list, func(m Mutant) bool { return m.ID == id })
	if i < 0 {
		var ids []string
		for _, m := range list {
			ids = append(ids, m.ID)
		}
		return nil, fmt.Errorf("there is no mutant %q; there are %v", id, ids)
	}
	changed, _, err := list[i].plant(k)
	return changed, err
}

// plant looks for the first patch that fits, and returns its rule, too.
func (m *Mutant) plant(k *emulator.Kernel) (*emulator.Kernel, string, error) {
	var why []error
	for _, p := range m.Patches {
		changed, err := k.Patched(p.Function, p.Find, max(p.Times, 1), p.At, p.Put)
		if err == nil {
			return changed, cmp.Or(p.Rule, m.Rule), nil
		}
		why = append(why, err)
	}
	return nil, "", fmt.Errorf("%w: %w", ErrNoPlace, errors.Join(why...))
}

// Attempt is what came of a mutant.
type Attempt struct {
	Caught  bool
	Rule    string
	Machine int // on which it was caught: -1 the given one
	Detail  string
	Instead string // what came instead
}

// Try plants a mutant and looks for a machine on which its rule is broken.
func (m *Mutant) Try(ctx context.Context, k *emulator.Kernel, o Options, seed uint64, cases int) (*Attempt, error) {
	changed, rule, err := m.plant(k)
	if err != nil {
		return nil, err
	}
	sub, err := Start(ctx, changed, o)
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	out := &Attempt{Instead: "nothing is broken"}
	for i := -1; i < cases; i++ {
		var machine *emulator.Machine
		switch {
		case i >= 0:
			machine = Draw(sub.Bounds, seed, i)
		case m.On == nil:
			continue
		default:
			machine = m.On(sub.Bounds)
		}
		r, err := sub.Try(machine)
		if err != nil {
			return nil, err
		}
		for _, p := range r.Problems {
			if p.Rule == rule {
				return &Attempt{Caught: true, Rule: rule, Machine: i, Detail: p.Detail}, nil
			}
			if !p.Known {
				out.Instead = p.Rule + " is broken: " + p.Detail
			}
		}
	}
	return out, nil
}
