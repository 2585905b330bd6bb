package property_test

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ptcheck/ptcheck/fuzz/property"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/drawn"
)

// profiles are the hypervisors that adversaries are set on.
func profiles() []*model.Profile { return append(model.Profiles(), model.Plain()) }

// contained is the property that nothing a guest does breaks a rule.
func contained(make func(drawn.Draw) (*property.Guest, error), f *finding) func(*rapid.T) {
	return func(t *rapid.T) {
		d := drawer(t)
		g, err := make(d)
		if err != nil {
			t.Fatal(err)
		}
		for range d("operations", 10, 60) {
			_, over, err := g.Do(g.Choose(d))
			if err != nil {
				f.note(g.Scenario, err)
				t.Fatal(err)
			}
			if over {
				return
			}
		}
	}
}

// TestContained sets random guests on the hypervisor in all its versions.
func TestContained(t *testing.T) {
	for _, p := range profiles() {
		t.Run(p.Name, checks(func(f *finding) func(*rapid.T) {
			return contained(func(d drawn.Draw) (*property.Guest, error) { return property.Adversary(d, p, 0) }, f)
		}))
	}
	t.Run("pvdp", checks(func(f *finding) func(*rapid.T) {
		return contained(func(d drawn.Draw) (*property.Guest, error) { return property.PVDP(d, model.Plain(), d("levels", 2, 4)) }, f)
	}))
}

// wander makes a random number of operations.
func wander(t *rapid.T, g *property.Guest, d drawn.Draw) {
	for range d("operations", 0, 30) {
		if _, over, err := g.Do(g.Choose(d)); err != nil {
			t.Fatal(err)
		} else if over {
			return
		}
	}
}

// classes are the classes of all successors of the working state, in order.
func classes(g *property.Guest) []string {
	var out []string
	for _, c := range g.Model.Calls(nil) {
		if g.Model.Apply(c).Kind == explore.Moved {
			out = append(out, string(g.Model.Canon(nil)))
		}
		g.Model.Restore()
	}
	slices.Sort(out)
	return out
}

// TestCanonicalForm holds the laws of the symmetry factor: the representative of
// a class is in it, is its own representative, satisfies the same rules and can go
// to the same classes in as many ways.
func TestCanonicalForm(t *testing.T) {
	for _, p := range profiles() {
		t.Run(p.Name, rapid.MakeCheck(func(t *rapid.T) {
			d := drawer(t)
			g, err := property.Adversary(d, p, 0)
			if err != nil {
				t.Fatal(err)
			}
			wander(t, g, d)
			state, verdict := g.Model.Encode(nil), g.Model.CheckState()
			canon, next := g.Model.Canon(nil), classes(g)
			g.Model.Decode(canon)
			if again := g.Model.Canon(nil); !bytes.Equal(again, canon) {
				t.Fatalf("%x has the representative %x, which has %x", state, canon, again)
			}
			if v := g.Model.CheckState(); v != verdict {
				t.Fatalf("%x: verdict %v, of its representative %v", state, verdict, v)
			}
			if !slices.Equal(classes(g), next) {
				t.Fatalf("%x and its representative %x do not go to the same classes", state, canon)
			}
		}))
	}
}

// TestNamesDoNotMatter renames the frames that mean nothing at the start of the
// day in a whole run: the class at its end is the same.
func TestNamesDoNotMatter(t *testing.T) {
	for _, p := range profiles() {
		t.Run(p.Name, rapid.MakeCheck(func(t *rapid.T) {
			d := drawer(t)
			g, err := property.Adversary(d, p, d("levels", 2, 3))
			if err != nil {
				t.Fatal(err)
			}
			a, b := d("one frame", g.Levels, max(g.Levels, g.Frames-1)), d("other frame", g.Levels, max(g.Levels, g.Frames-1))
			start := g.Model.Encode(nil)
			var run []uint64
			for range d("operations", 0, 30) {
				c := g.Choose(d)
				run = append(run, c)
				if _, over, err := g.Do(c); err != nil {
					t.Fatal(err)
				} else if over {
					break
				}
			}
			want := g.Model.Canon(nil)
			g.Model.Decode(start)
			for _, c := range run {
				if _, _, err := g.Do(swapped(g, c, a, b)); err != nil {
					t.Fatal(err)
				}
			}
			if got := g.Model.Canon(nil); !bytes.Equal(got, want) {
				t.Fatalf("with frames %d and %d swapped the run ends in class %x, not %x", a, b, got, want)
			}
		}))
	}
}

// swapped is an operation with two frames' names swapped. Operations write frames
// in the third byte, for a copy in the second too, and entries of frames, of which
// there are equally many each, in the lowest.
func swapped(g *property.Guest, code uint64, a, b int) uint64 {
	swap := func(f uint64) uint64 {
		switch int(f) {
		case a:
			return uint64(b)
		case b:
			return uint64(a)
		}
		return f
	}
	op, frame, arg, value := code>>24, code>>16&0xff, code>>8&0xff, code&0xff
	switch g.Name(op) {
	case "copy":
		arg = swap(arg)
	case "mu", "st":
		if value > 0 {
			n := uint64(g.FlagSets)
			value = 1 + swap((value-1)/n)*n + (value-1)%n
		}
	}
	return op<<24 | swap(frame)<<16 | arg<<8 | value
}
