package systems

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/internal/names"
	"github.com/ptcheck/ptcheck/model/script"
)

// Set is the systems that a program knows, and the bugs that can be planted in them.
type Set struct {
	systems []System
	bugs    Bugs
}

// Bugs finds what a planted bug changes in a system, by its ID. The error says that
// there is no such bug, or none of this system.
type Bugs func(id string, in About) (Change, error)

// NewSet makes a set. bugs may be nil: none can be planted then. Names that are there
// twice, or empty, are an error.
func NewSet(bugs Bugs, list ...System) (*Set, error) {
	s := &Set{systems: list, bugs: bugs}
	seen := map[string]bool{}
	for _, x := range list {
		a := x.About()
		switch {
		case a.Name == "" || strings.ContainsAny(a.Name, " \t\n#"):
			return nil, fmt.Errorf("systems: %q is no name of a system: want one word", a.Name)
		case seen[a.Name]:
			return nil, fmt.Errorf("systems: two systems are named %s", a.Name)
		}
		seen[a.Name] = true
	}
	return s, nil
}

// All lists the systems in their order.
func (s *Set) All() []System { return slices.Clone(s.systems) }

// Searched lists the systems that can be searched.
func (s *Set) Searched() []System {
	return slices.DeleteFunc(s.All(), func(x System) bool { return !searched(x) })
}

// Names are the names of all systems that can be searched.
func (s *Set) Names() []string { return s.where(searched) }

// Default are the names of the systems that are searched when none is named: those
// that say so, or all if none does.
func (s *Set) Default() []string {
	if list := s.where(func(x System) bool { return x.About().Default }); len(list) > 0 {
		return list
	}
	return s.Names()
}

// searched reports whether a system can be searched: one that scripts without a name
// belong to is only replayed.
func searched(x System) bool { return !x.About().Unnamed }

func (s *Set) where(ok func(System) bool) []string {
	var out []string
	for _, x := range s.systems {
		if ok(x) {
			out = append(out, x.About().Name)
		}
	}
	return out
}

// Find returns the system with a name. The error lists those that there are.
func (s *Set) Find(name string) (System, error) {
	for _, x := range s.systems {
		if x.About().Name == name {
			return x, nil
		}
	}
	return nil, fmt.Errorf("no system is named %q%s; there are %s", name, names.DidYouMean(name, s.Names()), strings.Join(s.Names(), ", "))
}

// Bug finds what a planted bug changes in a system.
func (s *Set) Bug(id string, in System) (Change, error) {
	if s.bugs == nil {
		return Change{}, fmt.Errorf("no mutant is named %q: this program knows none", id)
	}
	return s.bugs(id, in.About())
}

// unnamed is the system of scripts that name none, nil if there is none.
func (s *Set) unnamed() System {
	for _, x := range s.systems {
		if x.About().Unnamed {
			return x
		}
	}
	return nil
}

// Parse reads a scenario file; see [Set.Read]. Mistakes in its lines are all reported.
func (s *Set) Parse(name string, src []byte) (*File, error) {
	f, err := script.Parse(name, src)
	if err != nil {
		return nil, err
	}
	return s.Read(f)
}
