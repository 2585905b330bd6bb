package hostile

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// eachFlag are all flags of an entry, one by one.
func eachFlag(visit func(flag model.Entry)) {
	for n := range 64 {
		if flag := model.Entry(1) << n; flag&model.FlagMask != 0 {
			visit(flag)
		}
	}
}

// way is a way into tables of some levels, with the scope that shows it and the flags that
// can be asked for on it.
type way struct {
	name     string
	by       model.Path
	from, to int // levels
	scope    string
	asked    model.Entry
}

// TestEveryFlagStored plants, for each way into a table and each level, a hypervisor that
// loses a flag, one by one, and one that adds it: each is found, in the scopes that are
// there for it, and each flag that can be asked for there is.
func TestEveryFlagStored(t *testing.T) {
	const leaves, upper = leafFlags | model.GuestKernel, upperFlags
	for _, w := range []way{
		{"update", model.ByUpdate, 1, 1, "every-flag", leaves}, {"fast path", model.ByFastPath, 1, 1, "every-flag", leaves &^ (model.RW | model.PWT | model.PCD | model.PSE)},
		{"store", model.ByStore, 1, 1, "every-flag", leaves}, {"locked store", model.ByLocked, 1, 1, "every-flag", leaves},
		{"audit", model.ByAudit, 1, 1, "every-flag-found", leaves}, {"grant", model.ByGrantEntry, 1, 1, "every-flag-granted", model.Present | model.RW | model.Accessed | model.Dirty},
		{"update above", model.ByUpdate, 2, 4, "every-flag-above", upper}, {"fast path above", model.ByFastPath, 2, 4, "every-flag-above", upper &^ model.RW},
		{"audit above", model.ByAudit, 2, 4, "every-flag-found", upper},
	} {
		sc, ok := FindScope(w.scope)
		if !ok {
			t.Fatalf("no scope %s", w.scope)
		}
		for level := w.from; level <= w.to; level++ {
			eachFlag(func(flag model.Entry) {
				for _, gain := range []bool{false, true} {
					changed, found := plant(t, sc.Options, w.by, level, flag, gain)
					name := fmt.Sprintf("%s of level %d: flag %#x, gained %v", w.name, level, uint64(flag), gain)
					switch can := w.asked&flag != 0; {
					case changed && !found:
						t.Errorf("%s: not found", name)
					case !changed && can && !gain:
						t.Errorf("%s: never asked for", name)
					}
				}
			})
		}
	}
}

// plant searches a scope under a hypervisor that changes a flag of what it stores. It reports
// whether there was anything to change, and whether that was found.
func plant(t *testing.T, o Options, by model.Path, level int, flag model.Entry, gain bool) (changed, found bool) {
	t.Helper()
	var fired atomic.Bool
	p := *o.Profile
	p.Mutant.Stored = func(path model.Path, at int, _, right model.Entry) model.Entry {
		e := right &^ flag
		if gain {
			e = right | flag
		}
		if path != by || at != level || e == right {
			return right
		}
		fired.Store(true)
		return e
	}
	o.Profile = &p
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.NewModel(); err != nil {
		return true, true // the start of the day shows it
	}
	r, err := explore.Run(context.Background(), func() explore.Model {
		m, err := h.NewModel()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}, explore.Options{Depth: 2, NoSymmetry: true})
	if err != nil {
		t.Fatal(err)
	}
	return fired.Load(), len(r.Findings) > 0
}
