package boot_test

import (
	"testing"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/boot"
	"github.com/ptcheck/ptcheck/systems/kernel"
	"github.com/ptcheck/ptcheck/systems/kernel/kerneltest"
)

// built boots a member of a family and returns where each page of low memory and
// each fixmap index leads: the frame, or NoFrame for none.
func built(t *testing.T, s *kernel.System, init int) (direct, fixmap []model.Frame) {
	t.Helper()
	m := s.NewModel()
	m.Init(init)
	for _, c := range []kernel.Call{
		{Kind: model.CallSetupStart}, {Kind: model.CallMap, Arg: kernel.AllLeaves}, {Kind: model.CallRange},
		{Kind: model.CallSetupDone}, {Kind: model.CallLoadRoot}, {Kind: model.CallAlias, Arg: kernel.FixAlias}, {Kind: model.CallZap},
	} {
		if c.Kind == model.CallSetupDone && m.State().L.Kernel.Highmem {
			m.Apply(kernel.Call{Kind: model.CallRange, Arg: kernel.RangePkmap}.Code())
		}
		if o := m.Apply(c.Code()); o.Kind != explore.Moved {
			t.Fatalf("%s, %s: %v ends with %v", s.Name, s.Inits[init].Name, c, o)
		}
	}
	st := m.State()
	walk := func(va model.VA) model.Frame {
		if tr, fault := st.Walk(va); fault == model.WalkOK {
			return tr.Frame
		}
		return model.NoFrame
	}
	for pfn := range st.L.Kernel.MaxLowPFN {
		direct = append(direct, walk(st.L.VA(pfn.PA())))
	}
	for i := range kernel.NrFixed {
		fixmap = append(fixmap, walk(st.L.Fix(i)))
	}
	return direct, fixmap
}

// TestFamiliesAgree boots every pair of a bare machine and a guest: where both
// have memory, the kernel finds the same frame behind the same page, and the alias
// leads to the root of each.
func TestFamiliesAgree(t *testing.T) {
	bare, guests := kerneltest.New(t, boot.Native(), kernel.Options{}), kerneltest.New(t, boot.Xen(), kernel.Options{})
	for i, a := range bare.Inits {
		nd, nf := built(t, bare, i)
		for j, b := range guests.Inits {
			gd, gf := built(t, guests, j)
			for pfn := range min(len(nd), len(gd)) {
				if nd[pfn] != gd[pfn] || gd[pfn] != model.Frame(pfn) {
					t.Errorf("%s and %s: page %d is frame %d and %d", a.Name, b.Name, pfn, nd[pfn], gd[pfn])
				}
			}
			if nf[kernel.FixAlias] != model.Frame(a.State.L.Kernel.Root) || gf[kernel.FixAlias] != model.Frame(b.State.L.Kernel.Root) || nf[0] != gf[0] {
				t.Errorf("%s and %s: fixmaps %v and %v", a.Name, b.Name, nf, gf)
			}
		}
	}
}
