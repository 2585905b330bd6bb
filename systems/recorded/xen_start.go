package recorded

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/hypercall"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// Slots of a root that are Xen's (Xen: ROOT_PAGETABLE_FIRST_XEN_SLOT, _LAST_).
const (
	firstXenSlot = 256
	lastXenSlot  = 271
)

// layoutOfGuest is the machine of the guest.
func layoutOfGuest(k *survey, ram []model.FrameRange) (*model.Layout, error) {
	frames, err := model.NewPhysMap(k.frames, nil)
	if err != nil {
		return nil, err
	}
	h := &model.Hyper{Profile: model.Xen417(), XenLevel: 4, XenFirst: firstXenSlot, XenLast: lastXenSlot, Devices: true}
	h.Regions = append(h.Regions,
		model.Region{First: 0, Last: lowest - 1, Kind: model.Device},
		model.Region{First: 0xfec00, Last: 0xfec00, Kind: model.DeviceReadOnly}, // I/O APIC
		model.Region{First: 0xfed00, Last: 0xfed00, Kind: model.DeviceReadOnly}, // HPET
		model.Region{First: 0xfee00, Last: 0xfeeff, Kind: model.Denied})         // local APIC, MSI
	for _, r := range ram {
		h.Regions = append(h.Regions, model.Region{First: model.MFN(r.From), Last: model.MFN(r.To) - 1, Kind: model.OthersMemory})
	}
	h.Regions = append(h.Regions, model.Region{First: 0, Last: 1<<40 - 1, Kind: model.Device})
	return &model.Layout{Geo: model.AMD64(), Map: frames, Hyper: h}, nil
}

// start makes the model of the guest at its first hypercall: its tables are what hangs on
// the root that is loaded. It reports whether it could.
func (g *xenGuest) start(e *kernel.Event) bool {
	root := g.native.s.CPU.CR3
	if root == model.NoFrame || g.native.levels != 4 {
		g.report("tables-agree", e, model.NoFrame, 0, "the guest's first hypercall comes before it has tables of four levels")
		return false
	}
	l, err := layoutOfGuest(g.known, about(&g.native.r.Header).RAM)
	if err != nil {
		g.report("tables-agree", e, model.NoFrame, 0, err.Error())
		return false
	}
	g.s = model.NewState(l)
	g.s.CPU.NXE, g.s.CPU.CR4 = true, model.CR4PAE|model.CR4PSE
	g.copyTables(root, 4)
	n := g.native.s.L.Map.MFN(root)
	if rc := g.s.AdoptGuest(l.Map.Frame(n)); rc != model.OK {
		g.report("answers-agree", e, model.NoFrame, 0, fmt.Sprintf("the model refuses the tables that the guest begins with: %v", rc))
		return false
	}
	g.counts.Owned = g.known.owned
	g.m = model.NewMachine(g.s)
	g.m.Hold = true
	g.judge = invariants.NewGuestJudge(g.s)
	g.judge.Follow(g.s)
	g.m.Observe(g.judge)
	return true
}

// copyTables copies a table of the recorded memory, and those that hang on it.
func (g *xenGuest) copyTables(f model.Frame, level int) {
	ns := g.native.s
	to := g.s.L.Map.Frame(ns.L.Map.MFN(f))
	if to == model.NoFrame {
		return
	}
	for slot := range ns.L.Geo.Slots[level] {
		e := ns.Entry(ns.L.Geo, f, slot)
		if e == 0 || g.s.L.XenSlot(level, slot, false) {
			continue
		}
		g.s.SetEntry(g.s.L.Geo, to, slot, e)
		if c := ns.L.Map.Frame(e.MFN()); level > 1 && e.Is(model.Present) && c != model.NoFrame && g.native.trace.Level(c) == level-1 {
			g.copyTables(c, level-1)
		}
	}
}

// seedTable takes over what a frame holds that has just come into use as a table: the guest
// has stored it while it was a page of its own.
func (g *xenGuest) seedTable() {
	t := g.table
	g.table = nil
	if t == nil || g.m == nil {
		return
	}
	f := g.s.L.Map.Frame(model.MFN(t.Frame))
	if f == model.NoFrame || g.isTable(f) {
		return
	}
	from := g.native.frame(t.Frame)
	for slot := range g.s.L.Geo.Slots[t.Level] {
		if !g.s.L.XenSlot(t.Level, slot, false) {
			g.s.SetEntry(g.s.L.Geo, f, slot, g.native.s.Entry(g.native.s.L.Geo, from, slot))
		}
	}
	g.judge.Settled(g.s)
}

// isTable reports whether the model's hypervisor has a frame as a table.
func (g *xenGuest) isTable(f model.Frame) bool {
	i := g.s.InfoAt(f)
	return i.T > 0 && i.Typ.Level() > 0
}

// readyToPin takes over what a frame holds that is to be pinned and was no table so far, and
// what the tables below it hold: as the recording shows them when they are linked.
func (g *xenGuest) readyToPin(e *kernel.Event, x extended) {
	f := g.s.L.Map.Frame(model.MFN(x.arg1))
	if x.cmd > hypercall.PinL4 || f == model.NoFrame {
		return
	}
	g.foretell(f, int(x.cmd)+1, e.Line)
	g.judge.Settled(g.s)
}

// foretell fills a frame that is no table yet, and those below it, with what the next table
// at its place will hold, but for entries that the guest asks for in between.
func (g *xenGuest) foretell(f model.Frame, level, line int) {
	n := uint64(g.s.L.Map.MFN(f))
	if g.isTable(f) || g.native.trace.Level(g.native.frame(n)) > 0 {
		return
	}
	list := g.known.later[n]
	i, _ := slices.BinarySearchFunc(list, line, func(c contents, line int) int { return cmp.Compare(c.line, line) })
	g.counts.Assumed++
	for slot := range g.s.L.Geo.Slots[level] {
		g.s.SetEntry(g.s.L.Geo, f, slot, 0)
	}
	if i == len(list) {
		return
	}
	for _, x := range list[i].entries {
		if x.slot >= g.s.L.Geo.Slots[level] || g.s.L.XenSlot(level, x.slot, false) || g.known.updated(placeOf{n, x.slot}, line, list[i].line) {
			continue
		}
		g.s.SetEntry(g.s.L.Geo, f, x.slot, x.e)
		if c := g.s.L.Map.Frame(x.e.MFN()); level > 1 && x.e.Is(model.Present) && c != model.NoFrame {
			g.foretell(c, level-1, line)
		}
	}
}
