package mutants

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// Variation is something that a correct kernel, hypervisor or machine may do otherwise
// than the one of the systems: no rule may say a word about it.
type Variation struct {
	ID     string
	What   string // what is done otherwise
	Source string // who does so, or why it is legal
	Fits   Fits
	Change systems.Change
}

// Fits says on which machines, and with which kernels, a variation means something. The
// zero value stands for all.
type Fits struct {
	Machine invariants.Machine
	Kernel  invariants.Kernel
	Span    invariants.Span
	// Only are further conditions on a start of day, all of which must hold.
	Only []func(s *model.State) bool
}

// On reports whether a variation means something on a start of day.
func (f *Fits) On(s *model.State) bool {
	r := invariants.Rule{Machine: f.Machine, Kernel: f.Kernel, Span: f.Span}
	return r.For(s.L) && !slices.ContainsFunc(f.Only, func(only func(*model.State) bool) bool { return !only(s) })
}

// home is a system in which variations are searched.
type home struct {
	*kernel.Backend
	starts []kernel.Init
}

// homes are the systems with a kernel. One whose starts of the day another one has, too,
// adds nothing. One with rules of its own has a contract of its own, of which these
// variations say nothing.
func homes() ([]home, error) {
	var out []home
	for _, x := range all.Systems() {
		b, ok := x.(*kernel.Backend)
		if !ok || len(b.OwnRules()) > 0 {
			continue
		}
		h, err := homeOf(b)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(o home) bool { return o.has(h) }) {
			continue
		}
		out = append(slices.DeleteFunc(out, func(o home) bool { return h.has(&o) }), *h)
	}
	return out, nil
}

func homeOf(b *kernel.Backend) (*home, error) {
	s, err := b.New(kernel.Options{})
	if err != nil {
		return nil, fmt.Errorf("mutants: %w", err)
	}
	return &home{b, s.Inits}, nil
}

// has reports whether a system has all starts of the day of another one.
func (h *home) has(o *home) bool {
	for _, s := range o.starts {
		if !slices.ContainsFunc(h.starts, func(x kernel.Init) bool { return x.Name == s.Name }) {
			return false
		}
	}
	return true
}

// How far variations are searched: boots until nothing is new, what lives on after a boot
// to a depth; all of them to a number of states.
const (
	livingDepth = 5
	pairsDepth  = 2
	mostStates  = 30_000
)

// place is a system as a place to search, whole or to the depth that goes with it.
func (h *home) place() Place {
	p := Place{System: h.Backend, Values: systems.Values{}, most: mostStates}
	if slices.ContainsFunc(h.starts, func(i kernel.Init) bool { return i.State.L.Hyper != nil }) {
		// That a hypercall is refused says nothing about the variation.
		p.Values["failures"] = strconv.FormatBool(false)
	}
	switch l := h.starts[0].State.L; {
	case l.SMP:
		p.depth = pairsDepth
		p.Values["preemptions"] = strconv.Itoa(1)
	case l.Life != nil:
		p.depth = livingDepth
	}
	return p
}

// fitting are the starts of the day of a system, by number, on which the variation means
// something.
func (v *Variation) fitting(h *home) (starts []int) {
	for i := range h.starts {
		if v.Fits.On(h.starts[i].State) {
			starts = append(starts, i)
		}
	}
	return starts
}

// row is the variation in a system.
func (v *Variation) row(h *home, starts []int) Mutant {
	p := h.place()
	p.starts = starts
	return Mutant{ID: v.ID, What: v.What, Source: v.Source, Place: p, Change: v.Change}
}

// Harmless are changes that are no bugs: each legal variation in each system that it fits,
// and those of the hypervisor under hostile guests. None of them may raise anything.
func Harmless() ([]Mutant, error) {
	list, err := homes()
	if err != nil {
		return nil, err
	}
	var out []Mutant
	for _, v := range Variations() {
		for i := range list {
			if starts := v.fitting(&list[i]); len(starts) > 0 {
				out = append(out, v.row(&list[i], starts))
			}
		}
	}
	return append(out, hyperHarmless()...), nil
}

// Variations are the legal variations of kernels, of their machines and of what a
// hypervisor does to them.
func Variations() []Variation {
	return slices.Concat(orderVariations(), handOverVariations(), entryVariations(), sizeVariations(),
		tableVariations(), flushVariations(), hypercallVariations(), laterVariations(), lifeVariations(), machineVariations())
}
