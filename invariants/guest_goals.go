package invariants

import (
	"slices"

	"github.com/ptcheck/ptcheck/model"
)

// When a rule for hostile guests counts as exercised, as its Goal says. Most of
// them hold in every state in some trivial way, so that having been looked at
// says nothing: what counts is that the hypervisor had something to get wrong.

// goal tells that a state or an operation exercises a rule.
type goal struct {
	state func(r *Recount) bool
	event func(r *Recount, s *model.Step) bool
}

// goalOf returns the goal of a rule for hostile guests.
func goalOf(id string) goal {
	switch id {
	case "hypervisor-lives":
		return goal{event: (*Recount).asked}
	case "tables-read-only":
		return goal{state: (*Recount).mapsTable}
	case "no-stale-write":
		return goal{state: (*Recount).writesBehind}
	case "root-valid":
		return goal{event: (*Recount).loadsRoot}
	case "linear-one-deep":
		return goal{state: (*Recount).hasLinear}
	case "one-type":
		return goal{state: (*Recount).usedTwice}
	case "partial-consistent":
		return goal{state: (*Recount).hasPartial}
	case "tables-valid":
		return goal{state: (*Recount).newlyValid}
	case "counts-agree":
		return goal{state: (*Recount).countsMoved}
	case "nothing-left":
		return goal{state: func(r *Recount) bool { return r.s.Dying() }}
	case "pins-kept":
		return goal{event: (*Recount).touchesPinned}
	case "updates-land":
		return goal{event: func(_ *Recount, s *model.Step) bool {
			return s.Op == model.OpUpdateVA && s.Errno == model.OK && s.Frame >= 0
		}}
	case "stores-done":
		return goal{event: func(_ *Recount, s *model.Step) bool { return s.Op == model.OpEmulate && s.Errno == model.OK }}
	}
	return laterGoal(id)
}

// laterGoal is goalOf for the rules that compare with the state before.
func laterGoal(id string) goal {
	switch id {
	case "hypervisor-entries":
		return goal{state: func(r *Recount) bool { return len(r.s.L.Hyper.XenEntries) > 0 && r.newlyValid() }}
	case "absent-safe":
		return goal{event: (*Recount).mayLeak}
	case "entry-stored":
		return goal{event: (*Recount).storesEntry}
	case "memory-kept":
		return goal{event: (*Recount).changesMemory}
	case "dirty-kept":
		return goal{event: func(r *Recount, s *model.Step) bool { _, ok := r.writtenThrough(s); return ok }}
	case "legal-granted":
		return goal{event: func(r *Recount, s *model.Step) bool { return s.Errno == model.OK && r.legal(s) }}
	}
	return goal{}
}

// storesEntry reports whether an operation stores an entry in a table in use.
func (r *Recount) storesEntry(s *model.Step) bool {
	if _, _, ok := r.requested(s); !ok {
		return false
	}
	y := &r.earlier().Tallies[s.Frame]
	return y.T > 0 && y.Typ.Level() > 0
}

// changesMemory reports whether memory is not what it was.
func (r *Recount) changesMemory(*model.Step) bool {
	for range r.s.Writes {
		return true
	}
	return false
}

// startAt notes what the guest begins with.
func (r *Recount) startAt(s *model.State) {
	r.Take(s)
	r.first = slices.Clone(r.census.Tallies)
	r.valid = r.validated()
}

// asked: whatever is no plain store asks something of the hypervisor.
func (r *Recount) asked(s *model.Step) bool { return s.Op != model.OpStore }

func (r *Recount) loadsRoot(s *model.Step) bool {
	return (s.Op == model.OpNewBaseptr || s.Op == model.OpUserBaseptr) && s.Errno == model.OK
}

func (r *Recount) touchesPinned(s *model.Step) bool {
	return s.Op != model.OpUnpin && s.Frame >= 0 && s.Frame < 64 && r.pins>>uint(s.Frame)&1 != 0 && !r.racing && !r.s.Dying()
}

// mapsTable reports whether a leaf maps a table in use.
func (r *Recount) mapsTable() bool {
	for f := range r.frames() {
		if r.table(f) == model.TypeL1 && !r.children(f, 1, func(_ int, _ model.Entry, child model.Frame) bool {
			return child < 0 || r.table(child) == model.TypeNone
		}) {
			return true
		}
	}
	return false
}

// writesBehind reports whether somebody could write to a frame without asking the
// tables again.
func (r *Recount) writesBehind() bool {
	for n := range r.s.Processors() {
		for t := range r.s.TLBOf(n).Each {
			if t.Writable && t.Frame >= 0 {
				return true
			}
		}
	}
	for f := range r.frames() {
		if r.s.DeviceWrites(f) {
			return true
		}
	}
	return false
}

// hasLinear reports whether a table has a same-level entry.
func (r *Recount) hasLinear() bool {
	for f := range r.frames() {
		t := r.table(f)
		if t.Level() > 1 && !r.children(f, t.Level(), func(_ int, _ model.Entry, child model.Frame) bool {
			return child < 0 || !r.sameLevel(f, t, child)
		}) {
			return true
		}
	}
	return false
}

// usedTwice reports whether a frame is in use in two places, registers aside.
func (r *Recount) usedTwice() bool {
	roots := r.s.Roots()
	for f := range r.frames() {
		uses := int(r.census.Tallies[f].T)
		if uses < 2 {
			continue
		}
		for _, root := range roots {
			if root == f {
				uses--
			}
		}
		if uses > 1 {
			return true
		}
	}
	return false
}

func (r *Recount) hasPartial() bool {
	for f := range r.frames() {
		if r.s.InfoAt(f).Is(model.Partial) {
			return true
		}
	}
	return false
}

// validated is the set of tables that count as validated, by bit.
func (r *Recount) validated() uint64 {
	var set uint64
	for f := range min(r.frames(), 64) {
		if i := r.s.InfoAt(f); i.T > 0 && i.Is(model.Validated) && (i.Typ.Level() > 0 || i.Typ == model.TypeSegDesc) {
			set |= 1 << uint(f)
		}
	}
	return set
}

func (r *Recount) newlyValid() bool { return r.validated()&^r.valid != 0 }

// countsMoved reports whether a frame's uses are not those of the start.
func (r *Recount) countsMoved() bool {
	for f := range r.first {
		if a, b := &r.first[f], &r.census.Tallies[f]; a.T != b.T || a.G != b.G {
			return true
		}
	}
	return false
}
