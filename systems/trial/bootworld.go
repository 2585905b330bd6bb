package trial

import (
	"cmp"
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"slices"

	"github.com/ptcheck/ptcheck/fuzz/mutants"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/model/explore/shrink"
	"github.com/ptcheck/ptcheck/systems/drawn"
)

// bootScope is the scope of boot calls: a member of a family.
type bootScope struct {
	lowmem, stale int    // bounds of the family; 0: its own
	odd           int    // 1 + the number of the odd member; 0: none
	init          int    // number in the family, the odd one last
	drawn         string // the name of the drawn machine; "": a member of the family
}

// bootWorld carries out boot calls. It is the world of the shrinker.
type bootWorld struct {
	name        string
	change      mutants.Change
	preemptions int // of the calls
	budget      int // of operations of a call; 0: the usual one
	want        Verdict
	open        map[bootScope]*openSystem // by bounds; init is 0
	done        []kernel.Call
}

// openSystem is a family with a model to work on.
type openSystem struct {
	sys *kernel.System
	m   *kernel.Model
}

var _ shrink.World[bootScope, kernel.Call] = (*bootWorld)(nil)

// family returns the system that a scope belongs to, nil if there is none.
func (w *bootWorld) family(s bootScope) *openSystem {
	s.init = 0
	o, ok := w.open[s]
	if !ok {
		opt := kernel.Options{Lowmem: s.lowmem, Stale: s.stale, Preemptions: w.preemptions, Budget: w.budget}
		if s.odd > 0 {
			opt.Odd = []int{s.odd - 1}
		}
		if s.drawn != "" {
			opt.Drawn = []string{s.drawn}
		}
		sys, err := all.New(w.name, w.change.Apply(opt))
		if err == nil {
			o = &openSystem{sys, sys.NewModel()}
		}
		w.open[s] = o
	}
	return o
}

// run makes calls, leaving out those that the protocol does not allow where they
// stand, and tells how that ends. Places are looked up if wanted.
func (w *bootWorld) run(s bootScope, calls []kernel.Call, place bool) (done []kernel.Call, v Verdict) {
	done = w.done[:0]
	f := w.family(s)
	if f == nil || s.init >= len(f.sys.Inits) {
		return done, Verdict{}
	}
	f.m.Init(s.init)
	if o := f.m.CheckInit(); o.Kind != explore.Moved {
		return done, Verdict{Kind: o.Kind, What: f.m.Broken(o)}
	}
	for _, c := range calls {
		if !f.m.Allows(c) {
			continue
		}
		done = append(done, c)
		o := f.m.Apply(c.Code())
		if o.Kind == explore.Violated || o.Kind == explore.Crashed {
			v = Verdict{Kind: o.Kind, What: f.m.Broken(o)}
		}
		if o.Kind != explore.Moved {
			break // Skipped: the kernel has stopped, as it must after a refusal
		}
	}
	w.done = done
	if place && v.Kind == explore.Crashed {
		v.Place = f.place(s.init, done)
	}
	return done, v
}

// place makes calls again and names the function that the last one dies in.
func (f *openSystem) place(init int, calls []kernel.Call) string {
	f.m.Init(init)
	last := len(calls) - 1
	for _, c := range calls[:last] {
		f.m.Apply(c.Code())
	}
	return f.m.Site(calls[last])
}

// Try implements [shrink.World].
func (w *bootWorld) Try(s bootScope, calls []kernel.Call) ([]kernel.Call, bool) {
	done, v := w.run(s, calls, false)
	if !v.Meets(w.want.Anywhere()) {
		return done, false
	}
	if w.want.Place != "" {
		v.Place = w.family(s).place(s.init, done)
	}
	return done, v.Meets(w.want)
}

// Scopes implements [shrink.World]: the members of the family, and those of
// families with less memory or fewer stale leaves. A kernel for a hypervisor stays
// with one: a mutant of it may not even run without.
func (w *bootWorld) Scopes(s bootScope) []bootScope {
	bounds := []bootScope{{}}
	if s.odd > 0 {
		bounds = append(bounds, bootScope{odd: s.odd})
	}
	bounds = append(bounds, simplerMachines(s)...)
	if s.lowmem != 0 || s.stale != 0 {
		bounds = append(bounds, bootScope{lowmem: s.lowmem}, bootScope{stale: s.stale}, bootScope{lowmem: s.lowmem, stale: s.stale})
	}
	for n := 4; n < s.lowmem; n++ {
		bounds = append(bounds, bootScope{lowmem: n})
	}
	var out []bootScope
	for _, b := range bounds {
		f := w.family(b)
		if f == nil {
			continue
		}
		for b.init = range f.sys.Inits {
			last := b.init == len(f.sys.Inits)-1
			if (b.odd == 0 || last) && w.hyper(b) == w.hyper(s) && !slices.Contains(out, b) {
				out = append(out, b)
			}
		}
	}
	slices.SortFunc(out, w.CompareScopes)
	return out
}

// CompareScopes implements [shrink.World]: fewer levels, fewer frames, smaller
// tables, members of the family, no bounds of its own, then the order of the
// family, for drawn machines that of their numbers.
func (w *bootWorld) CompareScopes(a, b bootScope) int {
	x, y := w.layout(a), w.layout(b)
	return cmp.Or(slices.Compare(x[:], y[:]), compareMachines(a.drawn, b.drawn), cmp.Compare(a.odd, b.odd),
		cmp.Compare(a.lowmem, b.lowmem), cmp.Compare(a.stale, b.stale), cmp.Compare(a.init, b.init))
}

// layout is the number of levels, of frames of low memory, and the size of tables.
func (w *bootWorld) layout(s bootScope) [3]int {
	l := w.family(s).sys.Inits[s.init].State.L
	return [3]int{l.Geo.Levels, int(l.Kernel.MaxLowPFN), l.Geo.Words()}
}

// hyper reports whether there is a hypervisor in a scope.
func (w *bootWorld) hyper(s bootScope) bool {
	return w.family(s).sys.Inits[s.init].State.L.Hyper != nil
}

// scopeOf finds the scope of a start of day by its name.
func (w *bootWorld) scopeOf(lowmem, stale int, start string) (bootScope, bool) {
	s := bootScope{lowmem: lowmem, stale: stale}
	if n, ok := boot.OddNumber(start); ok {
		s.odd = n + 1
	}
	if drawn.IsName(start) {
		s.drawn = start
	}
	f := w.family(s)
	if f == nil {
		return s, false
	}
	s.init = slices.IndexFunc(f.sys.Inits, func(i kernel.Init) bool { return i.Name == start })
	return s, s.init >= 0
}

// Compare implements [shrink.World].
func (w *bootWorld) Compare(a, b kernel.Call) int { return cmp.Compare(a.Code(), b.Code()) }

// Alphabet implements [shrink.World]: whatever the protocol allows before one of
// the calls.
func (w *bootWorld) Alphabet(s bootScope, calls []kernel.Call) []kernel.Call {
	f := w.family(s)
	f.m.Init(s.init)
	codes := f.m.Enabled(nil)
	for _, c := range calls {
		if f.m.Allows(c) && f.m.Apply(c.Code()).Kind != explore.Moved {
			break
		}
		codes = f.m.Enabled(codes)
	}
	slices.Sort(codes)
	out := make([]kernel.Call, 0, len(codes))
	for _, code := range slices.Compact(codes) {
		out = append(out, kernel.CallOf(code))
	}
	return out
}

// Rewrites implements [shrink.World]: there are none, frames have places of their
// own.
func (w *bootWorld) Rewrites(bootScope, []kernel.Call) [][]kernel.Call { return nil }
