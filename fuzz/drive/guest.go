package drive

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
	"github.com/ptcheck/ptcheck/systems/boot"
)

// Scope is a world of a hostile guest.
type Scope struct {
	Profile               string
	Frames, Levels, Slots int
}

// Scopes are the worlds that an input chooses from by its first byte. Xen 4.17 and
// Xen 3.1 are not among them: the one leaks references and the other lets tables
// hold each other in a circle, which every longer input would find again.
func Scopes() []Scope {
	return []Scope{
		{"ideal", 5, 2, 2}, {"ideal", 4, 3, 1}, {"ideal", 8, 4, 2}, {"ideal", 6, 3, 3},
		{"ideal", 3, 2, 1}, {"ideal", 8, 3, 2}, {"plain", 4, 2, 1}, {"plain", 6, 3, 2},
	}
}

// Profile returns the rules of a scope, for the caller alone.
func Profile(name string) *model.Profile {
	for _, p := range model.Profiles() {
		if p.Name == name {
			return p
		}
	}
	return model.Plain()
}

// Guest drives a hostile guest. It is not safe for concurrent use.
//
// Byte 0 chooses the scope. The 16 bits of an operation, lowest first: 4 the
// operation, 3 the frame, 2 the slot, 3 the entry's frame, 4 its flags. Pins take
// their level from the slot, copies their second frame from the entry.
type Guest struct {
	models []*system.AdversaryModel
	flags  [16]model.Entry
	scope  int
	path   []system.GuestOp
}

// NewGuest returns a driver of hostile guests; judge replaces rules of the
// hypervisor.
func NewGuest(judge model.Mutant) (*Guest, error) {
	g := &Guest{flags: flagSets(), path: make([]system.GuestOp, 0, maxOps)}
	for _, s := range Scopes() {
		p := Profile(s.Profile)
		p.Mutant = judge
		a, err := system.OpenAdversary("adversary", system.AdversaryOptions{Frames: s.Frames, Levels: s.Levels, Slots: s.Slots, Profile: p})
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
	m.Reset()
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
func (g *Guest) op(m *system.AdversaryModel, w uint) system.GuestOp {
	s := Scope{Frames: m.Adversary().Frames(), Levels: m.Adversary().Levels(), Slots: m.Adversary().Slots()}
	nibble, frame, slot, second, flags := w&15, w>>4&7, w>>7&3, w>>9&7, w>>12
	o := system.GuestOp{Op: opOf(nibble), Frame: uint8(frame % uint(s.Frames))}
	switch system.OperandOf(o.Op) {
	case system.SlotEntry:
		o.Arg = uint8(slot % uint(s.Slots))
		if f := g.flags[flags]; f != 0 {
			o.Entry = model.MakeEntry(model.MFN(second%uint(s.Frames)), f)
		}
		if system.OpNames()[o.Op] == "st" {
			o = reachable(m, o)
		}
	case system.LevelOf:
		o.Arg = uint8(1 + slot%uint(s.Levels))
	case system.FrameOf:
		o.Arg = uint8(second % uint(s.Frames))
	}
	return o
}

// opOf is the operation with a number.
func opOf(nibble uint) uint8 { return uint8(slices.Index(system.OpNames(), opsByNibble[nibble])) }

// reachable turns a store to a frame that the guest cannot write to into one to
// the next frame that it can, or into a hypercall if there is none.
func reachable(m *system.AdversaryModel, o system.GuestOp) system.GuestOp {
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
func (g *Guest) Path() (Scope, []system.GuestOp) { return Scopes()[g.scope], slices.Clone(g.path) }

// Encode is the reverse of Run. ok is false if no input carries out the
// operations in the scope.
func (g *Guest) Encode(s Scope, ops []system.GuestOp) (data []byte, ok bool) {
	scope := slices.Index(Scopes(), s)
	if scope < 0 || len(ops) > maxOps {
		return nil, false
	}
	m := g.models[scope]
	m.Reset()
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
func (g *Guest) word(m *system.AdversaryModel, o system.GuestOp) (uint, bool) {
	for w := range uint(1 << 16) {
		if opOf(w&15) == o.Op && g.op(m, w) == o {
			return w, true
		}
	}
	return 0, false
}
