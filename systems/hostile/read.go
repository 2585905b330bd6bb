package hostile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/script"
	"github.com/ptcheck/ptcheck/systems"
	"github.com/ptcheck/ptcheck/systems/attack"
	"github.com/ptcheck/ptcheck/systems/pvdp"
)

// reader reads scenario files.
type reader struct {
	attack.Reader[*Options, Op]
	o      Options
	memory []systems.Line // where the words of memory stand
	h      *Guest         // the guest, once its header has been read
	race   []Op           // of a race that goes on: what is stopped, then the others
	place  uint8          // and where; 0: there is no race
}

func newReader(x *system) *reader {
	r := &reader{}
	r.Kind, r.Start, r.Operation = x, r.start, r.operation
	yes := func(name string, is *bool) attack.Bound {
		return attack.Bound{Name: name, Max: 1, Take: func(n int) { *is = n != 0 }}
	}
	r.Header = attack.Header{
		Profiles: []*model.Profile{model.Ideal(), model.Xen31(), model.Xen417(), model.Xen417Known()},
		Bounds: []attack.Bound{
			{Name: "frames", Min: 2, Max: pvdp.MaxFrames, Take: func(n int) { r.o.Frames = n }, Needed: true},
			yes("pae", &r.o.PAE), yes("wide", &r.o.Wide), yes("stale", &r.o.StaleTLB), yes("race", &r.o.races),
			yes("access", &r.o.AccessBits), yes("slots", &r.o.XenSlots),
			{Name: "extra", Max: int(model.Foreign), Take: func(n int) { r.o.Extra = append(r.o.Extra, model.ExtraKind(n)) }, Repeats: true},
		},
		More: map[string]func(*script.Op, systems.Line) error{"shape": r.shape, "memory": r.word},
	}
	return r
}

// shape reads the slots of a table of each level.
func (r *reader) shape(op *script.Op, at systems.Line) error {
	if r.o.Slots != nil {
		return at.Errorf("shape is there twice")
	}
	const most = model.PageSize / 8
	for i := range op.Args {
		n := op.Args[i].Num
		if n < 1 || n > most {
			return at.Errorf("%d slots: want 1 to %d", n, most)
		}
		r.o.Slots = append(r.o.Slots, int(n))
	}
	return nil
}

// word reads a word of memory.
func (r *reader) word(op *script.Op, at systems.Line) error {
	r.o.Memory = append(r.o.Memory, strings.TrimPrefix(op.String(), "memory "))
	r.memory = append(r.memory, at)
	return nil
}

// start settles where the guest starts.
func (r *reader) start() (*Options, error) {
	if r.o.Slots == nil {
		return nil, errors.New("no line \"shape SLOTS SLOTS ...\"")
	}
	r.o.Profile, r.o.Guest = r.Header.Profile(), r.Header.Guest()
	var err error
	r.h, err = New(r.o)
	if bad := (*memoryError)(nil); errors.As(err, &bad) {
		return nil, r.memory[bad.n].Errorf("%v", bad)
	}
	return &r.o, err
}

// operation reads a line that is an operation, or a part of a race.
func (r *reader) operation(op *script.Op) (o Op, more bool, err error) {
	switch op.Name {
	case "stop":
		if !r.o.races || r.place != 0 || op.Args[0].Num < 1 || op.Args[0].Num > lastPlace {
			return o, false, fmt.Errorf("a race needs \"scope race 1\", a place from 1 to %d, and no race around it", lastPlace)
		}
		r.place = uint8(op.Args[0].Num)
		return o, true, nil
	case "go":
		if len(r.race) < 2 {
			return o, false, errRace
		}
		o = r.race[0]
		o.place, o.beside = r.place, r.race[1:]
		r.race, r.place = nil, 0
		return o, false, nil
	}
	if o, err = r.h.read(op); err == nil && r.place != 0 {
		r.race = append(r.race, o)
	}
	return o, r.place != 0, err
}

// read reads an operation.
func (h *Guest) read(op *script.Op) (o Op, err error) {
	n := number(op.Name)
	if n < 0 {
		return o, fmt.Errorf("%q is no operation of a hostile guest", op.Name)
	}
	o.n = uint8(n)
	for i, kind := range operations[n].args {
		arg := &op.Args[i]
		v := arg.Num
		switch kind {
		case model.OperandEntry:
			if o.entry, err = h.entryOf(arg); err != nil {
				return o, err
			}
			continue
		case model.OperandFrame, model.OperandFrameOrNone, model.OperandOther:
			v = arg.Frame.N
			if arg.Frame.Class != script.ClassPool {
				return o, fmt.Errorf("operand %d: want a frame such as f3", i+1)
			}
		}
		from, to := h.bounds(kind)
		if kind == model.OperandPlace || to > 256 { // as many as an operand can tell
			to = 256
		}
		if v < uint64(from) || v >= uint64(to) {
			return o, fmt.Errorf("operand %d: want %d to %d", i+1, from, to-1)
		}
		o.args[i] = uint8(v)
	}
	return o, nil
}

// entryOf reads an operand that is an entry.
func (h *Guest) entryOf(a *script.Arg) (model.Entry, error) {
	if a.Frame.Class == script.ClassNone {
		return a.Bits, nil
	}
	if a.Frame.Class != script.ClassPool || a.Frame.N >= uint64(h.o.all()) {
		return 0, fmt.Errorf("entries name frames f0 to f%d", h.o.all()-1)
	}
	return model.MakeEntry(model.MFN(a.Frame.N), a.Bits), nil
}
