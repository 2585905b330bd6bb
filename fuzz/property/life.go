package property

import (
	"fmt"

	"github.com/ptcheck/ptcheck/fuzz/system"
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// System makes a drawn machine searchable. patch replaces functions of its kernel;
// nil leaves it as it is.
func (b *Boot) System(patch func(*hooks.Ops, *hooks.Funcs)) (*system.System, error) {
	return system.Custom(b.Backend, b.Ops, []system.Init{{Name: "drawn", State: b.State}}, system.Options{Patch: patch})
}

// Kind is a family of machines to draw from.
type Kind struct {
	Backend string // native or xen
	Size    Size
	Levels  int
}

// Kinds are all families. A native kernel with four levels does not exist here.
func Kinds() []Kind {
	return []Kind{
		{"native", Tiny, 2}, {"native", Tiny, 3}, {"native", Real, 2}, {"native", Real, 3},
		{"xen", Tiny, 2}, {"xen", Tiny, 3}, {"xen", Tiny, 4}, {"xen", Real, 2}, {"xen", Real, 3}, {"xen", Real, 4},
	}
}

// String returns the family's name.
func (k Kind) String() string {
	return fmt.Sprintf("%s-%s-%d", k.Backend, [...]string{"tiny", "real"}[k.Size], k.Levels)
}

// Draw draws a machine of the family.
func (k Kind) Draw(d Draw) (*Boot, error) {
	if k.Backend == "native" {
		return Native(d, k.Size, k.Levels)
	}
	return Xen(d, k.Size, k.Levels)
}

// Life is a machine that lives: protocol calls are made one after the other under
// the eyes of all rules.
type Life struct {
	Sys   *system.System
	Model *system.Model
}

// Start boots a system's only start of day. A problem is what is wrong with it.
func Start(s *system.System) (*Life, error) {
	l := &Life{Sys: s, Model: s.NewModel()}
	l.Model.Init(0)
	return l, l.problem("the start of the day", l.Model.CheckInit())
}

// Calls are the calls that the protocol allows now.
func (l *Life) Calls() []uint64 { return l.Model.Calls(nil) }

// Do makes a call. A problem is a broken rule, the kernel's death, or a store to
// memory that the boot allocator has not handed out.
func (l *Life) Do(code uint64) error {
	at := system.CallOf(code).String()
	if err := l.problem(at, l.Model.Apply(code)); err != nil {
		return err
	}
	s := l.Model.State()
	k := &s.L.Kernel
	end := k.MaxLowPFN
	if k.Root >= s.Kernel.BootmemNext {
		end = k.Root // the kernel's own frames begin there
	}
	for pfn := s.Kernel.BootmemNext; pfn < end; pfn++ {
		if !s.Empty(model.Frame(pfn)) {
			return fmt.Errorf("%s: frame %d has been written to, and is nobody's", at, pfn)
		}
	}
	return nil
}

func (l *Life) problem(at string, o explore.Outcome) error {
	switch o.Kind {
	case explore.Violated:
		return fmt.Errorf("%s: broken rule %s", at, l.Sys.Rules()[o.Rule].ID)
	case explore.Crashed:
		return fmt.Errorf("%s: %w", at, l.Model.Last())
	}
	return nil
}

// Choose draws one of the calls that the protocol allows. There are many map
// calls and few others, so first the kind of call is drawn; and because nothing
// ends construction but having mapped everything, the kernel's own loop is
// preferred among the map calls once in three times.
func (l *Life) Choose(d Draw) uint64 {
	byKind := map[model.CallKind][]uint64{}
	var kinds []model.CallKind
	for _, code := range l.Calls() {
		k := system.CallOf(code).Kind
		if byKind[k] == nil {
			kinds = append(kinds, k)
		}
		byKind[k] = append(byKind[k], code)
	}
	all := byKind[kinds[d("call", 0, len(kinds)-1)]]
	if last := all[len(all)-1]; len(all) > 2 && d("argument", 0, 2) == 0 {
		return last
	}
	return all[d("argument", 0, len(all)-1)]
}
