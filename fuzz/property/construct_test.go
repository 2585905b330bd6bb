package property_test

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/ptcheck/ptcheck/fuzz/property"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/drawn"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// TestConstructionIdempotent holds that a call of construction made twice in a row
// leaves what it left the first time: nothing is allocated again, no leaf gets
// other attributes.
func TestConstructionIdempotent(t *testing.T) {
	for _, kind := range drawn.Kinds() {
		t.Run(kind.String(), rapid.MakeCheck(func(t *rapid.T) {
			d := drawer(t)
			life := begin(t, kind, d)
			for range d("calls", 1, 30) {
				code := life.Choose(d)
				if err := life.Do(code); err != nil {
					t.Fatal(err)
				}
				switch kernel.CallOf(code).Kind {
				case model.CallMap, model.CallRange, model.CallFixmap, model.CallAlias, model.CallZap:
					once := withoutTLB(life.Model.State())
					if err := life.Do(code); err != nil {
						t.Fatalf("again: %v", err)
					}
					if twice := withoutTLB(life.Model.State()); !bytes.Equal(once, twice) {
						t.Fatalf("%v a second time changes something", kernel.CallOf(code))
					}
				}
			}
		}))
	}
}

// withoutTLB is a packed state but for what the TLB holds: looking again fills it.
func withoutTLB(s *model.State) []byte {
	c := model.NewState(s.L)
	c.CopyFrom(s)
	c.TLB.Sticky = false
	return c.AppendPacked(nil)
}

// mapping is what the kernel's own root makes of a page.
type mapping struct {
	frame  model.Frame
	writes bool
	exec   bool
}

// kernelHalf maps the pages of the kernel half under swapper_pg_dir: low memory
// and the fixmap indexes from 2 on, which mean the same natively and under Xen.
func kernelHalf(s *model.State) map[model.VA]mapping {
	out := map[model.VA]mapping{}
	add := func(va model.VA) {
		if tr, fault := s.WalkFrom(s.L.Geo, model.Frame(s.L.Kernel.Root), va); fault == model.WalkOK {
			out[va] = mapping{tr.Frame, tr.RW, !tr.NoExec}
		}
	}
	for pfn := range s.L.Kernel.MaxLowPFN {
		add(s.L.VA(pfn.PA()))
	}
	for i := 2; i < s.L.Kernel.NrFixed; i++ {
		add(s.L.Fix(i))
	}
	return out
}

// construct makes the calls of a boot in a drawn order until the root is loaded.
// Before construction ends it maps what has not been mapped: a leaf of the start
// of day that looks like the kernel's own counts as mapped for the protocol.
func construct(t *rapid.T, life *property.Life, d drawn.Draw) {
	const enough = 200
	mapped := map[uint64]bool{}
	for range enough {
		code := life.Choose(d)
		switch c := kernel.CallOf(code); {
		case c.Kind == model.CallSetupDone:
			for _, other := range life.Calls() {
				if k := kernel.CallOf(other); k.Kind == model.CallMap && k.Arg != kernel.AllLeaves && !mapped[other] {
					do(t, life, other)
				}
			}
		case c.Kind == model.CallMap && c.Arg == kernel.AllLeaves:
			for _, other := range life.Calls() {
				mapped[other] = true
			}
		default:
			mapped[code] = true
		}
		do(t, life, code)
		if life.Model.State().Kernel.Phase >= model.PhaseLoaded {
			return
		}
	}
	t.Skip("construction was not ended")
}

func do(t *rapid.T, life *property.Life, code uint64) {
	if err := life.Do(code); err != nil {
		t.Fatal(err)
	}
}

// TestOrderDoesNotMatter holds that the order of construction's calls does not show
// in the finished mappings: those of low memory are the ones that the kernel's own
// order makes.
func TestOrderDoesNotMatter(t *testing.T) {
	for _, kind := range drawn.Kinds() {
		t.Run(kind.String(), rapid.MakeCheck(func(t *rapid.T) {
			d := drawer(t)
			life := begin(t, kind, d)
			life.Model.Init(0)
			ownOrder(t, life)
			want := lowMemory(life.Model.State())
			life.Model.Init(0)
			construct(t, life, d)
			got := lowMemory(life.Model.State())
			if len(got) != len(want) {
				t.Fatalf("%d pages are mapped, in the kernel's own order %d", len(got), len(want))
			}
			for va, m := range want {
				// Which frames are tables, and read-only under Xen, does depend on the order.
				if g := got[va]; g.frame != m.frame || g.exec != m.exec || life.Model.State().L.Hyper == nil && g != m {
					t.Fatalf("%#x leads to %+v, in the kernel's own order to %+v", va, g, m)
				}
			}
		}))
	}
}

// lowMemory is kernelHalf without the fixmap.
func lowMemory(s *model.State) map[model.VA]mapping {
	out := kernelHalf(s)
	for i := range s.L.Kernel.NrFixed {
		delete(out, s.L.Fix(i))
	}
	return out
}

// ownOrder makes the calls of pagetable_init and paging_init.
func ownOrder(t *rapid.T, life *property.Life) {
	calls := []kernel.Call{
		{Kind: model.CallSetupStart}, {Kind: model.CallMap, Arg: kernel.AllLeaves}, {Kind: model.CallRange, Arg: kernel.RangeFixmap},
	}
	if life.Model.State().L.Kernel.Highmem {
		calls = append(calls, kernel.Call{Kind: model.CallRange, Arg: kernel.RangePkmap})
	}
	calls = append(calls, kernel.Call{Kind: model.CallSetupDone}, kernel.Call{Kind: model.CallLoadRoot})
	for _, c := range calls {
		if err := life.Do(c.Code()); err != nil {
			t.Fatal(fmt.Errorf("in the kernel's own order: %w", err))
		}
	}
}

// TestNativeAndXenAgree boots the same kernel natively and under Xen: low memory
// leads to the same frames of the kernel's view, with the same right to execute
// where both have one; under Xen a page may lack the right to write.
func TestNativeAndXenAgree(t *testing.T) {
	for _, levels := range []int{2, 3} {
		t.Run(fmt.Sprint(levels), rapid.MakeCheck(func(t *rapid.T) {
			d := drawer(t)
			a := begin(t, drawn.Kind{Backend: "native", Size: drawn.Real, Levels: levels}, d)
			b := begin(t, drawn.Kind{Backend: "xen", Size: drawn.Real, Levels: levels}, d)
			construct(t, a, d)
			construct(t, b, d)
			native, xen := a.Model.State(), b.Model.State()
			for pfn := range min(native.L.Kernel.MaxLowPFN, xen.L.Kernel.MaxLowPFN) {
				n, nf := native.Walk(native.L.VA(pfn.PA()))
				x, xf := xen.Walk(xen.L.VA(pfn.PA()))
				if nf != model.WalkOK || xf != model.WalkOK || n.Frame != x.Frame || n.Frame != model.Frame(pfn) {
					t.Fatalf("frame %d: natively %+v (%d), under Xen %+v (%d)", pfn, n, nf, x, xf)
				}
				if x.RW && !n.RW {
					t.Fatalf("frame %d may be written under Xen only", pfn)
				}
			}
		}))
	}
}
