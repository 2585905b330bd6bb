package property

import (
	"fmt"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/drawn"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// Life is a machine that lives: protocol calls are made one after the other under
// the eyes of all rules.
type Life struct {
	Sys   *kernel.System
	Model *kernel.Model
	Made  []kernel.Call // the calls so far; the last one is the one that went wrong
	// Broken is the rule that the last one broke, or how the kernel died in it, "" if it
	// did nothing wrong that a rule sees.
	Broken string
	start  int // of the system's starts of the day
}

// Draw draws a machine of a family and makes it searchable. patch replaces
// functions of its kernel; nil leaves it as it is. Its start of day has the name
// that it can be made again from.
func Draw(k drawn.Kind, d drawn.Draw, patch func(*hooks.Ops, *hooks.Funcs)) (*kernel.System, error) {
	b, name, err := drawn.Record(k, d)
	if err != nil {
		return nil, err
	}
	return kernel.Custom(b.Backend, b.Ops, []kernel.Init{{Name: name, State: b.State}}, kernel.Options{Change: systems.Change{Kernel: patch}})
}

// Start boots a system's only start of day. A problem is what is wrong with it.
func Start(s *kernel.System) (*Life, error) { return startAt(s, s.NewModel(), 0) }

// startAt begins a life at a start of the day, on a model whose former life is over.
func startAt(s *kernel.System, m *kernel.Model, start int) (*Life, error) {
	l := &Life{Sys: s, Model: m, start: start}
	m.Init(start)
	return l, l.problem("the start of the day", l.Model.CheckInit())
}

// Calls are the calls that the protocol allows now.
func (l *Life) Calls() []uint64 { return l.Model.Calls(nil) }

// Do makes a call. A problem is a broken rule, the kernel's death, or a store to
// memory that the boot allocator has not handed out.
func (l *Life) Do(code uint64) error {
	l.Made = append(l.Made, kernel.CallOf(code))
	at := kernel.CallOf(code).String()
	if err := l.problem(at, l.Model.Apply(code)); err != nil {
		return err
	}
	s := l.Model.State()
	if s.L.Life != nil {
		return nil // a page allocator has what the boot has left
	}
	k := &s.L.Kernel
	end := k.MaxLowPFN
	if k.Root >= s.Kernel.BootmemNext {
		end = k.Root // the kernel's own frames begin there
	}
	for pfn := s.Kernel.BootmemNext; pfn < end; pfn++ {
		if !s.Untouched(model.Frame(pfn)) {
			return fmt.Errorf("%s: frame %d has been written to, and is nobody's", at, pfn)
		}
	}
	return nil
}

func (l *Life) problem(at string, o explore.Outcome) error {
	l.Broken = l.Model.Broken(o)
	switch o.Kind {
	case explore.Violated:
		return fmt.Errorf("%s: broken rule %s", at, l.Sys.Rules()[o.Rule].ID)
	case explore.Crashed:
		return fmt.Errorf("%s: %w", at, l.Model.Crash())
	}
	return nil
}

// Choose draws one of the calls that the protocol allows. There are many map
// calls and few others, so first the kind of call is drawn; and because nothing
// ends construction but having mapped everything, the kernel's own loop is
// preferred among the map calls once in three times.
func (l *Life) Choose(d drawn.Draw) uint64 {
	all := oneKind(d, "call", l.Calls(), func(code uint64) model.CallKind { return kernel.CallOf(code).Kind })
	if last := all[len(all)-1]; len(all) > 2 && d("argument", 0, 2) == 0 {
		return last
	}
	return all[d("argument", 0, len(all)-1)]
}

// oneKind draws a kind of those that there are in a list, and returns all of that kind.
func oneKind[T any, K comparable](d drawn.Draw, name string, list []T, kind func(T) K) []T {
	byKind := map[K][]T{}
	var kinds []K
	for _, x := range list {
		k := kind(x)
		if byKind[k] == nil {
			kinds = append(kinds, k)
		}
		byKind[k] = append(byKind[k], x)
	}
	return byKind[kinds[d(name, 0, len(kinds)-1)]]
}
