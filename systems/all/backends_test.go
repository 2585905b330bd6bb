package all

import (
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/systems/kernel"
)

// TestBackends makes the system of each backend, and finds it by name.
func TestBackends(t *testing.T) {
	for i, b := range Backends() {
		if b.Name == "" || b.Says == "" || slices.Index(Names(), b.Name) != i {
			t.Errorf("backend %d: name %q, description %q, of %v", i, b.Name, b.Says, Names())
		}
		s, err := New(b.Name, kernel.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if s.Name != b.Name || (s.Inits[0].State.L.Hyper != nil) != b.Paravirt {
			t.Errorf("backend %s: system %s, paravirt %t", b.Name, s.Name, b.Paravirt)
		}
	}
	for _, name := range []string{"native", "xen"} {
		if !slices.Contains(DefaultNames(), name) {
			t.Errorf("%v lack %s", DefaultNames(), name)
		}
	}
	if slices.Contains(DefaultNames(), "shadow") {
		t.Errorf("an example is among %v", DefaultNames())
	}
	if _, err := New("solaris", kernel.Options{}); err == nil {
		t.Error("found a system that is not there")
	}
}
