package pvdp

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// Rules of an adversary, by index.
const (
	ruleReadOnly = iota // no writable mapping of a table page
	ruleCounts          // the hypervisor's counts agree with a recount
	ruleRoot            // CR3 is a validated root
	numRules
)

// Rules are what must hold in every state of an adversary, by their IDs
// in package invariants.
func Rules() []string { return []string{"tables-read-only", "counts-agree", "root-valid"} }

// Model is one worker's view of an adversary.
type Model struct {
	a        *Guest
	m        *model.Machine
	s        *model.State
	start    []byte
	first    packedState // the start of the day, for Restart
	firstCPU model.CPU
	cpu      model.CPU // registers to restore
	gdt      []model.Frame
	pack     packer
	canon    canonizer
	long     [16]byte // scratch of StepWords
	census   model.Census
	values   []model.Entry // every entry of the alphabet, the empty one first
	counts   []uint64

	// Of ExpandWords: the calls of the state, and whether somebody watches, so that it must
	// not be used.
	codes    []uint64
	observed bool
}

var (
	_ explore.Model        = (*Model)(nil)
	_ explore.FixedSize    = (*Model)(nil)
	_ explore.StateChecker = (*Model)(nil)
	_ explore.Counter      = (*Model)(nil)
	_ explore.WordStepper  = (*Model)(nil)
)

// NewModel returns a model for one worker.
func (a *Guest) NewModel() (*Model, error) {
	s, err := a.start()
	if err != nil {
		return nil, err
	}
	m := &Model{a: a, s: s, m: model.NewMachine(s), counts: make([]uint64, 2*numOps, 64)}
	m.m.Hold = true
	m.values = append(m.values, 0)
	for f := range a.frames {
		for _, flags := range a.flags {
			m.values = append(m.values, model.MakeEntry(model.MFN(f), flags))
		}
	}
	m.pack = newPacker(a)
	m.canon = newCanonizer(a, &m.pack)
	m.save()
	m.pack.rebase(m)
	m.start = m.Encode(nil)
	m.first.frames, m.firstCPU = m.pack.base, m.s.CPU
	return m, nil
}

// Inits is 1: the domain builder's tables.
func (m *Model) Inits() int { return 1 }

// Init makes the builder's tables the working state.
func (m *Model) Init(int) { m.Decode(m.start) }

func (m *Model) save() {
	m.cpu = m.s.CPU
	m.gdt = append(m.gdt[:0], m.s.GDT...)
	m.s.Commit()
}

// Restore takes back the last Apply.
func (m *Model) Restore() {
	m.s.Undo()
	m.s.Revive()
	m.s.CPU = m.cpu
	if len(m.s.GDT)+len(m.gdt) > 0 {
		m.s.GDT = append(m.s.GDT[:0], m.gdt...)
	}
}

// Call codes: operation, frame, slot or level or second frame, entry.
func opCode(op, frame, slot, value int) uint64 {
	return uint64(op)<<24 | uint64(frame)<<16 | uint64(slot)<<8 | uint64(value)
}

// Calls appends the operations that may change something.
func (m *Model) Calls(dst []uint64) []uint64 {
	a, s := m.a, m.s
	writable := m.writable()
	for f := range a.frames {
		i := s.InfoAt(model.Frame(f))
		table := i.T > 0 && i.Typ.Level() > 0
		if a.ops.has(opMMU) && (table || !a.strict) {
			dst = m.entries(dst, opMMU, f)
		}
		if a.ops.has(opRaw) && writable>>f&1 != 0 {
			dst = m.entries(dst, opRaw, f)
		}
		if a.ops.has(opPin) && !i.Is(model.Pinned) {
			for level := 1; level <= a.levels; level++ {
				if i.T == 0 || i.Typ.Level() == level {
					dst = append(dst, opCode(opPin, f, level, 0))
				}
			}
		}
		if a.ops.has(opUnpin) && i.Is(model.Pinned) {
			dst = append(dst, opCode(opUnpin, f, 0, 0))
		}
		if a.ops.has(opCR3) && s.CPU.CR3 != model.Frame(f) {
			dst = append(dst, opCode(opCR3, f, 0, 0))
		}
		dst = m.rareCalls(dst, f)
	}
	return dst
}

// rareCalls appends the operations on a frame that PV-DP does not have.
func (m *Model) rareCalls(dst []uint64, f int) []uint64 {
	for op := opUserCR3; op < numOps; op++ {
		switch {
		case !m.a.ops.has(op):
		case OperandOf(uint8(op)) == FrameOf:
			for g := range m.a.frames {
				if g != f {
					dst = append(dst, opCode(op, f, g, 0))
				}
			}
		default:
			dst = append(dst, opCode(op, f, 0, 0))
		}
	}
	return dst
}

// entries appends a write of every other entry to every slot of a frame.
func (m *Model) entries(dst []uint64, op, f int) []uint64 {
	for slot := range m.a.slots {
		old := m.s.Entry(m.a.geo, model.Frame(f), slot)
		for v, e := range m.values {
			if e != old {
				dst = append(dst, opCode(op, f, slot, v))
			}
		}
	}
	return dst
}

// writable is the set of frames that a validated L1 maps writable.
func (m *Model) writable() uint64 {
	var set uint64
	for f := range m.a.frames {
		i := m.s.InfoAt(model.Frame(f))
		if i.Typ != model.TypeL1 || i.T == 0 {
			continue
		}
		for slot := range m.a.slots {
			e := m.s.Entry(m.a.geo, model.Frame(f), slot)
			if e.Is(model.Present | model.RW) {
				set |= 1 << uint(e.MFN())
			}
		}
	}
	return set
}

// Apply issues one operation. A refused one is no transition, unless it left
// something behind.
func (m *Model) Apply(code uint64) explore.Outcome {
	op := int(code >> 24)
	rc := m.do(m.Op(code))
	if m.s.Ended() {
		m.counts[numOps+op]++
		m.Restore()
		return explore.Outcome{Kind: explore.Skipped} // a guest that has ended does nothing any more
	}
	if rc != model.OK {
		m.counts[numOps+op]++
	} else if op < opUserCR3 {
		m.counts[op]++
		return explore.Outcome{Kind: explore.Moved}
	}
	if !m.s.Changed() && m.s.CPU == m.cpu {
		return explore.Outcome{Kind: explore.Skipped}
	}
	m.counts[op]++
	return explore.Outcome{Kind: explore.Moved}
}

// Op is the operation of a call code, by its parts.
func (m *Model) Op(code uint64) Op {
	return Op{Op: uint8(code >> 24), Frame: uint8(code >> 16), Arg: uint8(code >> 8), Entry: m.values[code&0xff]}
}

// do carries out an operation. A store must be to a frame that a mapping allows it to.
func (m *Model) do(o Op) (rc model.Errno) {
	mfn := model.MFN(o.Frame)
	switch o.Op { // those of PV-DP directly: its searches spend their time here
	case opMMU:
		rc = m.m.MMUUpdate(uint64(mfn)<<model.PageShift+uint64(o.Arg)*8, o.Entry)
	case opRaw:
		m.s.SetEntry(m.a.geo, model.Frame(o.Frame), int(o.Arg), o.Entry)
	case opPin:
		rc = m.m.Pin(int(o.Arg), mfn)
	case opUnpin:
		rc = m.m.Unpin(mfn)
	case opCR3:
		rc = m.m.NewBaseptr(mfn)
	default:
		rc = opVerbs[o.Op].Issue(m.m, model.Operands{Frame: mfn, Second: model.MFN(o.Arg), N: uint64(o.Arg), Entry: o.Entry})
	}
	return rc
}

// Counters returns how often each operation was carried out, and how often each was
// refused.
func (m *Model) Counters() []uint64 { return m.counts }

// CheckState judges the working state by a census of raw memory.
func (m *Model) CheckState() explore.Outcome {
	bad := func(rule int16) explore.Outcome { return explore.Outcome{Kind: explore.Violated, Rule: rule} }
	m.census.Take(m.s)
	root := m.census.Tallies[m.s.CPU.CR3]
	switch {
	case m.looksAt(ruleReadOnly) && m.exposed():
		return bad(ruleReadOnly)
	case m.looksAt(ruleCounts) && !m.agree():
		return bad(ruleCounts)
	case m.looksAt(ruleRoot) && (root.Table != model.TableType(m.a.levels) || !m.validated(m.s.CPU.CR3)):
		return bad(ruleRoot)
	}
	return explore.Outcome{Kind: explore.Moved}
}

func (m *Model) looksAt(rule uint) bool { return m.a.only == 0 || m.a.only>>rule&1 != 0 }

func (m *Model) validated(f model.Frame) bool {
	i := m.s.InfoAt(f)
	return i.Is(model.Validated) && i.InUseAs(model.TableType(m.a.levels))
}

// exposed reports whether an L1 in use maps a table in use writable, by the census
// of raw memory alone.
func (m *Model) exposed() bool {
	for f := range m.a.frames {
		if m.census.Tallies[f].Table != model.TypeL1 {
			continue
		}
		for slot := range m.a.slots {
			e := m.s.Entry(m.a.geo, model.Frame(f), slot)
			if e.Is(model.Present|model.RW) && m.census.Tallies[e.MFN()].Table != model.TypeNone {
				return true
			}
		}
	}
	return false
}

// agree compares the hypervisor's records with the census.
func (m *Model) agree() bool {
	if m.a.code.wide {
		clash, _, _ := m.census.Clash()
		return clash == model.NoFrame && m.census.Differs(m.s) == model.NoFrame
	}
	for f := range m.a.frames {
		y, i := &m.census.Tallies[f], m.s.InfoAt(model.Frame(f))
		if y.T != i.T || y.T > 0 && y.Typ != i.Typ {
			return false
		}
	}
	return true
}

// Observe has an observer see every step of the guest's machine.
func (m *Model) Observe(o model.Observer) {
	m.observed = true
	m.m.Observe(o)
}
