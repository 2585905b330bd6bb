package record

import (
	"testing"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/xen"
)

// guest describes a real-size guest of 32 MiB in a geometry.
func guest(geo *model.Geometry, p *model.Profile) xen.Config {
	const frames, mapped, first = 0x2000, 0x800, 0x569
	c := xen.Config{
		Geo: geo,
		Kernel: model.KernelMap{
			PageOffset: 0xc0000000, MaxLowPFN: frames, TextEnd: 0xc04f3000,
			Root: 0x4f3, ZeroPage: 0x4f5, FixTop: 0xf57fd000, NrFixed: 58, FixSharedInfo: 40,
			Highmem: true, PkmapBase: 0xf5400000, LastPkmap: 512, NX: true,
			SharedInfo: 0x1f,
		},
		Hyper:  model.Hyper{Profile: p, XenLevel: 2, XenFirst: 428, XenLast: 511, Extra: []model.Extra{{Name: "h", Kind: model.SharedInfo}}},
		Extra:  []model.MFN{0x1f},
		Tables: xen.Tables{MapEnd: mapped * model.PageSize},
	}
	switch geo.Levels {
	case 2:
		c.Hyper.XenFirst, c.Hyper.XenLast = 1008, 1023
		c.Kernel.LastPkmap, c.Kernel.PkmapBase = 1024, 0xf5000000
	case 4:
		c.Kernel.PageOffset = 0xffff880000000000
		c.Kernel.TextEnd = c.Kernel.PageOffset + 0x4f3000
		c.Kernel.FixTop, c.Kernel.Highmem = 0xffffffffff5fe000, false
		c.Hyper.XenLevel, c.Hyper.XenFirst, c.Hyper.XenLast = 4, 256, 271
	}
	next := model.PFN(first)
	take := func(n int) (out []model.PFN) {
		for range n {
			out = append(out, next)
			next++
		}
		return out
	}
	for level := geo.Levels; level > 1; level-- {
		c.Tables.Frames[level] = take(1)
	}
	c.Tables.Frames[1] = take(mapped / geo.Slots[1])
	const flags = model.Present | model.RW | model.Accessed
	c.Tables.Flags = [...]model.Entry{0, flags, flags | model.Dirty | model.User, flags | model.Dirty | model.User, flags | model.Dirty | model.User}
	if geo.PAERoot {
		c.Tables.Flags[3] = model.Present
	}
	c.Kernel.PTBase, c.Kernel.BootmemFirst = first, next
	c.Kernel.Spare = c.Kernel.Root
	for pfn := range frames {
		c.P2M = append(c.P2M, model.MFN(0x20000+(pfn*0x1235+0x77)%frames))
	}
	return c
}

// TestBootsUnderEveryProfile boots a real-size guest in each geometry under each
// set of rules: every hypercall is accepted, no rule is broken at any step, and
// the hypervisor's counts agree with a census.
func TestBootsUnderEveryProfile(t *testing.T) {
	for _, geo := range []*model.Geometry{model.I386(), model.PAE(), model.AMD64()} {
		for _, p := range model.Profiles() {
			t.Run(geo.Name+" "+p.Name, func(t *testing.T) {
				if geo.Levels == 2 && p.Modern {
					t.Log("no such Xen: two-level guests ended in 2008; the rules are run all the same")
				}
				s, err := xen.StartOfDay(guest(geo, p))
				if err != nil {
					t.Fatal(err)
				}
				ops := xen.Ops()
				c := invariants.New(nil)
				c.Begin(s)
				refused := &refusals{}
				k := hooks.New(model.NewMachine(s, refused, c), &ops)
				died := k.M.Run(func() {
					hooks.PagingInit(k)
					hooks.Zap(k)
				})
				if died != nil || c.Violated >= 0 || refused.n > 0 {
					t.Fatalf("died: %v; rule %d, %+v; %d hypercalls refused", died, c.Violated, c.Detail, refused.n)
				}
				var census model.Census
				if err := census.Check(s); err != nil {
					t.Error(err)
				}
				if root := s.Info(model.Frame(s.L.Kernel.Root)); !root.Is(model.Pinned) {
					t.Error("the root is not pinned")
				}
			})
		}
	}
}

// refusals counts refused hypercalls.
type refusals struct{ n int }

func (r *refusals) Step(_ *model.Machine, s *model.Step) {
	if s.Errno != model.OK {
		r.n++
	}
}

// TestRootPinnedAsIn2007 boots with the hooks of 2007, which ask for level 3 in
// every geometry: Xen ignores that for a two-level root, with success.
func TestRootPinnedAsIn2007(t *testing.T) {
	for _, geo := range []*model.Geometry{model.I386(), model.PAE()} {
		s, err := xen.StartOfDay(guest(geo, model.Xen31()))
		if err != nil {
			t.Fatal(err)
		}
		ops := xen.Ops2007()
		k := hooks.New(model.NewMachine(s), &ops)
		if died := k.M.Run(func() { hooks.PagingInit(k) }); died != nil {
			t.Fatal(died)
		}
		if root := s.Info(model.Frame(s.L.Kernel.Root)); root.Is(model.Pinned) != (geo.Levels == 3) {
			t.Errorf("%s: root pinned: %v", geo.Name, root.Is(model.Pinned))
		}
	}
}
