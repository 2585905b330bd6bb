package hooks_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
)

// notes writes down hook notes, allocations and stores.
type notes []string

func (n *notes) Step(_ *model.Machine, s *model.Step) {
	switch s.Op {
	case model.OpHook:
		*n = append(*n, fmt.Sprintf("%v f%d", s.Hook, s.Frame))
	case model.OpBootmem, model.OpStore:
		*n = append(*n, s.Op.String())
	}
}

// TestHooksAreNoted makes a table: the machine is told of the hook between the
// allocation and the store that links the table, once, whoever calls the backend.
func TestHooksAreNoted(t *testing.T) {
	direct := func(k *hooks.Kernel, pmd model.VA) model.VA {
		pfn := k.M.AllocBootmem()
		k.PV.AllocPT[k.M.Kernel.AllocPT](k, k.Base(), pfn)
		k.SetUpper(2, pmd, k.PV.MakePMD(k, uint64(pfn.PA())|uint64(hooks.PageTable)))
		return k.TableOf(2, pmd)
	}
	told := []string{"bootmem", "alloc_pt f6", "store"}
	for _, x := range []struct {
		name     string
		make     func(*hooks.Kernel, model.VA) model.VA
		announce bool
		want     []string
	}{
		{"the kernel's own code", hooks.OnePageTableInit, false, told},
		{"with hooks that announce themselves", hooks.OnePageTableInit, true, told},
		{"other code", direct, false, []string{"bootmem", "store"}},
		{"other code, with hooks that announce themselves", direct, true, told},
	} {
		k := newKernel(t, nil)
		if x.announce {
			ops := native.Ops()
			hooks.Announce(&ops)
			k.PV = &ops
		}
		got := new(notes)
		k.M.Observe(got)
		if c := k.M.Run(func() { x.make(k, k.Slot(k.Base(), 15)) }); c != nil || !slices.Equal(*got, x.want) {
			t.Errorf("%s: %v, %q; want %q", x.name, c, *got, x.want)
		}
	}
}

// TestReleaseIsNoted checks the other two hooks.
func TestReleaseIsNoted(t *testing.T) {
	k := newKernel(t, nil)
	got := new(notes)
	k.M.Observe(got)
	k.M.Run(func() { k.ReleasePT(7); k.ReleasePD(8); k.AllocPD(9) })
	if want := []string{"release_pt f7", "release_pd f8", "alloc_pd f9"}; !slices.Equal(*got, want) {
		t.Errorf("%q, want %q", *got, want)
	}
}
