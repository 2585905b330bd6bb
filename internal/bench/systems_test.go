package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/systems/all"
)

// TestSystemsAreMeasured: a new system is measured, or it is said here why not.
func TestSystemsAreMeasured(t *testing.T) {
	not := map[string]string{
		"life":       "life-native and life-xen together",
		"adversary":  "pvdp with other operations",
		"shadow":     "an example",
		"mmu-update": "an example",
		"script":     "it is played and not searched",
	}
	var measured []string
	for _, args := range slices.Concat(kernelSearches(), largeSearches(), []string{hyperSearch, graph{}.search()}) {
		name, _, _ := strings.Cut(args, " ")
		measured = append(measured, name)
	}
	known := map[string]bool{}
	for _, s := range all.Systems() {
		name := s.About().Name
		known[name] = true
		if in, why := slices.Contains(measured, name), not[name]; in == (why != "") {
			t.Errorf("%s: measured %t, not measured because it is %q", name, in, why)
		}
	}
	for _, name := range measured {
		if !known[name] {
			t.Errorf("there is no system %s", name)
		}
	}
	for name := range not {
		if !known[name] {
			t.Errorf("there is no system %s, which is not measured", name)
		}
	}
}
