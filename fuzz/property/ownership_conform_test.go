package property_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/commands"
	"github.com/leanovate/gopter/gen"

	"github.com/ptcheck/ptcheck/fuzz/property"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/pvdp"
)

// guest is the system under test: the machine with the real rules.
type guest struct {
	m      *model.Machine
	made   []pvdp.Op
	found  *finding
	failed bool // gopter goes on after a failure; what comes then means nothing
}

// answer is what an operation came to on the machine.
type answer struct {
	g       *guest
	skipped bool
	rc      model.Errno
}

// Run issues the operation.
func (c *operation) Run(sut commands.SystemUnderTest) commands.Result {
	g := sut.(*guest)
	a := &answer{g: g, skipped: g.failed}
	if g.failed {
		return a
	}
	g.made = append(g.made, c.guestOp())
	mfn := model.MFN(c.frame)
	switch c.name {
	case "mu":
		a.rc = g.m.MMUUpdate(uint64(mfn)<<model.PageShift+uint64(c.arg*8), c.entry)
	case "st":
		g.m.SetEntry(g.m.L.Geo, model.Frame(c.frame), c.arg, c.entry)
		g.m.Commit()
	case "pin":
		a.rc = g.m.Pin(c.arg, mfn)
	case "unpin":
		a.rc = g.m.Unpin(mfn)
	case "cr3":
		a.rc = g.m.NewBaseptr(mfn)
	case "clear":
		a.rc = g.m.ClearFrame(mfn)
	case "copy":
		a.rc = g.m.CopyFrame(mfn, model.MFN(c.arg))
	}
	return a
}

// PostCondition compares the machine with the abstract state: the same answer, the
// same memory, and the records of the hypervisor say of each frame who uses it.
func (c *operation) PostCondition(s commands.State, r commands.Result) *gopter.PropResult {
	o, a := s.(*owners), r.(*answer)
	if a.skipped {
		return &gopter.PropResult{Status: gopter.PropTrue}
	}
	if err := refines(a.g.m.State, o, a.rc); err != nil {
		a.g.failed = true
		a.g.found.note(a.g.scenario, err)
		return &gopter.PropResult{Status: gopter.PropFalse, Labels: []string{fmt.Sprintf("%v: %v", c, err)}}
	}
	return &gopter.PropResult{Status: gopter.PropTrue}
}

// refines reports how a machine differs from an abstract state.
func refines(s *model.State, o *owners, rc model.Errno) error {
	if (rc == model.OK) != o.granted {
		return fmt.Errorf("the answer is %v, granted should be %t", rc, o.granted)
	}
	if s.CPU.CR3 != model.Frame(o.root) {
		return fmt.Errorf("the root is f%d, should be f%d", s.CPU.CR3, o.root)
	}
	all, _ := o.users()
	for f := range all {
		want, i := all[f], s.Info(model.Frame(f))
		got := users{}
		switch {
		case i.T == 0:
		case i.Typ == model.TypeWritable:
			got.writers = int(i.T)
		default:
			got.tables, got.level = int(i.T), i.Typ.Level()
		}
		if got != want {
			return fmt.Errorf("f%d has users %+v, should have %+v", f, got, want)
		}
		for slot, e := range o.entries[f] {
			if now := s.Entry(s.L.Geo, model.Frame(f), slot); now != e {
				return fmt.Errorf("f%d[%d] is %s, should be %s", f, slot, entryName(now), entryName(e))
			}
		}
	}
	return nil
}

// ownership is the conformance of a hypervisor to the abstract one.
func ownership(p model.Profile, levels int, f *finding) commands.Commands {
	p.NoLinear = true // same-level entries are a use of their own
	return &commands.ProtoCommands{
		InitialStateGen: gopter.CombineGens(gen.IntRange(levels+1, 7), gen.IntRange(1, 2)).Map(func(v []any) *owners {
			return firstOwners(v[0].(int), levels, v[1].(int))
		}),
		NewSystemUnderTestFunc: func(s commands.State) commands.SystemUnderTest { return newGuest(s.(*owners), &p, f) },
		GenCommandFunc: func(s commands.State) gopter.Gen {
			return func(params *gopter.GenParameters) *gopter.GenResult {
				return gopter.NewGenResult(drawOperation(s.(*owners), p.Modern, fromGopter(params)), gopter.NoShrinker)
			}
		},
	}
}

// scenario is what the guest has done, as a scenario file.
func (g *guest) scenario(mutant string) (*systems.File, error) {
	geo, hyper := g.m.L.Geo, g.m.L.Hyper
	b := pvdp.Bounds{Profile: hyper.Profile.Name, Frames: g.m.L.Map.Guest(), Levels: geo.Levels, Slots: geo.Slots[1]}
	s, err := pvdp.NewScenario(b, g.made, systems.Change{})
	if err != nil {
		return nil, err
	}
	return property.FileOf(s, mutant)
}

// guestOp is the operation as scenarios have it.
func (c *operation) guestOp() pvdp.Op {
	op := uint8(slices.Index(pvdp.OpNames(), c.name))
	return pvdp.Op{Op: op, Frame: uint8(c.frame), Arg: uint8(c.arg), Entry: c.entry}
}

// operationOf is the reverse of guestOp.
func operationOf(o pvdp.Op) *operation {
	return &operation{name: pvdp.OpNames()[o.Op], frame: int(o.Frame), arg: int(o.Arg), entry: o.Entry}
}

// fromGopter draws from gopter's source of numbers.
func fromGopter(params *gopter.GenParameters) func(string, int, int) int {
	return func(_ string, lo, hi int) int { return lo + params.Rng.Intn(hi-lo+1) }
}

// firstOwners is what the domain builder hands over: frame n is the table of level
// levels-n, and nothing is mapped.
func firstOwners(frames, levels, slots int) *owners {
	o := &owners{levels: levels, slots: slots, pinned: make([]int, frames)}
	for f := range frames {
		o.entries = append(o.entries, make([]model.Entry, slots))
		if f < levels-1 {
			o.entries[f][0] = model.MakeEntry(model.MFN(f+1), model.Present|model.RW)
		}
	}
	o.pinned[0] = levels
	return o
}

// newGuest puts an abstract state that is a start of day on a machine.
func newGuest(o *owners, p *model.Profile, f *finding) *guest {
	geo, err := model.NewGeometry("conformance", 8, slices.Repeat([]int{o.slots}, o.levels)...)
	if err != nil {
		panic(err)
	}
	s := model.NewState(&model.Layout{Geo: geo, Map: model.IdentityMap(len(o.entries)), Hyper: &model.Hyper{Profile: p}})
	for f, slots := range o.entries {
		for i, e := range slots {
			s.SetEntry(geo, model.Frame(f), i, e)
		}
	}
	if rc := s.AdoptGuest(model.Frame(o.root)); rc != model.OK {
		panic(fmt.Sprintf("the start of the day is refused: %v", rc))
	}
	return &guest{m: model.NewMachine(s), found: f}
}

// drawOperation draws an operation that makes sense in a state: entries that point
// down a level are as likely as any others.
func drawOperation(o *owners, modern bool, d func(string, int, int) int) commands.Command {
	frames := len(o.entries)
	all, _ := o.users()
	c := &operation{frame: d("frame", 0, frames-1)}
	anyEntry := func() {
		flags := [...]model.Entry{model.Present, model.Present | model.RW, model.Present | model.User, model.Present | model.RW | model.User, model.Present | model.PSE}
		c.arg = d("slot", 0, o.slots-1)
		if d("empty", 0, 4) > 0 {
			c.entry = model.MakeEntry(model.MFN(d("target", 0, frames-1)), flags[d("flags", 0, 12)%len(flags)])
		}
	}
	switch n := d("operation", 0, 11); {
	case n < 5:
		c.name = "mu"
		anyEntry()
	case n == 5:
		c.name = "st"
		anyEntry()
		if all[c.frame].writers == 0 {
			c.name = "mu"
		}
	case n < 8:
		c.name, c.arg = "pin", d("level", 1, o.levels)
	case n == 8:
		c.name = "unpin"
	case n == 9 || !modern:
		c.name = "cr3"
	case n == 10:
		c.name = "clear"
	default:
		c.name, c.arg = "copy", d("source", 0, frames-1)
	}
	return c
}

// TestOwnership holds every version of the hypervisor that leaves nothing behind
// against the abstract one.
func TestOwnership(t *testing.T) {
	for _, p := range []*model.Profile{model.Plain(), model.Xen31(), model.Ideal()} {
		for levels := 2; levels <= 4; levels++ {
			t.Run(fmt.Sprintf("%s/%d", p.Name, levels), func(t *testing.T) {
				conforms(t, func(f *finding) commands.Commands { return ownership(*p, levels, f) })
			})
		}
	}
}

// conforms runs gopter's default number of tests.
func conforms(t *testing.T, c func(*finding) commands.Commands) {
	t.Helper()
	f := &finding{}
	f.reports(t)
	properties := gopter.NewProperties(gopterParameters())
	properties.Property("conforms", commands.Prop(c(f)))
	properties.TestingRun(t)
}

// TestOwnershipSeesLeak replays the shortest way to the reference leak of Xen
// 4.17: the machine's frame is left with a user that no table is.
func TestOwnershipSeesLeak(t *testing.T) {
	entry := func(f int) model.Entry { return model.MakeEntry(model.MFN(f), model.Present) }
	way := []commands.Command{
		&operation{name: "mu", frame: 0, arg: 0},
		&operation{name: "mu", frame: 3, arg: 1, entry: entry(0)},
		&operation{name: "mu", frame: 4, arg: 1, entry: entry(2)},
		&operation{name: "pin", frame: 4, arg: 4},
	}
	for _, x := range []struct {
		p    *model.Profile
		same bool
	}{{model.Xen417(), false}, {model.Ideal(), true}} {
		x.p.NoLinear = true
		start := firstOwners(5, 4, 2)
		if r := commands.Replay(newGuest(start, x.p, &finding{}), start, way...); r.Success() != x.same {
			t.Errorf("%s: conforms %t, want %t: %v", x.p.Name, r.Success(), x.same, r.Labels)
		}
	}
}
