package property_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/leanovate/gopter/commands"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/drawn"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// The abstract kernel: an address space is a plain map from pages to pages with a
// right to write. Protocol calls put pages into it; whatever tables, hypercalls,
// roots and processor modes it takes is not its business. The map is that of the
// kernel half, which all address spaces share.

// page is where a page leads.
type page struct {
	frame  model.Frame // NoFrame: beyond the machine's memory
	writes bool
}

// space is a state of the abstract kernel. It is never changed once made.
type space struct {
	l       *model.Layout
	pages   map[model.VA]page
	phase   model.Phase
	mapped  map[model.PFN]bool // leaves of low memory that the kernel has written
	fixmap  bool               // there is a table for it
	pkmap   bool
	second  bool // there is a second address space
	ready   bool // it may be switched to
	current bool // it is the current one
	forks   int  // address spaces that memory is sure to have room for
	seed    int64
	kind    drawn.Kind
}

// String shows what tells states apart at a glance.
func (s *space) String() string {
	return fmt.Sprintf("%v, machine %d: %v, %d pages", s.kind, s.seed, s.phase, len(s.pages))
}

func (s *space) clone() *space {
	c := *s
	c.pages, c.mapped = maps.Clone(s.pages), maps.Clone(s.mapped)
	return &c
}

// leaf is the number of frames that a leaf of low memory maps.
func (s *space) leaf() model.PFN {
	if s.l.Kernel.HasPSE {
		return model.PFN(s.l.Geo.Slots[1])
	}
	return 1
}

// calls are those that the abstract kernel may make.
func (s *space) calls() []kernel.Call {
	k := &s.l.Kernel
	var out []kernel.Call
	add := func(kind model.CallKind, arg uint32) { out = append(out, kernel.Call{Kind: kind, Arg: arg}) }
	complete := s.fixmap && (s.pkmap || !k.Highmem)
	switch s.phase {
	case model.PhaseBoot:
		add(model.CallSetupStart, 0)
		return out
	case model.PhaseStarted:
		add(model.CallMap, kernel.AllLeaves)
		add(model.CallRange, kernel.RangeFixmap)
		if k.Highmem {
			add(model.CallRange, kernel.RangePkmap)
		}
		for pfn := model.PFN(0); pfn < k.MaxLowPFN; pfn += s.leaf() {
			add(model.CallMap, uint32(pfn))
			complete = complete && s.mapped[pfn]
		}
		if complete {
			add(model.CallSetupDone, 0)
		}
	case model.PhaseDone:
		add(model.CallLoadRoot, 0)
	case model.PhaseLoaded:
		add(model.CallZap, 0)
	}
	if s.fixmap {
		if k.Spare != k.Root {
			add(model.CallFixmap, 2)
		}
		add(model.CallAlias, 3)
	}
	if s.phase >= model.PhaseLoaded {
		out = append(out, s.secondCalls()...)
	}
	return out
}

func (s *space) secondCalls() []kernel.Call {
	guest := s.l.Hyper != nil
	switch {
	case !s.second && s.forks > 0:
		return []kernel.Call{{Kind: model.CallPgdAlloc}}
	case !s.second:
		return nil
	case !s.ready:
		return []kernel.Call{{Kind: model.CallActivate}}
	case s.current && !guest:
		return []kernel.Call{{Kind: model.CallSwitch}}
	case s.current:
		return []kernel.Call{{Kind: model.CallSwitch}, {Kind: model.CallExit}}
	}
	return []kernel.Call{{Kind: model.CallSwitch, Arg: 1}, {Kind: model.CallExit}}
}

// step is a protocol call as a command.
type step struct{ call kernel.Call }

// String is how failures name a call.
func (c *step) String() string { return c.call.String() }

// PreCondition is what the abstract kernel allows.
func (c *step) PreCondition(s commands.State) bool {
	return slices.Contains(s.(*space).calls(), c.call)
}

// NextState is the specification: what a call does to the address space.
func (c *step) NextState(state commands.State) commands.State {
	s := state.(*space).clone()
	k := &s.l.Kernel
	switch c.call.Kind {
	case model.CallSetupStart:
		s.phase = model.PhaseStarted
		if s.l.Boot != nil {
			clear(s.pages) // the tables under construction are new ones
		}
	case model.CallMap:
		s.mapLow(c.call.Arg)
	case model.CallRange:
		s.fixmap = s.fixmap || c.call.Arg == kernel.RangeFixmap
		s.pkmap = s.pkmap || c.call.Arg == kernel.RangePkmap
	case model.CallFixmap:
		s.pages[s.l.Fix(2)] = page{model.Frame(k.Spare), true}
	case model.CallAlias:
		s.pages[s.l.Fix(3)] = page{model.Frame(k.Root), false}
	case model.CallSetupDone:
		s.phase = model.PhaseDone
		if s.l.Hyper != nil {
			s.pages[s.l.Fix(k.FixSharedInfo)] = page{s.l.Map.Frame(k.SharedInfo), true}
		}
	case model.CallLoadRoot:
		s.phase = model.PhaseLoaded
	case model.CallZap:
		s.phase = model.PhaseZapped
	case model.CallPgdAlloc:
		s.second, s.forks = true, s.forks-1
	case model.CallActivate:
		s.ready = true
	case model.CallSwitch:
		s.current = c.call.Arg == 1
	case model.CallExit:
		s.second, s.ready, s.current = false, false, false
	}
	return s
}

// mapLow puts leaves of low memory into the map. A large one reaches beyond the
// end of low memory.
func (s *space) mapLow(arg uint32) {
	first, end := model.PFN(arg), model.PFN(arg)+1
	if arg == kernel.AllLeaves {
		first, end = 0, s.l.Kernel.MaxLowPFN
	}
	for ; first < end; first += s.leaf() {
		s.mapped[first] = true
		for pfn := first; pfn < first+s.leaf(); pfn++ {
			f := model.NoFrame
			if int(pfn) < s.l.Map.Guest() {
				f = model.Frame(pfn)
			}
			s.pages[s.l.VA(pfn.PA())] = page{f, true}
		}
	}
}
