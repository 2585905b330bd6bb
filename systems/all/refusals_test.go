package all_test

import (
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
	"github.com/ptcheck/ptcheck/systems/life"
)

// refusalCount counts the refusals for want of memory by operation.
type refusalCount [model.NumOps]int

// Step implements model.Observer.
func (c *refusalCount) Step(_ *model.Machine, s *model.Step) {
	if s.Errno == model.ENOMEM {
		c[s.Op]++
	}
}

// watchSearch searches a system with refusals before the eyes of an observer. theme is
// the theme of life after boot, if any.
func watchSearch(t *testing.T, b *kernel.Backend, theme string, depth int, by model.Observer) {
	t.Helper()
	o := kernel.Options{Failures: true}
	if theme != "" {
		o.Themes = []string{theme}
	}
	s := kerneltest.New(t, b, o)
	_, err := explore.Run(t.Context(), func() explore.Model {
		m := s.NewModel()
		m.Watch(by)
		return m
	}, explore.Options{Depth: depth, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEachHypercallIsRefused wants each hypercall of the table of operations refused
// in the search of some system, or a reason in the table why no kernel makes it, and
// not both.
func TestEachHypercallIsRefused(t *testing.T) {
	var refused refusalCount
	watchSearch(t, boot.Xen(), "", 2, &refused)
	watchSearch(t, life.Xen(), "pages", 2, &refused)
	watchSearch(t, life.Xen(), "desc", 4, &refused)
	for op := range model.NumOps {
		if asked := op.Row().Unasked == "" && op.Refusable(); (refused[op] > 0) != asked {
			t.Errorf("%v is refused %d times; it can be refused: %v; no kernel makes it: %q", op, refused[op], op.Refusable(), op.Row().Unasked)
		}
	}
}
