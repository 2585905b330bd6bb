package boot_test

import (
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// TestImpossibleScopes asks for systems that cannot be.
func TestImpossibleScopes(t *testing.T) {
	for _, x := range []struct {
		system *kernel.Backend
		o      kernel.Options
		want   string
	}{
		{boot.Native(), kernel.Options{Levels: []int{5}}, "no start-of-day state fits"},
		{boot.Native(), kernel.Options{Levels: []int{4}}, "no start-of-day state fits"},
		{boot.Native(), kernel.Options{Lowmem: 4}, "low memory"},
		{boot.Native(), kernel.Options{Lowmem: 100}, "low memory"},
		{boot.Xen(), kernel.Options{Lowmem: 4}, "low memory"},
		{boot.Xen(), kernel.Options{Lowmem: 25}, "low memory"},
		{boot.Xen(), kernel.Options{Profile: model.Ideal()}, "no start-of-day state fits"},
	} {
		if _, err := x.system.New(x.o); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s %+v: %v, want an error about %s", x.system.Name, x.o, err, x.want)
		}
	}
	for _, x := range []struct {
		system *kernel.Backend
		o      kernel.Options
	}{{boot.Native(), kernel.Options{Lowmem: 12}}, {boot.Native(), kernel.Options{Lowmem: 8}}, {boot.Xen(), kernel.Options{Levels: []int{3}, Lowmem: 20}}, {boot.Xen(), kernel.Options{Profile: model.Xen31()}}} {
		if _, err := x.system.New(x.o); err != nil {
			t.Errorf("%s %+v: %v", x.system.Name, x.o, err)
		}
	}
}
