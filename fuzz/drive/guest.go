package drive

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/pvdp"
)

// Scopes are the worlds that an input chooses from by its first byte. Xen 4.17 and
// Xen 3.1 are not among them: the one leaks references and the other lets tables
// hold each other in a circle, which every longer input would find again.
func Scopes() []pvdp.Bounds {
	ideal, plain := model.Ideal().Name, model.Plain().Name
	bounds := func(profile string, frames, levels, slots int) pvdp.Bounds {
		return pvdp.Bounds{Profile: profile, Frames: frames, Levels: levels, Slots: slots}
	}
	return []pvdp.Bounds{
		bounds(ideal, 5, 2, 2), bounds(ideal, 4, 3, 1), bounds(ideal, 8, 4, 2), bounds(ideal, 6, 3, 3),
		bounds(ideal, 3, 2, 1), bounds(ideal, 8, 3, 2), bounds(plain, 4, 2, 1), bounds(plain, 6, 3, 2),
	}
}

// profile finds the rules with a name.
func profile(name string) *model.Profile {
	if p := systems.FindProfile(name); p != nil {
		return p
	}
	return model.Plain()
}

// Guest drives a hostile guest. It is not safe for concurrent use.
//
// Byte 0 chooses the scope. The 16 bits of an operation, lowest first: 4 the
// operation, 3 the frame, 2 the slot, 3 the entry's frame, 4 its flags. Pins take
// their level from the slot, copies their second frame from the entry.
type Guest struct {
	models []*pvdp.Model
	change systems.Change
	flags  [16]model.Entry
	scope  int
	path   []pvdp.Op
}

// NewGuest returns a driver of hostile guests, with a change planted in their
// hypervisor.
func NewGuest(c systems.Change) (*Guest, error) {
	g := &Guest{flags: flagSets(), path: make([]pvdp.Op, 0, maxOps), change: c}
	for _, b := range Scopes() {
		a, err := pvdp.Open(pvdp.Options{Frames: b.Frames, Levels: b.Levels, Slots: b.Slots, Profile: c.Judge(profile(b.Profile))}, false)
		if err != nil {
			return nil, fmt.Errorf("drive: %w", err)
		}
		m, err := a.NewModel()
		if err != nil {
			return nil, fmt.Errorf("drive: %w", err)
		}
		g.models = append(g.models, m)
	}
	return g, nil
}

// opsByNibble are the operations by number; what makes tables has more numbers
// than the rest.
var opsByNibble = [16]string{"mu", "mu", "mu", "mu", "mu", "st", "st", "pin", "pin", "unpin", "unpin", "cr3", "ucr3", "gdt", "clear", "copy"}

// flagSets are the flags of an entry by number; 0 is the empty entry.
func flagSets() [16]model.Entry {
	const p, w, u = model.Present, model.RW, model.User
	return [16]model.Entry{
		0, p, p | w, p | w | u, p | u, p | w | model.Accessed | model.Dirty, p | model.Accessed,
		p | model.PSE, p | w | model.PSE, p | model.Global, p | model.NX, p | w | model.NX,
		w, p | model.PCD, p | w | model.PWT | model.PCD, p | 1<<52,
	}
}

// Run carries out the operations that an input stands for, until a rule is
// broken.
func (g *Guest) Run(data []byte) explore.Outcome {
	g.scope, g.path = 0, g.path[:0]
	if len(data) > 0 {
		g.scope = int(data[0]) % len(g.models)
		data = data[1:]
	}
	m := g.models[g.scope]
	m.Restart()
	for ; len(data) >= 2 && len(g.path) < maxOps; data = data[2:] {
		o := g.op(m, uint(data[0])|uint(data[1])<<8)
		g.path = append(g.path, o)
		if _, out := m.Do(o); out.Kind != explore.Moved {
			return out
		}
	}
	return explore.Outcome{Kind: explore.Moved}
}

// op is the operation that 16 bits stand for.
func (g *Guest) op(m *pvdp.Model, w uint) pvdp.Op {
	s := m.Bounds()
	nibble, frame, slot, second, flags := w&15, w>>4&7, w>>7&3, w>>9&7, w>>12
	o := pvdp.Op{Op: opOf(nibble), Frame: uint8(frame % uint(s.Frames))}
	switch pvdp.OperandOf(o.Op) {
	case pvdp.SlotEntry:
		o.Arg = uint8(slot % uint(s.Slots))
		if f := g.flags[flags]; f != 0 {
			o.Entry = model.MakeEntry(model.MFN(second%uint(s.Frames)), f)
		}
		if pvdp.OpNames()[o.Op] == "st" {
			o = reachable(m, o)
		}
	case pvdp.LevelOf:
		o.Arg = uint8(1 + slot%uint(s.Levels))
	case pvdp.FrameOf:
		o.Arg = uint8(second % uint(s.Frames))
	}
	return o
}

// opOf is the operation with a number.
func opOf(nibble uint) uint8 { return uint8(slices.Index(pvdp.OpNames(), opsByNibble[nibble])) }

// reachable turns a store to a frame that the guest cannot write to into one to
// the next frame that it can, or into a hypercall if there is none.
func reachable(m *pvdp.Model, o pvdp.Op) pvdp.Op {
	set := m.Writable()
	if set == 0 {
		o.Op = opOf(0)
		return o
	}
	o.Frame += uint8(bits.TrailingZeros64(bits.RotateLeft64(set, -int(o.Frame))))
	o.Frame &= 63
	return o
}

// Path is what the last input did.
func (g *Guest) Path() (pvdp.Bounds, []pvdp.Op) { return Scopes()[g.scope], slices.Clone(g.path) }

// Scenario is what the last input did.
func (g *Guest) Scenario() (systems.Scenario, error) {
	b, ops := g.Path()
	return pvdp.NewScenario(b, ops, g.change)
}

// Encode is the reverse of Run. ok is false if no input carries out the
// operations in the scope.
func (g *Guest) Encode(s pvdp.Bounds, ops []pvdp.Op) (data []byte, ok bool) {
	scope := slices.Index(Scopes(), s)
	if scope < 0 || len(ops) > maxOps {
		return nil, false
	}
	m := g.models[scope]
	m.Restart()
	data = append(data, byte(scope))
	for _, o := range ops {
		w, ok := g.word(m, o)
		if !ok {
			return nil, false
		}
		data = append(data, byte(w), byte(w>>8))
		m.Do(o)
	}
	return data, true
}

// word finds 16 bits that stand for an operation.
func (g *Guest) word(m *pvdp.Model, o pvdp.Op) (uint, bool) {
	for w := range uint(1 << 16) {
		if opOf(w&15) == o.Op && g.op(m, w) == o {
			return w, true
		}
	}
	return 0, false
}
