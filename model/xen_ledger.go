package model

import "slices"

// Ledger is a [Census] that is kept: begun with a count of all memory, it then follows the
// words, records and registers that change, at a cost that does not depend on the size of
// memory. It agrees with a census of the same state as long as no frame is used as two
// types; then it says so too, and may differ in which type came first.
//
// The zero value is ready for Begin; following allocates nothing once it has grown.
type Ledger struct {
	// Tallies are what a census would find, by Frame.
	Tallies []Tally
	// unfinished is the number of frames whose audit or release is not over, or of which
	// the hypervisor has forgotten references.
	unfinished int
	// Work counts the entries and frames looked at since Begin.
	Work uint64

	s     *State
	uses  []frameUses
	holds []hold     // by registers and dealings
	held  held       // which these are of
	links []sameLink // the same-level entries
	work  []Frame    // frames whose entries may begin or end to count
	moved []Frame    // frames whose tally is to be made anew
	made  []uint32   // by frame: the round in which it was put there
	round uint32
	seen  WordSet
	// doubt says that what is left must be counted anew: see [Ledger.Follow].
	doubt bool
	lone  []Frame

	// changed are the frames that have changed since Forget, or everything has.
	changed    []Frame
	noted      []uint32 // by frame: the age in which it was put there
	age        uint32
	everything bool
}

// frameUses are the uses of a frame, by kind.
type frameUses struct {
	n       [8]uint32 // by Type
	special uint32    // of those, as the L2 with Xen's slots of a PAE guest
	other   uint32    // references that are no uses
	direct  uint32    // uses by pins, registers and unfinished audits
	linear  uint16    // uses by tables of its own level
	entries uint16    // its same-level entries
	entered uint8     // the levels, by bit, as which its entries count
	at      extent    // which of them do
}

// extent says which entries of a table hold references.
type extent struct {
	end     int16 // those below; -1: all
	half    bool  // the next one holds a general one
	special bool  // it is the L2 with Xen's slots of a PAE guest
}

// hold is a reference that is in no entry.
type hold struct {
	frame   Frame
	typ     Type
	special bool
	half    bool // a general one alone
}

// sameLink is a same-level entry.
type sameLink struct {
	table, child Frame
	slot         int
	level        int
	special      bool
}

// Begin counts everything.
func (l *Ledger) Begin(s *State) {
	n := len(s.info)
	if len(l.uses) != n {
		l.Tallies, l.uses = make([]Tally, n), make([]frameUses, n)
		l.made, l.noted, l.round, l.age = make([]uint32, n), make([]uint32, n), 0, 0
	} else {
		clear(l.Tallies)
		clear(l.uses)
	}
	l.Work = 0
	l.Forget()
	l.count(s)
}

// count counts everything anew.
func (l *Ledger) count(s *State) {
	l.s, l.holds, l.links, l.unfinished, l.held.known = s, l.holds[:0], l.links[:0], 0, false
	l.nextRound()
	for f := range l.uses {
		l.own(Frame(f), &s.info[f], 1)
	}
	l.registers()
	l.settle()
	l.doubt, l.lone = false, l.lone[:0]
	l.everything, l.Work = true, l.Work+uint64(len(l.uses))
}

func (l *Ledger) nextRound() {
	l.round++
	l.moved, l.work = l.moved[:0], l.work[:0]
}

// Follow takes in what has changed since the last Commit of the state, which it has not
// taken in yet. Where tables are left that only tables of their own level use, or where a
// record has got another type under the entries that name it, it counts everything anew:
// memory alone does not tell what such entries are.
func (l *Ledger) Follow(s *State) {
	l.s = s
	l.nextRound()
	l.seen.Clear()
	for i := range s.journal {
		if c := &s.journal[i]; c.word != recordChange {
			l.note(c.frame)
			if l.uses[c.frame].entered != 0 && l.seen.Add(c.frame, int(c.word)) {
				l.word(c)
			}
		}
	}
	records := false
	for i := range s.journal {
		if c := &s.journal[i]; c.word == recordChange && l.seen.Add(c.frame, int(recordChange)) {
			records = true
			l.note(c.frame)
			if now := &s.info[c.frame]; !sameOwn(now, &c.info) {
				l.own(c.frame, now, 1)
				l.own(c.frame, &c.info, -1)
			}
			l.work = append(l.work, c.frame) // what of its entries counts may have changed
		}
	}
	l.registers()
	if records {
		l.relink()
	}
	l.settle()
	if l.doubtful() {
		clear(l.Tallies)
		clear(l.uses)
		l.count(s)
	}
}

// Changed visits the frames whose words, record or uses have changed since Forget, in
// ascending order. all says that every frame has.
func (l *Ledger) Changed() (frames []Frame, all bool) {
	slices.Sort(l.changed)
	return l.changed, l.everything
}

// Forget says that what has changed has been looked at.
func (l *Ledger) Forget() {
	l.changed, l.everything = l.changed[:0], false
	l.age++
}

// Census hands the tallies out as a census.
func (l *Ledger) Census(c *Census) {
	c.Tallies, c.state, c.clash = l.Tallies, l.s, clash{frame: NoFrame}
}

// Unfinished is the number of frames whose audit or release is not over, or of which the
// hypervisor has forgotten references.
func (l *Ledger) Unfinished() int { return l.unfinished }

// Clash reports whether a frame is used as two types, and which.
func (l *Ledger) Clash(f Frame) (a, b Type, yes bool) {
	u, y := &l.uses[f], &l.Tallies[f]
	for t := y.Typ + 1; t <= TypeWritable; t++ {
		if u.n[t] > 0 {
			return y.Typ, t, true
		}
	}
	return y.Typ, y.Typ, u.special > 0 && u.special < y.T
}

// Amiss reports whether entries that name a frame may have become illegal by what the
// frame is now, although they have not changed: its record does not go with them, or it is
// a table and mapped writable, or links to others of its level where it must not. A
// hypervisor that does its work never lets that happen.
func (l *Ledger) Amiss(f Frame) bool {
	u, y, i := &l.uses[f], &l.Tallies[f], &l.s.info[f]
	tables := uint32(0)
	for t := TypeL1; t <= TypeL4; t++ {
		tables += u.n[t]
	}
	switch {
	case i.G == 0 && y.G > 0,
		u.entered != 0 && u.n[TypeWritable] > 0,
		u.linear > 0 && u.entries > 0 && l.s.rules.modern,
		u.special > 1:
		return true
	}
	return tables > u.direct && (i.T == 0 || i.Typ != y.Typ || !i.Is(Validated) || y.Special != i.Is(PAEXenL2))
}

// note puts a frame on the list of those that have changed.
func (l *Ledger) note(f Frame) {
	if l.noted[f] != l.age+1 {
		l.noted[f] = l.age + 1
		l.changed = append(l.changed, f)
		l.Work++
	}
}

// move has a tally made anew.
func (l *Ledger) move(f Frame) {
	if l.made[f] != l.round {
		l.made[f] = l.round
		l.moved = append(l.moved, f)
		l.note(f)
	}
}

// settle lets the entries of frames count that have become tables, and those of frames that
// are none any more count no longer, until nothing changes. Words, records and registers
// are taken in before, so that all of it is as memory has it now.
func (l *Ledger) settle() {
	for n := 0; n < len(l.work); n++ {
		l.enter(l.work[n])
	}
	for _, f := range l.moved {
		l.tally(f)
	}
}

// tally makes the tally of a frame.
func (l *Ledger) tally(f Frame) {
	u, y := &l.uses[f], &l.Tallies[f]
	*y = Tally{G: u.other, Linear: int16(u.entries) - int16(u.linear), Special: u.special > 0}
	for t, n := range u.n {
		if n == 0 {
			continue
		}
		if y.T == 0 {
			y.Typ = Type(t)
		}
		if y.Table == TypeNone && Type(t).Level() > 0 {
			y.Table = Type(t)
		}
		y.T += n
		y.G += n
	}
}

// doubtful reports whether memory must be counted anew.
func (l *Ledger) doubtful() bool {
	for _, f := range l.lone {
		u := &l.uses[f]
		l.doubt = l.doubt || u.linear > 0 && uint32(u.linear) == u.n[l.Tallies[f].Typ]
	}
	l.lone = l.lone[:0]
	return l.doubt
}
