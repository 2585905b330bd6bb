package guests

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/emulator"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// recorder writes down what a guest asks for and what comes of it.
type recorder struct {
	b      bytes.Buffer
	w      *kernel.Writer
	k      *emulator.Kernel
	totals map[string]uint64
	names  map[uint64]string // functions that occur, by address
}

// stride is the difference of the entries of a run.
const stride = 0x1000

// header describes the machine and the guest.
func (d *domain) header() *kernel.Header {
	kind := d.m.Kind.String()
	h := &kernel.Header{Pairs: []kernel.Pair{
		{Key: kernel.KeyBanner, Value: d.k.Banner},
		{Key: kernel.KeyArch, Value: "amd64"},
		{Key: kernel.KeyCPU, Value: d.m.Features.String()},
		{Key: kernel.KeyMemory, Value: strconv.FormatUint(d.frames()<<12, 10)},
		{Key: kernel.KeySMP, Value: "1"},
		{Key: kernel.KeyXen, Value: "ptcheck's model of " + model.Xen417().Name},
		{Key: "guest", Value: kind},
		{Key: kernel.KeyCmdline, Value: d.m.Cmdline},
		{Key: kernel.KeySHA256, Value: d.k.SHA256},
	}}
	h.Pairs = slices.DeleteFunc(h.Pairs, func(p kernel.Pair) bool { return p.Value == "" })
	for _, r := range d.memoryMap() {
		h.E820 = append(h.E820, kernel.Range{Start: r.Start, End: r.End, Kind: r.Kind.String()})
	}
	return h
}

// begin writes down what the guest begins with.
func (r *recorder) begin(h *host) {
	r.k, r.totals, r.names = h.d.k, map[string]uint64{}, map[uint64]string{}
	r.w = kernel.NewWriter(&r.b, h.d.header())
	r.event(&kernel.Event{Kind: kernel.Mode, Level: 4})
	r.load(h.d.pv.Entry, uint64(h.d.p2m[h.d.root])<<12)
	for level := 4; level > 0; level-- {
		for _, t := range h.d.tables {
			if tableLevel(h.s.InfoAt(model.Frame(t))) == level {
				r.adopt(h, model.Frame(t), level, level == 4)
			}
		}
	}
	r.records(h)
}

// records writes down whose the frames of memory are: the guest's.
func (r *recorder) records(h *host) {
	r.event(&kernel.Event{Kind: kernel.Records, Point: kernel.AtStart})
	for i := 0; i < len(h.d.p2m); {
		j := i + 1
		for j < len(h.d.p2m) && h.d.p2m[j] == h.d.p2m[j-1]+1 {
			j++
		}
		first := uint64(h.d.p2m[i])
		e := kernel.Event{Kind: kernel.FrameRecord, Frame: first, Count: j - i}
		const allocated = 1 // a reference: it is in use
		e.SetWords(allocated, 0, 0)
		r.event(&e)
		r.event(&kernel.Event{Kind: kernel.Place, PFN: uint64(i), Count: j - i, Frame: first})
		i = j
	}
}

// event writes an event.
func (r *recorder) event(e *kernel.Event) {
	switch e.Kind {
	case kernel.Store:
		r.totals[kernel.TotalStores]++
	case kernel.Control:
		r.totals[kernel.TotalControls]++
	case kernel.Hypercall:
		r.totals[kernel.TotalHypercalls]++
	case kernel.Differs:
		r.totals[kernel.TotalDifferences]++
	}
	r.name(e.RIP)
	for _, c := range e.Callers() {
		r.name(c)
	}
	r.w.Event(e)
}

func (r *recorder) name(addr uint64) {
	if name, off := r.k.Function(addr); name != "" {
		r.names[addr-off] = name
	}
}

// load writes down that a root is loaded.
func (r *recorder) load(rip, root uint64) {
	r.event(&kernel.Event{Kind: kernel.Control, RIP: rip, Reg: 3, CR3: root, CR0: emulator.GuestCR0, CR4: emulator.GuestCR4, EFER: emulator.GuestEFER})
}

// store writes down that the hypervisor stores an entry.
func (r *recorder) store(at *call, mfn uint64, slot int, old, now uint64, level int) {
	e := kernel.Event{Kind: kernel.Store, Frame: mfn, Slot: slot, Old: old, New: now, Size: 8, Level: level}
	at.describe(&e)
	r.event(&e)
}

// adopt writes down that a frame is a table, with what it holds.
func (r *recorder) adopt(h *host, f model.Frame, level int, root bool) {
	r.event(&kernel.Event{Kind: kernel.Table, Level: level, Frame: uint64(h.l.Map.MFN(f)), Root: root})
	entry := func(slot int) uint64 {
		if level == 4 && slot >= firstXenSlot && slot < firstXenSlot+len(h.d.slots) {
			return h.d.slots[slot-firstXenSlot]
		}
		return h.s.Word(f, slot)
	}
	for slot := 0; slot < 512; {
		first := entry(slot)
		if first == 0 {
			slot++
			continue
		}
		n := 1
		for slot+n < 512 && entry(slot+n) == first+uint64(n)*stride {
			n++
		}
		r.event(&kernel.Event{Kind: kernel.Run, Slot: slot, Count: n, Stride: stride, New: first})
		slot += n
	}
}

// release writes down that a frame is no table any more.
func (r *recorder) release(mfn uint64, level int) {
	r.event(&kernel.Event{Kind: kernel.Release, Frame: mfn, Level: level})
}

// compare holds all tables against memory: a difference is a store that nobody carried out.
func (r *recorder) compare(h *host) {
	const used = uint64(model.Accessed | model.Dirty)
	r.totals[kernel.TotalChecks]++
	b := make([]byte, 4096)
	for f := range model.Frame(h.l.Map.Guest()) {
		level := tableLevel(h.s.InfoAt(f))
		mfn := uint64(h.l.Map.MFN(f))
		if level == 0 || !h.p.Read(mfn<<12, b) {
			continue
		}
		for slot := range 512 {
			is, want := binary.LittleEndian.Uint64(b[8*slot:]), h.s.Word(f, slot)
			if (is^want)&^used != 0 && !h.l.XenSlot(level, slot, false) {
				r.event(&kernel.Event{Kind: kernel.Differs, Point: kernel.AtEnd, Frame: mfn, Slot: slot, Old: want, New: is})
			}
		}
	}
}

// finish is the whole recording.
func (r *recorder) finish() ([]byte, error) {
	var totals kernel.Totals
	for _, name := range []string{kernel.TotalStores, kernel.TotalControls, kernel.TotalFlushes, kernel.TotalHypercalls, kernel.TotalChecks, kernel.TotalDifferences} {
		totals = append(totals, kernel.Total{Name: name, Count: r.totals[name]})
	}
	var list []kernel.Symbol
	for addr, name := range r.names {
		list = append(list, kernel.Symbol{Addr: addr, Type: 'T', Name: name})
	}
	slices.SortFunc(list, func(a, b kernel.Symbol) int { return cmp.Compare(a.Addr, b.Addr) })
	err := r.w.Close(totals, list, nil)
	return r.b.Bytes(), err
}
