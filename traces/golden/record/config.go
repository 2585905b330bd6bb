package record

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/native"
	"github.com/ptcheck/ptcheck/traces/golden"
	"github.com/ptcheck/ptcheck/xen"
)

// geometry returns the geometry that a configuration's kernel builds for.
func geometry(c *golden.Config) *model.Geometry {
	if c.Mode == golden.TwoLevel {
		return model.I386()
	}
	return model.PAE()
}

// kernelMap translates the part of a configuration that both backends have.
func kernelMap(c *golden.Config) model.KernelMap {
	return model.KernelMap{
		PageOffset:   model.VA(c.PageOffset),
		MaxLowPFN:    model.PFN(c.MaxLowPFN),
		TextEnd:      model.VA(c.InitEnd),
		Root:         model.PA(c.SwapperPgDir).PFN(),
		ZeroPage:     model.PA(c.EmptyZeroPage).PFN(),
		BootmemFirst: model.PFN(c.BootmemFirstPFN),
		FixTop:       model.VA(c.FixaddrTop),
		NrFixed:      c.NrFixed,
		Highmem:      c.Highmem,
		PkmapBase:    model.VA(c.PkmapBase()),
		LastPkmap:    c.LastPkmap,
		HasPSE:       c.PSE,
		HasPGE:       c.PGE,
		NX:           c.NX && c.Mode == golden.PAE,
	}
}

// startOfDay returns the machine that a configuration describes, and the hooks
// of its backend.
func startOfDay(c *golden.Config) (*model.State, hooks.Ops, error) {
	if c.Flavour == golden.Xen {
		s, err := xen.StartOfDay(xenConfig(c))
		return s, xen.Ops2007(), err
	}
	s, err := native.StartOfDay(native.Config{
		Geo:          geometry(c),
		Boot:         model.I386(),
		Kernel:       kernelMap(c),
		PG0:          model.PA(c.PG0).PFN(),
		MapBeyondEnd: model.PA(c.InitMapBeyondEnd),
	})
	return s, native.Ops(), err
}

// xenConfig translates a Xen configuration. The hypervisor is the one that the
// recordings were made with: Xen 3.1's rules without the demand that a PAE root
// has its last slot filled.
func xenConfig(c *golden.Config) xen.Config {
	geo := geometry(c)
	x := xen.Config{
		Geo:    geo,
		Kernel: kernelMap(c),
		Hyper: model.Hyper{
			Profile:  model.Recorder(),
			XenLevel: 2,
			XenFirst: c.HypervisorL2.FirstIndex,
			XenLast:  geo.Slots[2] - 1,
			Extra:    []model.Extra{{Name: "h", Kind: model.SharedInfo}},
		},
		P2M:   make([]model.MFN, c.MaxLowPFN),
		Extra: []model.MFN{model.MFN(c.SharedInfoMachine >> model.PageShift)},
	}
	for pfn := range x.P2M {
		x.P2M[pfn] = model.MFN(c.P2M.MFN(uint64(pfn)))
	}
	x.Tables = builderTables(c, geo)
	root := x.Tables.Frames[geo.Root()]
	x.Kernel.PTBase = root[0]
	x.Kernel.SharedInfo = x.Extra[0]
	x.Kernel.FixSharedInfo = c.FixParavirtBootmap
	return x
}

// builderTables translates the start-of-day tables of a Xen configuration.
func builderTables(c *golden.Config, geo *model.Geometry) xen.Tables {
	t := xen.Tables{MapEnd: model.PA(c.SOD.MapEnd), ExtraL2: c.SOD.ExtraL2ForSlot3}
	t.Frames[1] = pfns(c.SOD.L1PFNs)
	t.Frames[2] = pfns(c.SOD.L2PFNs)
	t.Flags[1] = model.Entry(c.SOD.L1Flags)
	t.Flags[2] = model.Entry(c.SOD.L2Flags)
	if geo.Levels == 3 {
		t.Frames[3] = []model.PFN{model.PFN(c.SOD.L3PFN)}
		t.Flags[3] = model.Entry(c.SOD.L3Flags)
	}
	for _, e := range c.HypervisorL2.Entries {
		t.Xen = append(t.Xen, xen.XenEntry{Slot: e.Index, Raw: model.Entry(e.Raw)})
	}
	return t
}

func pfns(in []uint64) []model.PFN {
	out := make([]model.PFN, len(in))
	for i, p := range in {
		out[i] = model.PFN(p)
	}
	return out
}
