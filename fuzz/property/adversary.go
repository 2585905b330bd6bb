package property

import (
	"fmt"
	"slices"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/drawn"
	"github.com/ptcheck/ptcheck/systems/pvdp"
)

// Guest is a hostile guest: a model of it, and what may go wrong by the
// hypervisor's known defects.
type Guest struct {
	Model *pvdp.Model
	// Leaks says that the hypervisor loses references by a known defect: then its
	// counts need not agree with a recount. Xen 4.17 loses them in refused audits;
	// Xen 3.1 in circles of same-level entries, which hold each other when nothing
	// else does (limited since XSA-240).
	Leaks bool
	// Made are the operations so far.
	Made []pvdp.Op
	// Levels, Frames and FlagSets are the guest's.
	Levels, Frames, FlagSets int
}

// Name is the name of an operation by its number in call codes.
func (g *Guest) Name(op uint64) string { return pvdp.OpNames()[op] }

// Adversary draws a hostile guest under a hypervisor: its frames, levels and
// slots, the operations that it may use and the flags of its entries. p is the
// hypervisor; levels 0 are drawn too. An error is a fault of the generator.
func Adversary(d drawn.Draw, p *model.Profile, levels int) (*Guest, error) {
	if levels == 0 {
		levels = d("levels", 2, 4)
	}
	o := pvdp.Options{Levels: levels, Profile: p}
	o.Slots = d("slots", 1, 3)
	// What a frame holds must fit its packed form.
	o.Frames = d("frames", levels, min(levels+4, 7))
	for _, op := range pvdp.OpNames() {
		// Few at a time: what two operations do to each other shows sooner.
		if op == "mu" || op == "pin" || d.Yes("operation "+op) {
			o.Ops = append(o.Ops, op)
		}
	}
	flags := []string{"PW", "PU", "PWU", "PS", "PG", "PWAD", "PX"}
	drawn.Shuffle(d, "flags", flags)
	o.Flags = append([]string{"P"}, flags[:d("sets of flags", 0, 3)]...)
	if p.NoLinear {
		// Such adversaries record counts of types alone.
		o.Ops = slices.DeleteFunc(o.Ops, func(op string) bool { return slices.Contains(pvdp.OpNames()[5:], op) })
	}
	a, err := pvdp.New(o)
	if err != nil {
		return nil, err
	}
	m, err := a.NewModel()
	if err != nil {
		return nil, err
	}
	m.Init(0)
	return &Guest{Model: m, Leaks: leaks(p), Levels: levels, Frames: o.Frames, FlagSets: len(o.Flags)}, nil
}

func leaks(p *model.Profile) bool { return p.Residue || !p.Modern && !p.NoLinear }

// PVDP draws the guest of the reference model under rules.
func PVDP(d drawn.Draw, p *model.Profile, levels int) (*Guest, error) {
	o := pvdp.Options{Levels: levels, Profile: p, Slots: d("slots", 1, 2), Frames: d("frames", levels+1, 6)}
	a, err := pvdp.NewReference(o)
	if err != nil {
		return nil, err
	}
	m, err := a.NewModel()
	if err != nil {
		return nil, err
	}
	m.Init(0)
	return &Guest{Model: m, Leaks: leaks(p), Levels: levels, Frames: o.Frames, FlagSets: 2}, nil
}

// Choose draws an operation: first its kind, because there are many entry writes
// and few others, then one of that kind.
func (g *Guest) Choose(d drawn.Draw) uint64 {
	calls := g.Model.Calls(nil)
	var starts []int // where each kind begins; the calls of a kind need not lie together
	byOp := map[uint64][]uint64{}
	for i, c := range calls {
		if byOp[c>>24] == nil {
			starts = append(starts, i)
		}
		byOp[c>>24] = append(byOp[c>>24], c)
	}
	// Half of the operations write entries: nothing else makes new tables.
	kind := calls[starts[max(0, d("operation", 1-len(starts), len(starts)-1))]] >> 24
	return byOp[kind][d("operands", 0, len(byOp[kind])-1)]
}

// Do issues an operation, then judges the state. done says that it was granted or
// left something behind. A leaked reference, where such are known, ends the
// guest's life without being a problem.
func (g *Guest) Do(code uint64) (done, over bool, problem error) {
	if o := g.Model.Apply(code); o.Kind != explore.Moved {
		return false, false, nil
	}
	g.Made = append(g.Made, g.Model.Op(code))
	// What has changed is what follows operations start from.
	g.Model.Decode(g.Model.Encode(nil))
	o := g.Model.CheckState()
	if o.Kind != explore.Violated {
		return true, false, nil
	}
	rule := pvdp.Rules()[o.Rule]
	if g.Leaks && rule == "counts-agree" {
		return true, true, nil
	}
	return true, true, fmt.Errorf("operation %#x: broken rule %s", code, rule)
}
