package pvdp

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// Guest is a hostile guest that may issue any operation of an alphabet, in any order,
// on a few frames: an adversary of the hypervisor. It must never get a writable mapping
// of a table page, a count that disagrees with a recount from raw memory, or a root
// that is not valid. With the alphabet of the PV-DP reference model its graph is the
// PV-DP graph.
type Guest struct {
	Scope string
	// CountOrbits says how many states each class of symmetric states stands for.
	CountOrbits bool

	geo     *model.Geometry
	profile *model.Profile
	guest   model.GuestKind
	frames  int
	levels  int
	slots   int
	flags   []model.Entry
	ops     opSet
	strict  bool // mmu_update only of tables in use, as PV-DP has it
	// slotSymmetry says that slots of a table are interchangeable.
	slotSymmetry bool
	only         uint // rules that are looked at, by bit; 0: all
	code         layoutBits
}

// Options are the bounds of an adversary.
type Options struct {
	Frames, Levels, Slots int
	// Ops are the operations of the alphabet, Flags the flag sets of its entries
	// in the letters of scenario files.
	Ops, Flags []string
	Profile    *model.Profile
	// Guest is the kind of domain.
	Guest model.GuestKind
	// FramesOnly leaves out the symmetry of slots.
	FramesOnly bool
}

// Operations of an adversary, by number: those that it issues in a way of their own.
const (
	opMMU = iota
	opRaw
	opPin
	opUnpin
	opCR3
	opUserCR3 // this and what follows PV-DP does not have
	numOps    = len(opNames)
)

// opNames are the names of the operations in --ops and in scenario files: verbs of the
// table of operations, and st, a store of the guest's own.
var opNames = [...]string{"mu", "st", "pin", "unpin", "cr3", "ucr3", "gdt", "clear", "copy"}

// opVerbs are the verbs, nil for the store.
var opVerbs = verbsOf(opNames)

func verbsOf(names [numOps]string) (verbs [numOps]*model.Verb) {
	for i, name := range names {
		_, verbs[i] = model.FindVerb(name)
	}
	return verbs
}

// opArgs are the operands of an operation.
func opArgs(op uint8) []model.Operand {
	if op == opRaw {
		op = opMMU // what a store needs
	}
	return opVerbs[op].Args
}

type opSet uint

func (s opSet) has(op int) bool { return s>>op&1 != 0 }

// OpNames lists the operations that an adversary may have.
func OpNames() []string { return opNames[:] }

// OpNames lists the operations by number; those outside the alphabet are empty.
func (a *Guest) OpNames() []string {
	names := make([]string, numOps)
	for i := range names {
		if a.ops.has(i) {
			names[i] = opNames[i]
		}
	}
	return names
}

// NewReference returns the adversary whose graph is the reference model PV-DP(frames,
// levels, slots).
func NewReference(o Options) (*Guest, error) {
	if len(o.Ops) > 0 || len(o.Flags) > 0 {
		return nil, fmt.Errorf("the operations and flags of the reference model are fixed")
	}
	o.Ops, o.Flags = []string{"mu", "st", "pin", "unpin", "cr3"}, []string{"P", "PW"}
	if o.Profile == nil {
		o.Profile = model.Plain()
	}
	a, err := New(o)
	if err != nil {
		return nil, err
	}
	a.strict = true
	a.slotSymmetry = !o.FramesOnly
	return a, nil
}

// New returns an adversary within bounds.
func New(o Options) (*Guest, error) {
	a := &Guest{frames: o.Frames, levels: o.Levels, slots: o.Slots, profile: o.Profile, guest: o.Guest}
	if err := a.check(); err != nil {
		return nil, err
	}
	for _, name := range o.Ops {
		i := slices.Index(opNames[:], name)
		if i < 0 {
			return nil, fmt.Errorf("no operation is named %q; there are %s", name, strings.Join(opNames[:], " "))
		}
		a.ops |= 1 << i
	}
	for _, text := range o.Flags {
		e, err := ParseFlags(text)
		if err != nil {
			return nil, err
		}
		if slices.Contains(a.flags, e) {
			return nil, fmt.Errorf("flags %q are given twice", text)
		}
		a.flags = append(a.flags, e)
	}
	if a.ops == 0 || len(a.flags) == 0 {
		return nil, fmt.Errorf("no operations or no flags")
	}
	shape := slices.Repeat([]int{o.Slots}, o.Levels)
	geo, err := model.NewGeometry(fmt.Sprintf("%d levels of %d slots", o.Levels, o.Slots), 8, shape...)
	if err != nil {
		return nil, err
	}
	a.geo = geo
	if a.code = a.measure(); a.code.content > 64 {
		return nil, fmt.Errorf("%d slots of entries to %d frames with %d sets of flags do not fit a packed frame", a.slots, a.frames, len(a.flags))
	}
	a.Scope = fmt.Sprintf("%s, operations %s, flags %s", a.bounds().frames(), strings.Join(o.Ops, " "), strings.Join(o.Flags, " "))
	return a, nil
}

// Most that an adversary can have; more would not fit its call codes.
const (
	MaxFrames = 16
	maxSlots  = 8
)

func (a *Guest) check() error {
	switch {
	case a.levels < 2 || a.levels > model.MaxLevels:
		return fmt.Errorf("%d levels: want 2 to %d", a.levels, model.MaxLevels)
	case a.frames < a.levels || a.frames > MaxFrames:
		return fmt.Errorf("%d frames: want %d to %d", a.frames, a.levels, MaxFrames)
	case a.slots < 1 || a.slots > maxSlots:
		return fmt.Errorf("%d slots: want 1 to %d", a.slots, maxSlots)
	case a.profile == nil:
		return fmt.Errorf("no hypervisor rules")
	case a.profile.Known:
		return fmt.Errorf("rules %s: only searches of other systems have room to note what is forgotten", a.profile.Name)
	}
	return nil
}

// ParseFlags reads a set of flags such as "PW".
func ParseFlags(text string) (model.Entry, error) {
	var e model.Entry
	for i := range len(text) {
		f, ok := model.ParseFlag(text[i])
		if !ok || e&f != 0 {
			return 0, fmt.Errorf("flags %q: %q is no flag or stands twice", text, text[i])
		}
		e |= f
	}
	if e == 0 {
		return 0, fmt.Errorf("empty flags")
	}
	return e, nil
}

// mapped is the number of slots of the first L1 that map something. In PV-DP it
// maps the last frames; elsewhere the guest has to map them itself.
func (a *Guest) mapped() int {
	if a.strict {
		return min(a.slots, a.frames)
	}
	return 0
}

// start returns the state that a domain builder hands over: frame 0 is the root,
// frame n the table of level Levels-n below it, the L1 maps the last frames,
// tables read-only.
func (a *Guest) start() (*model.State, error) {
	l := &model.Layout{Geo: a.geo, Map: model.IdentityMap(a.frames), Hyper: &model.Hyper{Profile: a.profile}}
	a.guest.Describe(l.Hyper)
	l.Kernel.MaxLowPFN = 0 // the adversary has no direct map
	s := model.NewState(l)
	for f := range a.levels - 1 {
		s.SetEntry(a.geo, model.Frame(f), 0, model.MakeEntry(model.MFN(f+1), model.Present|model.RW))
	}
	for i := range a.mapped() {
		g := a.frames - 1 - i
		flags := model.Present
		if g >= a.levels {
			flags |= model.RW
		}
		s.SetEntry(a.geo, model.Frame(a.levels-1), i, model.MakeEntry(model.MFN(g), flags))
	}
	s.CPU.CR4 = model.CR4PAE
	if rc := s.AdoptGuest(0); rc != model.OK {
		return nil, fmt.Errorf("the hypervisor refuses the start of the day: %v", rc)
	}
	return s, nil
}
