package property_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/ptcheck/ptcheck/fuzz/property"
	"github.com/ptcheck/ptcheck/hooks"
)

// drawer draws from rapid.
func drawer(t *rapid.T) property.Draw {
	return func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
}

// lives is the property that no protocol call of a machine breaks a rule or kills
// the kernel, whichever machine it is and in whatever order the calls come.
func lives(kind property.Kind, patch func(*hooks.Ops, *hooks.Funcs)) func(*rapid.T) {
	return func(t *rapid.T) {
		d := drawer(t)
		boot, err := kind.Draw(d)
		if err != nil {
			t.Fatal(err)
		}
		sys, err := boot.System(patch)
		if err != nil {
			t.Fatal(err)
		}
		life, err := property.Start(sys)
		if err != nil {
			t.Fatal(err)
		}
		for range d("calls", 8, 40) {
			if err := life.Do(life.Choose(d)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestLives makes long boots and lives after boot on machines of all families.
func TestLives(t *testing.T) {
	for _, kind := range property.Kinds() {
		t.Run(kind.String(), rapid.MakeCheck(lives(kind, nil)))
	}
}
