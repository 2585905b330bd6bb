package system

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/model/explore"
)

// Rules of an adversary, by index.
const (
	ruleReadOnly = iota // no writable mapping of a table page
	ruleCounts          // the hypervisor's counts agree with a recount
	ruleRoot            // CR3 is a validated root
	numAdversaryRules
)

// AdversaryRules are what must hold in every state of an adversary, by their IDs
// in package invariants.
func AdversaryRules() []string { return []string{"tables-read-only", "counts-agree", "root-valid"} }

// AdversaryModel is one worker's view of an adversary.
type AdversaryModel struct {
	a        *Adversary
	m        *model.Machine
	s        *model.State
	start    []byte
	first    packedState // the start of the day, for Reset
	firstCPU model.CPU
	cpu      model.CPU // registers to restore
	gdt      []model.Frame
	pack     packer
	canon    canonizer
	long     [16]byte // scratch of StepWords
	census   model.Census
	values   []model.Entry // every entry of the alphabet, the empty one first
	counts   []uint64
	problem  error // what the last CheckState found
}

var (
	_ explore.Model        = (*AdversaryModel)(nil)
	_ explore.FixedSize    = (*AdversaryModel)(nil)
	_ explore.StateChecker = (*AdversaryModel)(nil)
	_ explore.Counter      = (*AdversaryModel)(nil)
	_ explore.WordStepper  = (*AdversaryModel)(nil)
)

// NewModel returns a model for one worker.
func (a *Adversary) NewModel() (*AdversaryModel, error) {
	s, err := a.start()
	if err != nil {
		return nil, err
	}
	m := &AdversaryModel{a: a, s: s, m: model.NewMachine(s), counts: make([]uint64, 2*numOps+1, 64)}
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
func (m *AdversaryModel) Inits() int { return 1 }

// Init makes the builder's tables the working state.
func (m *AdversaryModel) Init(int) { m.Decode(m.start) }

func (m *AdversaryModel) save() {
	m.cpu = m.s.CPU
	m.gdt = append(m.gdt[:0], m.s.GDT...)
	m.s.Commit()
}

// Restore takes back the last Apply.
func (m *AdversaryModel) Restore() {
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
func (m *AdversaryModel) Calls(dst []uint64) []uint64 {
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
func (m *AdversaryModel) rareCalls(dst []uint64, f int) []uint64 {
	for _, op := range [...]int{opUserCR3, opGDT, opClear} {
		if m.a.ops.has(op) {
			dst = append(dst, opCode(op, f, 0, 0))
		}
	}
	if m.a.ops.has(opCopy) {
		for g := range m.a.frames {
			if g != f {
				dst = append(dst, opCode(opCopy, f, g, 0))
			}
		}
	}
	return dst
}

// entries appends a write of every other entry to every slot of a frame.
func (m *AdversaryModel) entries(dst []uint64, op, f int) []uint64 {
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
func (m *AdversaryModel) writable() uint64 {
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
func (m *AdversaryModel) Apply(code uint64) explore.Outcome {
	op := int(code >> 24)
	rc, _ := m.issue(code)
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

// issue carries out an operation. ok is false for a store that no mapping
// allows.
func (m *AdversaryModel) issue(code uint64) (rc model.Errno, ok bool) {
	return m.do(m.Op(code))
}

// Op is the operation of a call code, by its parts.
func (m *AdversaryModel) Op(code uint64) GuestOp {
	return GuestOp{Op: uint8(code >> 24), Frame: uint8(code >> 16), Arg: uint8(code >> 8), Entry: m.values[code&0xff]}
}

// do is issue for an operation by its parts.
func (m *AdversaryModel) do(o GuestOp) (rc model.Errno, ok bool) {
	f, mfn := model.Frame(o.Frame), model.MFN(o.Frame)
	switch o.Op {
	case opMMU:
		rc = m.m.MMUUpdate(uint64(mfn)<<model.PageShift+uint64(o.Arg)*8, o.Entry)
	case opRaw:
		if m.writable()>>o.Frame&1 == 0 {
			return model.OK, false
		}
		m.s.SetEntry(m.a.geo, f, int(o.Arg), o.Entry)
	case opPin:
		rc = m.m.Pin(int(o.Arg), mfn)
	case opUnpin:
		rc = m.m.Unpin(mfn)
	case opCR3:
		rc = m.m.NewBaseptr(mfn)
	case opUserCR3:
		rc = m.m.NewUserBaseptr(mfn)
	case opGDT:
		rc = m.m.SetGDT(mfn)
	case opClear:
		rc = m.m.ClearFrame(mfn)
	case opCopy:
		rc = m.m.CopyFrame(mfn, model.MFN(o.Arg))
	}
	return rc, true
}

// Counters returns how often each operation was carried out, how often each was
// refused, and last, if classes are counted, the states in all classes together.
func (m *AdversaryModel) Counters() []uint64 { return m.counts }

// CheckState judges the working state by a census of raw memory.
func (m *AdversaryModel) CheckState() explore.Outcome {
	bad := func(rule int16) explore.Outcome { return explore.Outcome{Kind: explore.Violated, Rule: rule} }
	if m.a.CountOrbits {
		m.counts[2*numOps] += m.orbit()
	}
	m.census.Take(m.s)
	root := m.census.Tallies[m.s.CPU.CR3]
	switch {
	case m.looksAt(ruleReadOnly) && m.exposed():
		return bad(ruleReadOnly)
	case m.looksAt(ruleCounts) && !m.agree():
		return bad(ruleCounts)
	case m.looksAt(ruleRoot) && (root.Typ != model.TableType(m.a.levels) || !m.validated(m.s.CPU.CR3)):
		return bad(ruleRoot)
	}
	return explore.Outcome{Kind: explore.Moved}
}

func (m *AdversaryModel) looksAt(rule uint) bool { return m.a.only == 0 || m.a.only>>rule&1 != 0 }

func (m *AdversaryModel) validated(f model.Frame) bool {
	i := m.s.InfoAt(f)
	return i.Is(model.Validated) && i.InUseAs(model.TableType(m.a.levels))
}

// exposed reports whether an L1 in use maps a table in use writable, by the census
// of raw memory alone.
func (m *AdversaryModel) exposed() bool {
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
func (m *AdversaryModel) agree() bool {
	if m.a.code.wide {
		m.problem = m.census.Check(m.s)
		return m.problem == nil
	}
	for f := range m.a.frames {
		y, i := &m.census.Tallies[f], m.s.InfoAt(model.Frame(f))
		if y.T != i.T || y.T > 0 && y.Typ != i.Typ {
			return false
		}
	}
	return true
}
