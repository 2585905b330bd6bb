package invariants

import (
	"math/bits"

	"github.com/ptcheck/ptcheck/model"
)

// A root's reach depends on the words of the tables below it, and on CR4.PSE. So it is kept
// until one of these tables is written to. Frames are bits here: machines of more frames than
// [maxMemo] keep nothing.

// maxMemo is the number of frames that a memo has bits for.
const maxMemo = 64

// reachMemo is what hangs on tables that rules ask about again and again: roots and pins.
type reachMemo struct {
	on bool
	// known are the tables of which something is kept, and started those of which it is kept
	// as it was when the checker began: see [Checker.BeginAt].
	known, started uint64
	dirty          uint64 // the frames that have been written to since then
	pse            bool
	first, now     [maxMemo]reached
	fixmap, itself question
}

// reached is what hangs on one table, in the sets of [reach].
type reached struct {
	level                            int
	tables, pages, writable, kmapped uint64
}

// begin forgets everything. kept says that the state is the one that the checker has begun at
// before: then what was found there comes back.
func (m *reachMemo) begin(s *model.State, on, kept bool) {
	if !kept {
		m.started = 0
	}
	m.on, m.known, m.dirty = on && s.L.Map.Frames() <= maxMemo, m.started, 0
	m.pse = s.CPU.CR4&model.CR4PSE != 0
	m.fixmap.begin(kept)
	m.itself.begin(kept)
}

// goOn makes the state as it is now the one that the checker begins at.
func (m *reachMemo) goOn() {
	for rest := m.known; rest != 0; rest &= rest - 1 {
		f := bits.TrailingZeros64(rest)
		m.first[f] = *m.of(f)
	}
	m.fixmap.goOn(m.dirty)
	m.itself.goOn(m.dirty)
	m.started, m.dirty = m.known, 0
}

// follow drops what a step has changed. Of a page that is given back it may be anything: it
// belongs to others, whose stores are none of the kernel's.
func (m *reachMemo) follow(s *model.State, st *model.Step, stores []model.Write) {
	if !m.on {
		return
	}
	if pse := s.CPU.CR4&model.CR4PSE != 0; pse != m.pse {
		m.pse, m.known, m.dirty = pse, 0, ^uint64(0) // all is read in another way
		return
	}
	wrote := uint64(0)
	if st.Op == model.OpFree {
		wrote = bit(st.Frame)
	}
	for _, w := range stores {
		wrote |= bit(w.Frame)
	}
	if wrote == 0 {
		return
	}
	for rest := m.known; rest != 0; rest &= rest - 1 {
		if f := bits.TrailingZeros64(rest); m.of(f).tables&wrote != 0 {
			m.known &^= 1 << f
		}
	}
	m.dirty |= wrote

	m.fixmap.written(wrote)
	m.itself.written(wrote)
}

// of is what is kept of a known table. What was found at the beginning is true as long as
// none of its tables has been written to.
func (m *reachMemo) of(f int) *reached {
	if r := &m.first[f]; m.started>>f&1 != 0 && r.tables&m.dirty == 0 {
		return r
	}
	return &m.now[f]
}

// find is what is kept of a frame as a table of a level, nil if nothing is.
func (m *reachMemo) find(f model.Frame, level int) *reached {
	if m.known&bit(f) == 0 {
		return nil
	}
	if r := m.of(int(f)); r.level == level {
		return r
	}
	return nil
}

// keep keeps what has been found of a frame.
func (m *reachMemo) keep(f model.Frame, r reached) {
	m.known |= bit(f)
	if r.tables&m.dirty == 0 {
		m.first[f] = r
		m.started |= bit(f)
	} else {
		m.now[f] = r
	}
}

// recall adds what hangs on a table from the memo, and reads what is not there.
func (r *reach) recall(t table) {
	m := r.memo
	known := m.find(t.frame, t.level)
	if known == nil {
		sets := [...]*marks{&r.tables, &r.pages, &r.writable, &r.kmapped}
		var before [len(sets)]uint64
		for i, set := range sets {
			before[i], set.low = set.low, 0
		}
		r.table(t)
		m.keep(t.frame, reached{t.level, r.tables.low, r.pages.low, r.writable.low, r.kmapped.low})
		for i, set := range sets {
			set.low |= before[i]
		}
		return
	}
	r.tables.low |= known.tables
	r.pages.low |= known.pages
	r.writable.low |= known.writable
	r.kmapped.low |= known.kmapped
}

// hangs adds what hangs on a root or a pin.
func (r *reach) hangs(t table) {
	if r.memo.on && !r.counting && t.frame < maxMemo {
		r.recall(t)
	} else {
		r.table(t)
	}
}
