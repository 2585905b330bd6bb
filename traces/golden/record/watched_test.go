package record

import (
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/traces/golden"
)

// watchedStride is how many recordings are passed over for one that is watched.
const watchedStride = 6

// TestGoldensKeepTheRules boots recorded configurations under the eyes of all
// rules: none has anything to say. Odd configurations are left out, which the
// kernel was not made for.
func TestGoldensKeepTheRules(t *testing.T) {
	n := 0
	for _, path := range files(t) {
		if strings.Contains(path, "/odd/") {
			continue
		}
		if n++; n%watchedStride != 0 {
			continue
		}
		f, err := golden.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		c := invariants.New(nil)
		got, err := Run(f.Name, &f.Config, Options{NoDump: true, Observers: []Watcher{c}})
		if err != nil {
			t.Fatal(err)
		}
		if got.Outcome != f.Outcome || c.Violated >= 0 {
			t.Errorf("%s: %s, want %s; %+v", f.Name, got.Outcome, f.Outcome, c.Detail)
		}
	}
	if n < 100 {
		t.Errorf("%d recordings only", n)
	}
}
