package model

import "unsafe"

// State is everything that a transition can read or change. Its layout does
// not change. Copy one with [State.CopyFrom]; the zero State is not usable,
// see [NewState].
type State struct {
	L      *Layout
	CPU    CPU
	Kernel Kernel
	TLB    TLB

	// GDT are the frames that hold the guest's descriptor table, ascending.
	GDT []Frame
	// LDT is the guest's local descriptor table.
	LDT LDT

	// pages[f] are the 64-bit words of frame f as far as a table can use them;
	// nil means that all are zero.
	pages [][]uint64
	info  []FrameInfo // nil on bare metal
	clock uint32      // Xen's TLB clock
	// flushed is the clock of the processor's last flush (Xen: tlbflush_time).
	flushed   uint32
	abandoned abandonedTable
	dealings  dealings
	// preempt is the number of the next question for an interruption that is
	// answered with yes; 0: none is. defers leaves the release of a table whose
	// audit failed to a later operation.
	preempt int
	defers  bool
	// busy is an unfinished table that another processor is at work on: whoever
	// wants to go on with it waits, and is interrupted meanwhile. NoFrame: none is.
	busy    Frame
	fatal   Fatal
	forgets [NumForgets]uint64
	// strictM2P keeps Xen's list of frames from user mode (Xen:
	// VMASST_TYPE_m2p_strict). It is off unless the guest asks for it.
	strictM2P bool
	// storesOff says that stores to leaf tables are not carried out for the guest.
	storesOff bool
	rules     *rules // nil on bare metal

	other   *Processor  // the processor that is not running; nil: there is one only
	running uint8       // number of the one that is
	wait    func() bool // lets the other processor go on until it calls wake; nil: it cannot
	wake    func()
	locked  [2]Frame // by processor: one more than the table whose entry a hypercall in mid-flight changes
	pause   func()   // lets a schedule switch processors inside a hypercall; nil: it cannot

	// OnRecord is told when the hypervisor is about to change its record of a frame; nil:
	// nobody is. A copy of the state does not have it.
	OnRecord func(f Frame)

	journal []change
	touched uint64 // frames whose records are in the journal since the last mark
	base    *base  // in place of the journal; nil: there is one

	_ [cacheLine]byte // what follows in memory may be another worker's
}

// cacheLine is the distance in bytes at which two processors do not disturb each
// other's writes: two lines, because they are fetched in pairs.
const cacheLine = 128

const frameInfoSize = int(unsafe.Sizeof(FrameInfo{}))

// apart returns a slice that shares its cache lines with nothing else.
func apart[T any](n, size int) []T {
	pad := (cacheLine + size - 1) / size
	return make([]T, n+2*pad)[pad : pad+n : pad+n]
}

// change is one undoable write to memory or to a frame record.
type change struct {
	frame Frame
	word  int32 // index of the word, or recordChange
	old   uint64
	info  FrameInfo
}

const recordChange int32 = -1

// Write is one changed 64-bit word of memory.
type Write struct {
	Frame Frame
	Word  int // index of the 64-bit word in the frame
	Old   uint64
}

// NewState returns an empty machine: memory all zero, no frame in use.
func NewState(l *Layout) *State {
	s := &State{L: l, pages: make([][]uint64, l.Map.Frames())}
	s.CPU = CPU{CR3: NoFrame, UserCR3: NoFrame, WP: true}
	s.Kernel = Kernel{InitMM: NoFrame, XenCR3: NoFrame, Second: NoFrame, BootmemNext: l.Kernel.BootmemFirst}
	s.Kernel.Life.Reset()
	s.abandoned.table, s.busy = NoFrame, NoFrame
	if l.SMP {
		s.other = &Processor{CPU: s.CPU, XenCR3: NoFrame, abandoned: s.abandoned}
	}
	s.dealings.pending = NoFrame
	if l.Hyper != nil {
		s.rules = newRules(l)
		s.info = apart[FrameInfo](l.Map.Frames(), frameInfoSize)
	}
	if words := l.words(); words*l.Map.Frames() <= smallMemory {
		// Searches run many small machines side by side: keep each together.
		slab := apart[uint64](words*l.Map.Frames(), 8)
		for f := range s.pages {
			s.pages[f] = slab[f*words : (f+1)*words : (f+1)*words]
		}
		s.journal = make([]change, 0, 128)
	}
	return s
}

// Grow makes room for the frames that have been added to the physical map of a machine on
// bare metal.
func (s *State) Grow() {
	for len(s.pages) < s.L.Map.Frames() {
		s.pages = append(s.pages, nil)
	}
}

// SetLayout gives a machine another layout of the same shape: memory, registers and
// records stay.
func (s *State) SetLayout(l *Layout) {
	s.L = l
	s.rules = newRules(l)
}

// smallMemory is the largest memory, in 64-bit words, that is allocated at once.
const smallMemory = 1 << 12

// Word returns 64-bit word i of a frame.
func (s *State) Word(f Frame, i int) uint64 {
	p := s.pages[f]
	if p == nil {
		return 0
	}
	return p[i]
}

// Words are the 64-bit words of a frame, for reading; nil if all are zero.
func (s *State) Words(f Frame) []uint64 { return s.pages[f] }

// SetWord writes 64-bit word i of a frame and remembers the old value until
// the next [State.Commit].
func (s *State) SetWord(f Frame, i int, v uint64) {
	p := s.pages[f]
	if p == nil {
		if v == 0 {
			return
		}
		p = make([]uint64, s.L.words())
		s.pages[f] = p
	}
	if p[i] == v {
		return
	}
	if s.base != nil {
		s.base.store(f)
	} else {
		s.journal = append(s.journal, change{frame: f, word: int32(i), old: p[i]})
	}
	p[i] = v
}

// Entry returns slot i of a frame read as a table of geometry g.
func (s *State) Entry(g *Geometry, f Frame, slot int) Entry {
	if g.Width == 8 {
		return Entry(s.Word(f, slot))
	}
	return Entry(uint32(s.Word(f, slot/2) >> (32 * (slot & 1))))
}

// NextUsed is the first slot of a table from slot on, below end, that may hold an
// entry other than zero; end if there is none. Most of a real table is empty.
func (s *State) NextUsed(g *Geometry, f Frame, slot, end int) int {
	p := s.pages[f]
	if p == nil {
		return end
	}
	half := 0 // two entries of four bytes share a word
	if g.Width == 4 {
		half = 1
	}
	for slot < end && p[slot>>half] == 0 {
		slot++
	}
	return slot
}

// SetEntry writes slot i of a frame as a table of geometry g.
func (s *State) SetEntry(g *Geometry, f Frame, slot int, e Entry) {
	if g.Width == 8 {
		s.SetWord(f, slot, uint64(e))
		return
	}
	sh := 32 * (slot & 1)
	w := s.Word(f, slot/2)
	s.SetWord(f, slot/2, w&^(0xffff_ffff<<sh)|uint64(uint32(e))<<sh)
}

// Empty reports whether a frame's table words are all zero.
func (s *State) Empty(f Frame) bool {
	for _, w := range s.pages[f] {
		if w != 0 {
			return false
		}
	}
	return true
}

// Info returns the hypervisor's record of a frame.
func (s *State) Info(f Frame) FrameInfo { return s.info[f] }

// InfoAt is Info without a copy, for reading.
func (s *State) InfoAt(f Frame) *FrameInfo { return &s.info[f] }

// SetInfo replaces the hypervisor's record of a frame, for decoding states. The
// TLB clock is not part of a decoded record.
func (s *State) SetInfo(f Frame, i FrameInfo) {
	if s.base != nil {
		s.base.changed |= 1 << uint(f)
	}
	s.info[f] = i
}

// SetPlain writes 64-bit word i of a frame, for decoding states: it cannot be
// undone once a Commit has followed.
func (s *State) SetPlain(f Frame, i int, v uint64) {
	if s.pages[f] == nil {
		s.pages[f] = make([]uint64, s.L.words())
	}
	if s.base != nil {
		s.base.store(f)
	}
	s.pages[f][i] = v
}

// mark returns a point to roll back to.
func (s *State) mark() int {
	if s.base != nil {
		if s.base.changed != 0 {
			panic("model: base: a point to roll back to in the middle of an operation")
		}
		return 0
	}
	s.touched = 0
	return len(s.journal)
}

// rollback undoes every change since a mark.
func (s *State) rollback(mark int) {
	if s.base != nil {
		s.base.undo(s)
		return
	}
	for i := len(s.journal) - 1; i >= mark; i-- {
		c := &s.journal[i]
		if c.word == recordChange {
			s.info[c.frame] = c.info
		} else {
			s.pages[c.frame][c.word] = c.old
		}
	}
	s.journal, s.touched = s.journal[:mark], 0
}

// Undo takes back every change to memory and frame records since the last
// Commit. Registers and the TLB are not its business.
func (s *State) Undo() { s.rollback(0) }

// Changed reports whether memory or a frame record has been written to since the
// last Commit.
func (s *State) Changed() bool { return len(s.journal) > 0 || s.base != nil && s.base.changed != 0 }

// ChangedFrames is the set of frames, by bit, whose memory or record has been
// written to since the last Commit. It is for machines of at most 64 frames.
func (s *State) ChangedFrames() uint64 {
	if s.base != nil {
		return s.base.changed
	}
	var set uint64
	for i := range s.journal {
		set |= 1 << uint(s.journal[i].frame)
	}
	return set
}

// StoredFrames is the set of those among ChangedFrames whose memory may differ; with a
// journal it is all of them.
func (s *State) StoredFrames() uint64 {
	if s.base != nil {
		return s.base.stored
	}
	return s.ChangedFrames()
}

// Commit forgets how to undo what has been done so far.
func (s *State) Commit() {
	s.journal, s.touched = s.journal[:0], 0
	if s.base != nil {
		s.base.commit(s)
	}
}

// Writes calls yield for each memory word changed since the last Commit,
// oldest first. A word may occur several times.
func (s *State) Writes(yield func(Write) bool) {
	if s.base != nil {
		s.base.writes(s, yield)
		return
	}
	for i := range s.journal {
		c := &s.journal[i]
		if c.word == recordChange {
			continue
		}
		if !yield(Write{Frame: c.frame, Word: int(c.word), Old: c.old}) {
			return
		}
	}
}

// AppendWrites appends what [State.Writes] visits to a list.
func (s *State) AppendWrites(to []Write) []Write {
	if s.base != nil {
		s.base.writes(s, func(w Write) bool { to = append(to, w); return true })
		return to
	}
	for i := range s.journal {
		if c := &s.journal[i]; c.word != recordChange {
			to = append(to, Write{Frame: c.frame, Word: int(c.word), Old: c.old})
		}
	}
	return to
}

// Records calls yield for each change of a frame's record since the last Commit, oldest
// first, with what the record was. A frame may occur several times.
func (s *State) Records(yield func(f Frame, was *FrameInfo) bool) {
	if s.base != nil {
		s.base.records(s, yield)
		return
	}
	for i := range s.journal {
		if c := &s.journal[i]; c.word == recordChange && !yield(c.frame, &c.info) {
			return
		}
	}
}

// CatchUp makes s equal to o, to which it was equal at o's last Commit: it copies what has
// changed since. Both have the layout of that time.
func (s *State) CatchUp(o *State) {
	s.copyRegisters(o)
	if o.base != nil {
		s.CopyFrom(o)
		return
	}
	for i := range o.journal {
		if c := &o.journal[i]; c.word == recordChange {
			s.info[c.frame] = o.info[c.frame]
		} else {
			s.SetPlain(c.frame, int(c.word), o.pages[c.frame][c.word])
		}
	}
	s.Commit()
}

// CopyFrom makes s equal to o, which must have the same number of frames and
// the same table size. It allocates only where o has table frames that s never
// had.
func (s *State) CopyFrom(o *State) {
	s.copyRegisters(o)
	for f, p := range o.pages {
		switch {
		case p == nil:
			clear(s.pages[f])
		case s.pages[f] == nil:
			s.pages[f] = append([]uint64(nil), p...)
		default:
			copy(s.pages[f], p)
		}
	}
	s.info = append(s.info[:0], o.info...)
	if s.base != nil {
		s.base.changed = 1<<uint(len(s.pages)) - 1
		s.base.stored = s.base.changed
	}
	s.Commit()
}

// copyRegisters copies everything but memory and frame records.
func (s *State) copyRegisters(o *State) {
	s.L, s.CPU, s.Kernel, s.clock = o.L, o.CPU, o.Kernel, o.clock
	s.flushed, s.abandoned, s.rules = o.flushed, o.abandoned, o.rules
	s.strictM2P, s.storesOff = o.strictM2P, o.storesOff
	s.dealings.copyFrom(&o.dealings)
	s.preempt, s.defers, s.busy, s.fatal = o.preempt, o.defers, o.busy, o.fatal
	s.TLB.copyFrom(&o.TLB)
	s.copyProcessor(o)
	s.GDT = append(s.GDT[:0], o.GDT...)
	s.LDT = o.LDT
}
