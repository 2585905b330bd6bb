package guests

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/emulator"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// host is the hypervisor of one guest. What is about tables the model decides; host carries it
// over to the guest's memory.
type host struct {
	d *domain
	l *model.Layout
	s *model.State
	m *model.Machine
	p processor // of the trap at hand

	traps    [256]trapGate
	vcpuInfo uint64 // where the guest's vcpu_info lies, a machine address
	bases    map[uint32]uint64
	tsc      uint64
	port     uint32 // the next event channel
	console  []byte

	rec     recorder
	refusal *Refusal
	// requests are those that may be refused, in order.
	requests []Request
	refused  bool
	// exceptions are the last ones that the guest got.
	exceptions []Exception
	ended      string // how the run ended
}

// processor is what a hypervisor needs of a processor that has stopped, see [emulator.Processor].
type processor interface {
	Read(ma uint64, b []byte) (ok bool)
	Write(ma uint64, b []byte)
	SetRegister(n int, v uint64)
	SetPC(v uint64)
	SetFlags(v uint64)
	SetRoot(v uint64)
	SetMSR(id uint32, v uint64)
	Flush()
	End(stop, detail string)
}

// trapGate is where the guest wants an exception.
type trapGate struct {
	address uint64
	masks   bool // event delivery
}

// newHost makes the hypervisor of a guest, and settles the guest's tables: the builder's entries
// become what the hypervisor stores.
func newHost(d *domain, refusal *Refusal) (*host, error) {
	l, err := d.layout()
	if err != nil {
		return nil, err
	}
	h := &host{d: d, l: l, s: model.NewState(l), refusal: refusal, bases: map[uint32]uint64{}, tsc: 1_000_000, port: 3}
	h.s.CPU.NXE, h.s.CPU.CR4 = true, model.CR4PAE|model.CR4PSE
	h.vcpuInfo = d.sharedInfo << 12
	for _, t := range d.tables {
		b := d.guest(t)
		for slot := range 512 {
			h.s.SetPlain(model.Frame(t), slot, binary.LittleEndian.Uint64(b[8*slot:]))
		}
	}
	if rc := h.s.AdoptGuest(model.Frame(d.root)); rc != model.OK {
		return nil, fmt.Errorf("guests: the model refuses the tables that the guest begins with: %v", rc)
	}
	for _, t := range d.tables {
		for slot, w := range h.s.Words(model.Frame(t)) {
			d.put(uint64(d.p2m[t]), slot, w)
		}
	}
	for i, e := range d.slots {
		d.put(uint64(d.p2m[d.root]), firstXenSlot+i, e)
	}
	h.m = model.NewMachine(h.s)
	h.m.Hold = true
	h.rec.begin(h)
	return h, nil
}

// guest is what the emulator needs to know.
func (h *host) guest(stops map[string]uint64) *emulator.Guest {
	d := h.d
	g := &emulator.Guest{RAM: d.ram(), Features: d.m.Features, Root: uint64(d.p2m[d.root]) << 12, Stops: stops,
		PC: privateVA + stubPage<<12, SP: privateVA + stackPage<<12, SI: d.pv.VirtBase + d.startInfo<<12}
	for _, mfn := range sortedKeys(d.pages) {
		g.Memory = append(g.Memory, emulator.Piece{PA: mfn << 12, Bytes: d.pages[mfn]})
	}
	return g
}

// Trap implements [emulator.Hypervisor].
func (h *host) Trap(p *emulator.Processor, t *emulator.Trap) error {
	h.p = p
	h.trap(t)
	return nil
}

func (h *host) trap(t *emulator.Trap) {
	switch {
	case t.Stop != "":
		h.rec.compare(h)
		h.end(t.Stop, "")
	case t.Hypercall:
		h.hypercall(t)
	default:
		h.exception(t)
	}
}

// end ends the run.
func (h *host) end(stop, detail string) {
	if h.ended == "" {
		h.ended = stop
		h.p.End(stop, detail)
	}
}

var errNowhere = errors.New("nothing is mapped there")

// translate finds the machine address of an address of the guest's, by its tables.
func (h *host) translate(va uint64) (ma uint64, err error) {
	f := h.s.CPU.CR3
	for level := 4; ; level-- {
		if f == model.NoFrame {
			return 0, errNowhere
		}
		e := h.s.Entry(h.l.Geo, f, slotOf(va, level))
		switch {
		case !e.Is(model.Present) || level == 4 && h.l.XenSlot(4, slotOf(va, 4), false):
			return 0, errNowhere
		case level == 1:
			return uint64(e.MFN())<<12 | va&0xfff, nil
		}
		f = h.l.Map.Frame(e.MFN())
	}
}

// read reads memory of the guest's.
func (h *host) read(va uint64, b []byte) error { return h.each(va, b, h.p.Read) }

// write writes memory of the guest's.
func (h *host) write(va uint64, b []byte) error {
	return h.each(va, b, func(ma uint64, b []byte) bool { h.p.Write(ma, b); return true })
}

// each does something with the pages of a piece of the guest's memory.
func (h *host) each(va uint64, b []byte, do func(ma uint64, b []byte) bool) error {
	for len(b) > 0 {
		n := min(len(b), int(4096-va&0xfff))
		ma, err := h.translate(va)
		if err == nil && h.l.Map.Frame(model.MFN(ma>>12)) == model.NoFrame || err == nil && !do(ma, b[:n]) {
			err = errNowhere
		}
		if err != nil {
			return err
		}
		b, va = b[n:], va+uint64(n)
	}
	return nil
}

// words reads words of the guest's memory.
func (h *host) words(va uint64, n int) ([]uint64, error) {
	const most = 1 << 16
	if n > most {
		return nil, errNowhere
	}
	b := make([]byte, 8*n)
	if err := h.read(va, b); err != nil {
		return nil, err
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return out, nil
}

// store writes words to the guest's memory.
func (h *host) store(va uint64, words ...uint64) error {
	var b bytes.Buffer
	for _, w := range words {
		binary.Write(&b, binary.LittleEndian, w)
	}
	return h.write(va, b.Bytes())
}

// tableLevel is the level of a frame that is in use as a table, 0 for others.
func tableLevel(i *model.FrameInfo) int {
	if i.T == 0 {
		return 0
	}
	return i.Typ.Level()
}

// learn has the model see what a frame holds that may become a table of a level, and the frames
// below it: memory that is no table is the guest's to write, and the model does not follow it.
func (h *host) learn(f model.Frame, level int) {
	if f == model.NoFrame || !h.l.Map.IsGuest(f) || tableLevel(h.s.InfoAt(f)) > 0 {
		return
	}
	b := make([]byte, 4096)
	if !h.p.Read(uint64(h.l.Map.MFN(f))<<12, b) {
		return
	}
	for slot := range 512 {
		if level == 4 && h.l.XenSlot(4, slot, false) {
			continue
		}
		e := model.Entry(binary.LittleEndian.Uint64(b[8*slot:]))
		h.s.SetEntry(h.l.Geo, f, slot, e)
		if level > 1 && e.Is(model.Present) {
			h.learn(h.l.Map.Frame(e.MFN()), level-1)
		}
	}
}

// learnEntry has the model see an entry as memory has it: with the bits that the processor has set.
func (h *host) learnEntry(f model.Frame, slot int) {
	var b [8]byte
	if f != model.NoFrame && h.l.Map.IsGuest(f) && h.p.Read(uint64(h.l.Map.MFN(f))<<12+uint64(8*slot), b[:]) {
		h.s.SetEntry(h.l.Geo, f, slot, model.Entry(binary.LittleEndian.Uint64(b[:])))
	}
}

// operate has the model carry out an operation, and carries what it changed over to memory.
func (h *host) operate(at *call, do func() model.Errno) model.Errno {
	h.s.Commit()
	var rc model.Errno
	if died := h.m.Run(func() { rc = do() }); died != nil {
		h.end("killed", fmt.Sprintf("the hypervisor ends the guest: %v", died))
		return model.EINVAL
	}
	h.settle(at)
	return rc
}

// settle carries what has changed over to memory and into the recording.
func (h *host) settle(at *call) {
	before := map[model.Frame]int{}
	var frames []model.Frame
	h.s.Records(func(f model.Frame, was *model.FrameInfo) bool {
		if _, seen := before[f]; !seen {
			before[f] = tableLevel(was)
			frames = append(frames, f)
		}
		return true
	})
	levelOf := func(f model.Frame) int {
		if l, ok := before[f]; ok {
			return l
		}
		return tableLevel(h.s.InfoAt(f))
	}
	flush := false
	seen := map[model.Write]bool{}
	h.s.Writes(func(w model.Write) bool {
		key := model.Write{Frame: w.Frame, Word: w.Word}
		now := h.s.Word(w.Frame, w.Word)
		if seen[key] || now == w.Old {
			return true
		}
		seen[key] = true
		h.poke(uint64(h.l.Map.MFN(w.Frame))<<12+uint64(8*w.Word), now)
		if level := levelOf(w.Frame); level > 0 {
			h.rec.store(at, uint64(h.l.Map.MFN(w.Frame)), w.Word, w.Old, now, level)
		}
		flush = flush || w.Old&1 != 0
		return true
	})
	for level := 4; level > 0; level-- {
		for _, f := range frames {
			if is := tableLevel(h.s.InfoAt(f)); is == level && before[f] == 0 {
				h.adopted(f, level)
			}
		}
	}
	for _, f := range frames {
		if was := before[f]; was > 0 && tableLevel(h.s.InfoAt(f)) == 0 {
			h.rec.release(uint64(h.l.Map.MFN(f)), was)
		}
	}
	if flush {
		h.p.Flush()
	}
	h.s.Commit()
}

// poke writes a word of machine memory.
func (h *host) poke(ma, v uint64) {
	h.p.Write(ma, binary.LittleEndian.AppendUint64(nil, v))
}

// adopted takes note of a frame that has become a table. A root gets the hypervisor's slots.
func (h *host) adopted(f model.Frame, level int) {
	mfn := uint64(h.l.Map.MFN(f))
	if level == 4 {
		for i := firstXenSlot; i <= lastXenSlot; i++ {
			v := uint64(0)
			if i-firstXenSlot < len(h.d.slots) {
				v = h.d.slots[i-firstXenSlot]
			}
			h.poke(mfn<<12+uint64(8*i), v)
		}
	}
	h.rec.adopt(h, f, level, level == 4)
}

// loadRoot loads the root that the model has loaded.
func (h *host) loadRoot(at *call) {
	root := uint64(h.l.Map.MFN(h.s.CPU.CR3)) << 12
	h.p.SetRoot(root)
	h.rec.load(at.rip, root)
}

// callers are words of the guest's stack that look like return addresses.
func (h *host) callers(sp uint64) (out []uint64) {
	const depth = 64
	n := min(depth, int(4096-sp&0xfff)/8)
	list, err := h.words(sp, n)
	if err != nil {
		return nil
	}
	for _, w := range list {
		if len(out) < kernel.MaxCallers && h.d.k.IsCode(w) {
			out = append(out, w)
		}
	}
	return out
}
