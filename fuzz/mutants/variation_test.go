package mutants

import (
	"context"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/internal/longtest"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/all"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

func harmless(t *testing.T) []Mutant {
	t.Helper()
	list, err := Harmless()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestHarmlessSilent searches what is no bug: boots until nothing is new, the others to
// the depth and the number of states that their places state.
func TestHarmlessSilent(t *testing.T) {
	list := longtest.Part(t, harmless(t), 61) // ptcheck mutants --harmless takes all
	results, err := RunAll(context.Background(), list, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		m := &list[i]
		if len(r.Fired) > 0 {
			t.Errorf("%s, %s: %q fire, the first after %d calls", m.ID, m.SystemName(), r.Fired, r.Steps)
		}
		whole := r.Complete || m.Place.depth > 0 && r.Depth == m.Place.depth || m.most > 0 && r.States == m.most
		if !whole {
			t.Errorf("%s, %s: ends after %d states, %d calls deep, before its bounds", m.ID, m.SystemName(), r.States, r.Depth)
		}
	}
}

// TestVariationsAreSearched asks each system itself which variations fit one of its starts
// of the day: each must be searched there, or where all of these starts are searched. It
// also wants forty of them that differ, and no system left out that has a kernel and no
// contract of its own.
func TestVariationsAreSearched(t *testing.T) {
	searched := map[string]map[string]bool{} // start of the day, variation
	for _, m := range harmless(t) {
		b, ok := m.System.(*kernel.Backend)
		if !ok {
			continue
		}
		s, err := b.New(kernel.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range s.Inits {
			if searched[i.Name] == nil {
				searched[i.Name] = map[string]bool{}
			}
			searched[i.Name][m.ID] = true
		}
	}
	ids := map[string]bool{}
	for _, v := range Variations() {
		if ids[v.ID] || v.What == "" || v.Source == "" {
			t.Errorf("%s is there twice, or does not say what it is and whose", v.ID)
		}
		ids[v.ID] = true
		fits := 0
		for _, x := range all.Systems() {
			b, ok := x.(*kernel.Backend)
			if !ok || len(b.OwnRules()) > 0 {
				continue
			}
			s, err := b.New(kernel.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range s.Inits {
				if !v.Fits.On(i.State) {
					continue
				}
				fits++
				if !searched[i.Name][v.ID] {
					t.Errorf("%s fits %s of %s, and is not searched there", v.ID, i.Name, b.Name)
				}
			}
		}
		if fits == 0 {
			t.Errorf("%s fits no system", v.ID)
		}
	}
	if len(ids) < 40 {
		t.Errorf("%d legal variations: want 40", len(ids))
	}
}

// TestVariationsAct walks at random in each system with a variation until a function that
// it replaces is called: one that never is shows nothing by being silent.
func TestVariationsAct(t *testing.T) {
	for _, m := range harmless(t) {
		if m.Change.Kernel == nil {
			continue
		}
		t.Run(m.ID+"/"+m.SystemName(), func(t *testing.T) {
			ctx, met := context.WithCancel(context.Background())
			defer met()
			var calls atomic.Int64
			m.Change.Kernel = counting(m.Change.Kernel, func() {
				if calls.Add(1) == 1 {
					met()
				}
			})
			s, err := m.Search()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := explore.Run(ctx, s.Model, explore.Options{Strategy: explore.RandomWalk, Depth: 24, Walks: 400, Workers: 1}); err != nil && ctx.Err() == nil {
				t.Fatal(err)
			}
			if calls.Load() == 0 {
				t.Error("nothing that it replaces is ever called")
			}
		})
	}
}

// counting has met called whenever a function is that a patch replaces.
func counting(patch func(*hooks.Ops, *hooks.Funcs), met func()) func(*hooks.Ops, *hooks.Funcs) {
	return func(o *hooks.Ops, f *hooks.Funcs) {
		ops, funcs := *o, *f
		patch(o, f)
		count(reflect.ValueOf(&ops).Elem(), reflect.ValueOf(o).Elem(), met)
		count(reflect.ValueOf(&funcs).Elem(), reflect.ValueOf(f).Elem(), met)
	}
}

// count wraps the functions that differ between two values of a table of functions.
func count(was, now reflect.Value, met func()) {
	switch now.Kind() {
	case reflect.Struct:
		for i := range now.NumField() {
			count(was.Field(i), now.Field(i), met)
		}
	case reflect.Array:
		for i := range now.Len() {
			count(was.Index(i), now.Index(i), met)
		}
	case reflect.Bool:
		if was.Bool() != now.Bool() {
			met() // read wherever it matters
		}
	case reflect.Func:
		if now.IsNil() || !was.IsNil() && was.Pointer() == now.Pointer() {
			return
		}
		call := reflect.ValueOf(now.Interface())
		now.Set(reflect.MakeFunc(now.Type(), func(args []reflect.Value) []reflect.Value {
			met()
			return call.Call(args)
		}))
	}
}

// TestPlantedVariations finds variations by system and ID, as files name them.
func TestPlantedVariations(t *testing.T) {
	for _, x := range []struct {
		id, system string
		ok         bool
	}{
		{"small-pages", "native", true}, {"small-pages", "xen", false}, {"inverted", "life-native", true}, {"inverted", "life", true},
		{"no-such-variation", "native", false}, {"extra-flush", "hyper", false}, {"restarted", "xen", true}, {"restarted", "native", false},
	} {
		m, err := Planted(x.id, systems.About{Name: x.system})
		if (err == nil) != x.ok || x.ok && (m.ID != x.id || m.SystemName() != x.system || len(m.Starts()) == 0) {
			t.Errorf("%s in %s: %v, %v; want it: %v", x.id, x.system, m, err, x.ok)
		}
	}
	if i := slices.IndexFunc(Variations(), func(v Variation) bool { return v.ID == "inverted" }); i < 0 {
		t.Error("no variation inverts absent entries")
	}
}
