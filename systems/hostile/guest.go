package hostile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ptcheck/ptcheck/systems/pvdp"

	"github.com/ptcheck/ptcheck/invariants"
	"github.com/ptcheck/ptcheck/model"
)

// Guest is a hostile guest that tries every operation of an alphabet against the
// hypervisor, with more to choose from than an adversary of package pvdp: updates and
// accesses by address under a TLB that keeps everything, operations that are
// interrupted half-way, frames that come and go, other domains and devices. It is
// watched by all rules for hostile guests. It is made for small searches of many scopes
// rather than for one large graph.
type Guest struct {
	Scope string

	o      Options
	geo    *model.Geometry
	ops    []int
	values []model.Entry
	memory []word
	rules  []invariants.Rule
}

// word is a word of memory at the start.
type word struct {
	frame, slot int
	entry       model.Entry
}

// Options are the bounds of a hostile guest.
type Options struct {
	// Slots are the slots of a table of each level, from the root down.
	Slots []int
	// Frames is the number of the guest's frames. Frame 0 is the root; slot 0 of
	// frame n names frame n+1 down to the L1.
	Frames int
	// PAE makes the root one of PAE, whose last slot must name an L2 whose last slot
	// is Xen's. Wide makes the guest a 64-bit one, with a user root.
	PAE, Wide bool
	// Memory is what the guest's frames hold at the start, a word a line, such as
	// "f3 0 f1:P".
	Memory []string
	// Extra are frames of others, which follow the guest's.
	Extra []model.ExtraKind
	// Ops are the operations of the alphabet, Flags the flags of its entries, Words
	// further entries.
	Ops, Flags, Words []string
	// Targets are the frames that entries may name, nil for all.
	Targets []int
	// Interrupts is the number of places at which an operation can be interrupted.
	Interrupts int
	// Stopped are the operations that processor 0 may be stopped in while processor 1
	// makes up to BesideLen of the operations Beside; nil: there is one processor.
	Stopped, Beside []string
	BesideLen       int
	// StaleTLB keeps translations until they are flushed. AccessBits has processors
	// keep accessed and dirty bits.
	StaleTLB, AccessBits bool
	// XenSlots fills the hypervisor's slots: the last three of a root, in PAE the last
	// one of its own L2.
	XenSlots bool
	// Guest is the kind of domain.
	Guest   model.GuestKind
	Profile *model.Profile

	// races says that there are two processors whatever they may be stopped in.
	races bool
}

// twoProcessors reports whether operations can be stopped by those of another
// processor.
func (o *Options) twoProcessors() bool { return o.races || len(o.Stopped) > 0 }

// all is the number of frames that entries can name.
func (o *Options) all() int { return o.Frames + len(o.Extra) }

// New returns a hostile guest.
func New(o Options) (*Guest, error) {
	h := &Guest{o: o, rules: invariants.GuestRules()}
	geo, err := model.NewGeometry(fmt.Sprint("hostile ", o.Slots), 8, o.Slots...)
	if err != nil {
		return nil, fmt.Errorf("%w", err)
	}
	geo.PAERoot, geo.SignExtend = o.PAE, o.Wide
	h.geo = geo
	switch {
	case o.Profile == nil:
		return nil, fmt.Errorf("no hypervisor rules")
	case o.XenSlots && !o.PAE && o.Slots[0] <= xenSlots:
		return nil, fmt.Errorf("%d slots of a root: %d are the hypervisor's", o.Slots[0], xenSlots)
	case o.Frames < geo.Levels || o.Frames > pvdp.MaxFrames:
		return nil, fmt.Errorf("%d frames: want %d to %d", o.Frames, geo.Levels, pvdp.MaxFrames)
	}
	for _, name := range slices.Concat(o.Ops, o.Stopped, o.Beside) {
		if number(name) < 0 {
			return nil, fmt.Errorf("no operation is named %q", name)
		}
	}
	h.ops = h.named(o.Ops)
	if err := h.alphabet(); err != nil {
		return nil, err
	}
	h.Scope = h.o.scope()
	if err := h.readMemory(); err != nil {
		return nil, err
	}
	if _, err := h.start(); err != nil {
		return nil, err
	}
	return h, nil
}

// scope writes the bounds and the alphabet in a line.
func (o *Options) scope() string {
	text := fmt.Sprintf("%s, operations %s, flags %s", o.frames(), strings.Join(o.Ops, " "), strings.Join(o.Flags, " "))
	for _, is := range [...]struct {
		set  bool
		text string
	}{{o.PAE, "PAE root"}, {o.Wide, "64 bits"}, {o.StaleTLB, "sticky TLB"}, {o.AccessBits, "accessed and dirty bits"},
		{o.XenSlots, "slots of the hypervisor's"}, {o.Guest != model.AnyGuest, "guest " + o.Guest.String()}} {
		if is.set {
			text += ", " + is.text
		}
	}
	if o.Interrupts > 0 {
		text += fmt.Sprintf(", %d places to interrupt", o.Interrupts)
	}
	if len(o.Words) > 0 {
		text += ", words " + strings.Join(o.Words, " ")
	}
	if o.Targets != nil {
		text += fmt.Sprintf(", entries to %v", o.Targets)
	}
	if len(o.Extra) > 0 {
		text += fmt.Sprintf(", %d frames of others", len(o.Extra))
	}
	if len(o.Stopped) > 0 {
		text += fmt.Sprintf(", two processors: %s stopped while the other makes %d of %s",
			strings.Join(o.Stopped, " "), max(1, o.BesideLen), strings.Join(o.Beside, " "))
	}
	if len(o.Memory) > 0 {
		text += ", memory " + strings.Join(o.Memory, "; ")
	}
	return text
}

// frames writes the bounds in a line.
func (o *Options) frames() string {
	return fmt.Sprintf("%d frames, slots %v, rules %s", o.Frames, o.Slots, o.Profile.Name)
}

func number(name string) int {
	return slices.IndexFunc(operations[:], func(d operation) bool { return d.name == name })
}

// named are the numbers of operations.
func (h *Guest) named(names []string) []int {
	var out []int
	for _, name := range names {
		out = append(out, number(name))
	}
	return out
}

// Rules are what the guest is checked against, in the order of the search's
// findings.
func (h *Guest) Rules() []invariants.Rule { return h.rules }

// alphabet lists the entries that the guest writes.
func (h *Guest) alphabet() error {
	h.values = append(h.values, 0)
	targets := h.o.Targets
	if targets == nil {
		for f := range h.o.all() {
			targets = append(targets, f)
		}
	}
	for _, f := range targets {
		for _, text := range h.o.Flags {
			flags, err := pvdp.ParseFlags(text)
			if err != nil {
				return err
			}
			h.values = append(h.values, model.MakeEntry(model.MFN(f), flags))
		}
	}
	for _, text := range h.o.Words {
		e, err := h.entry(text)
		if err != nil {
			return err
		}
		h.values = append(h.values, e)
	}
	if len(h.values) > 256 {
		return fmt.Errorf("%d entries: want at most 256", len(h.values))
	}
	return nil
}

// entry reads an entry such as f3:PW, or a word such as 0x8f0000000000.
func (h *Guest) entry(text string) (model.Entry, error) {
	var f int
	var w uint64
	name, flags, ok := strings.Cut(text, ":")
	if !ok {
		if _, err := fmt.Sscanf(text, "0x%x", &w); err != nil {
			return 0, fmt.Errorf("entry %q: want f3:PW or 0x10", text)
		}
		return model.Entry(w), nil
	}
	if _, err := fmt.Sscanf(name, "f%d", &f); err != nil || f < 0 || f >= h.o.all() {
		return 0, fmt.Errorf("entry %q: no such frame", text)
	}
	e, err := pvdp.ParseFlags(flags)
	return model.MakeEntry(model.MFN(f), e), err
}

// readMemory reads what memory holds at the start.
func (h *Guest) readMemory() error {
	for n, line := range h.o.Memory {
		var w word
		var text string
		_, err := fmt.Sscanf(line, "f%d %d %s", &w.frame, &w.slot, &text)
		switch {
		case err != nil || w.frame < 0 || w.frame >= h.o.Frames || w.slot < 0 || w.slot >= h.geo.Words():
			err = fmt.Errorf("want a line such as \"f3 0 f1:P\", of a frame and a slot that there are")
		default:
			w.entry, err = h.entry(text)
		}
		if err != nil {
			return &memoryError{n, fmt.Errorf("memory %s: %w", line, err)}
		}
		h.memory = append(h.memory, w)
	}
	return nil
}

// memoryError says what is wrong with a word of memory, by its number.
type memoryError struct {
	n   int
	err error
}

// Error implements error.
func (e *memoryError) Error() string { return e.err.Error() }

// xenSlots is the number of slots of a root that are the hypervisor's: one for its
// list of frames, one that names the root, and one for everything else.
const xenSlots = 3

// ownSlots describes the hypervisor's slots. The frames that they name are nobody's.
func (h *Guest) ownSlots(x *model.Hyper) {
	const list, own = model.MFN(0x3fe), model.MFN(0x3ff)
	flags := model.Present | model.RW | model.Accessed | model.Dirty
	switch {
	case h.o.PAE:
		last := h.geo.Slots[2] - 1
		x.XenLevel, x.XenFirst, x.XenLast = 2, last, last
		if h.o.XenSlots {
			x.XenEntries = []model.Entry{model.MakeEntry(own, flags)}
		}
	case h.o.XenSlots:
		first := h.geo.Slots[h.geo.Root()] - xenSlots
		x.XenLevel, x.XenFirst, x.XenLast, x.XenSelf = h.geo.Root(), first, first+xenSlots-1, first+1
		x.XenEntries = []model.Entry{0, flags | model.NX, model.MakeEntry(own, flags)}
		x.XenOnLoad = model.MakeEntry(list, model.Present|model.User|model.Accessed|model.NX)
	}
}

// start returns the state that a domain builder hands over.
func (h *Guest) start() (*model.State, error) {
	l := &model.Layout{Geo: h.geo, AccessBits: h.o.AccessBits,
		Hyper: &model.Hyper{Profile: h.o.Profile, LinearMap: h.o.StaleTLB && h.geo.Levels > 2}}
	h.o.Guest.Describe(l.Hyper)
	h.ownSlots(l.Hyper)
	var mfns, extra []model.MFN
	for f := range h.o.Frames {
		mfns = append(mfns, model.MFN(f))
	}
	for n, kind := range h.o.Extra {
		extra = append(extra, model.MFN(h.o.Frames+n))
		l.Hyper.Extra = append(l.Hyper.Extra, model.Extra{Name: fmt.Sprintf("f%d", h.o.Frames+n), Kind: kind})
	}
	var err error
	if l.Map, err = model.NewPhysMap(mfns, extra); err != nil {
		return nil, err
	}
	s := model.NewState(l)
	for f := range h.geo.Levels - 1 {
		flags := model.Present | model.RW
		if h.o.PAE && f == 0 {
			flags = model.Present
		}
		s.SetEntry(h.geo, model.Frame(f), 0, model.MakeEntry(model.MFN(f+1), flags))
	}
	for _, w := range h.memory {
		s.SetEntry(h.geo, model.Frame(w.frame), w.slot, w.entry)
	}
	s.CPU.CR4 = model.CR4PAE
	if rc := s.AdoptGuest(0); rc != model.OK {
		return nil, fmt.Errorf("the hypervisor refuses the start of the day: %v", rc)
	}
	s.TLB.Sticky = h.o.StaleTLB
	if h.o.twoProcessors() {
		two, rc := s.TwoProcessors()
		if rc != model.OK {
			return nil, fmt.Errorf("the second processor does not start: %v", rc)
		}
		s = two
	}
	return s, nil
}
