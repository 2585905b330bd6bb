package model

import "slices"

// What a ledger counts, and when it stops to.

// own counts (by 1) or forgets (by -1) what the record of a frame says of it: that the
// owner still has it, its pin, an unfinished audit, what the hypervisor has forgotten.
func (l *Ledger) own(f Frame, i *FrameInfo, by int32) {
	u := &l.uses[f]
	if i.Is(Allocated) {
		u.other += uint32(by)
		l.move(f)
		if n := int(f) - l.s.L.Map.Guest(); n >= 0 && n < len(l.s.L.Hyper.Extra) && l.s.L.Hyper.Extra[n].Kind == SharedInfo {
			u.other -= uint32(by)
			l.direct(f, TypeWritable, false, by)
		}
	}
	if i.Is(Partial) || i.Forgotten != 0 {
		l.unfinished += int(by)
	}
	if i.Is(Pinned) {
		l.direct(f, i.Typ, false, by)
	}
	if i.Is(Partial) {
		l.direct(f, i.Typ, i.Is(PAEXenL2), by)
	}
	for range i.ForgottenUses {
		l.direct(f, i.Typ, i.Is(PAEXenL2), by)
	}
	if n := i.Forgotten - i.ForgottenUses; n != 0 {
		l.refer(f, by*int32(n))
	}
}

// sameOwn reports whether two records of a frame say the same of what [Ledger.own] counts.
func sameOwn(a, b *FrameInfo) bool {
	const counted = Allocated | Pinned | Partial | PAEXenL2
	return (a.Flags^b.Flags)&counted == 0 && a.Typ == b.Typ && a.Forgotten == b.Forgotten && a.ForgottenUses == b.ForgottenUses
}

// held is what registers and dealings hold, as it was when it was counted last.
type held struct {
	roots     [4]Frame
	gdt, lent []Frame
	ldt       LDT
	known     bool
}

// same reports whether a state holds just that.
func (h *held) same(s *State) bool {
	return h.known && s.Roots() == h.roots && s.LDT == h.ldt && s.dealings.pending == NoFrame &&
		slices.Equal(s.GDT, h.gdt) && slices.Equal(s.dealings.lent, h.lent)
}

// take notes what a state holds. What is about to be given back depends on its record besides:
// that is counted each time.
func (h *held) take(s *State) {
	h.roots, h.ldt, h.known = s.Roots(), s.LDT, s.dealings.pending == NoFrame
	h.gdt, h.lent = append(h.gdt[:0], s.GDT...), append(h.lent[:0], s.dealings.lent...)
}

// registers counts what is held by no record and no entry.
func (l *Ledger) registers() {
	s, old := l.s, len(l.holds)
	if l.held.same(s) {
		return
	}
	l.held.take(s)
	for _, f := range s.Roots() {
		if f != NoFrame {
			l.holds = append(l.holds, hold{frame: f, typ: TableType(s.L.Geo.Root())})
		}
	}
	for _, f := range s.GDT {
		l.holds = append(l.holds, hold{frame: f, typ: TypeSegDesc})
	}
	if s.LDT.Mapped {
		l.holds = append(l.holds, hold{frame: s.LDT.Frame, typ: TypeSegDesc})
	}
	for _, f := range s.dealings.lent {
		l.holds = append(l.holds, hold{frame: f, typ: TypeWritable})
	}
	if f := s.dealings.pending; f != NoFrame {
		i := &s.info[f]
		l.holds = append(l.holds, hold{frame: f, typ: i.Typ, special: i.Is(PAEXenL2), half: s.dealings.half})
	}
	if same(l.holds[:old], l.holds[old:]) {
		l.holds = l.holds[:old]
		return
	}
	for n := range l.holds {
		by := int32(1)
		if n < old {
			by = -1
		}
		if h := &l.holds[n]; h.half {
			l.refer(h.frame, by)
		} else {
			l.direct(h.frame, h.typ, h.special, by)
		}
	}
	l.holds = append(l.holds[:0], l.holds[old:]...)
}

func same(a, b []hold) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// direct counts a use by no entry.
func (l *Ledger) direct(f Frame, t Type, special bool, by int32) {
	l.uses[f].direct += uint32(by)
	l.use(f, t, special, by)
}

// refer counts general references.
func (l *Ledger) refer(f Frame, by int32) {
	l.uses[f].other += uint32(by)
	l.move(f)
}

// use counts a use of a frame as a type. Whether its entries count is settled later.
func (l *Ledger) use(f Frame, t Type, special bool, by int32) {
	u := &l.uses[f]
	u.n[t] += uint32(by)
	if special {
		u.special += uint32(by)
	}
	l.move(f)
	if t.Level() == 0 {
		return
	}
	if u.entered>>t.Level()&1 != 0 != (u.n[t] > 0) || special {
		l.work = append(l.work, f)
	}
	if by < 0 && u.linear > 0 && uint32(u.linear) == u.n[t] {
		l.lone = append(l.lone, f)
	}
}

// enter lets the entries of a frame count at the levels at which it is a table, and as far
// as they hold references.
func (l *Ledger) enter(f Frame) {
	u, g := &l.uses[f], l.s.L.Geo
	now := l.extent(f)
	if u.entered == 0 && u.n[TypeL1]|u.n[TypeL2]|u.n[TypeL3]|u.n[TypeL4] == 0 {
		u.at = now
		return // a page, as most that change are
	}
	for level := 1; level <= g.Levels; level++ {
		bit := uint8(1) << level
		want := u.n[TableType(level)] > 0
		switch has := u.entered&bit != 0; {
		case want && !has:
			u.entered |= bit
			l.entries(f, level, now, 1)
		case !want && has:
			u.entered &^= bit
			l.entries(f, level, u.at, -1)
		case want && now != u.at:
			l.reach(f, level, u.at, now)
		}
	}
	u.at = now
}

// extent is which entries of a frame hold references, if it is a table.
func (l *Ledger) extent(f Frame) extent {
	i := &l.s.info[f]
	x := extent{end: -1, special: l.uses[f].special > 0}
	if i.Is(Partial) {
		x.end, x.half = int16(i.NrValid), i.Is(PartialEntry)
	}
	return x
}

// counts says what an entry of a table holds: all that it names, or a general reference.
func (l *Ledger) counts(x extent, level, slot int) (full, half bool) {
	switch {
	case x.end < 0 || slot < int(x.end):
		return !l.s.L.XenSlot(level, slot, x.special), false
	}
	return false, x.half && slot == int(x.end)
}

// entries counts (by 1) or forgets (by -1) all entries of a table.
func (l *Ledger) entries(f Frame, level int, x extent, by int32) {
	g := l.s.L.Geo
	end := g.Slots[level]
	for slot := l.s.NextUsed(g, f, 0, end); slot < end; slot = l.s.NextUsed(g, f, slot+1, end) {
		l.entry(f, level, slot, x, l.s.Entry(g, f, slot), by)
	}
	l.Work += uint64(end)
}

// reach changes which entries of a table count.
func (l *Ledger) reach(f Frame, level int, was, now extent) {
	g := l.s.L.Geo
	for slot := range g.Slots[level] {
		fullWas, halfWas := l.counts(was, level, slot)
		fullNow, halfNow := l.counts(now, level, slot)
		if fullWas != fullNow || halfWas != halfNow {
			e := l.s.Entry(g, f, slot)
			l.entry(f, level, slot, was, e, -1)
			l.entry(f, level, slot, now, e, 1)
		}
	}
	l.Work += uint64(g.Slots[level])
}

// word takes in a changed word of a table.
func (l *Ledger) word(c *change) {
	u, g := &l.uses[c.frame], l.s.L.Geo
	per := 8 / g.Width
	for i := range per {
		old, now := entryIn(g, c.old, i), entryIn(g, l.s.pages[c.frame][c.word], i)
		slot := int(c.word)*per + i
		if old == now {
			continue
		}
		for level := 1; level <= g.Levels; level++ {
			if u.entered>>level&1 != 0 && slot < g.Slots[level] {
				l.entry(c.frame, level, slot, u.at, old, -1)
				l.entry(c.frame, level, slot, u.at, now, 1)
			}
		}
	}
}

// entryIn is entry number i of a 64-bit word.
func entryIn(g *Geometry, word uint64, i int) Entry {
	if g.Width == 8 {
		return Entry(word)
	}
	return Entry(uint32(word >> (32 * i)))
}

// entry counts (by 1) or forgets (by -1) what an entry of a table holds.
func (l *Ledger) entry(f Frame, level, slot int, x extent, e Entry, by int32) {
	m := l.s.L
	l.Work++
	if !e.Is(Present) {
		return
	}
	full, half := l.counts(x, level, slot)
	child := m.Map.Frame(e.MFN())
	switch {
	case !full && !half || child == NoFrame:
	case half || level == 1 && !e.Is(RW):
		l.refer(child, by)
	case level == 1:
		l.use(child, TypeWritable, false, by)
	case child == f: // an entry to the table itself counts nothing
	case by > 0 && l.s.info[child].InUseAs(TableType(level)):
		l.link(sameLink{f, child, slot, level, l.s.info[child].Is(PAEXenL2)})
	case by < 0 && l.unlink(f, slot, level):
	default:
		l.use(child, TableType(level-1), m.PAESpecial() && level == m.Geo.Root() && slot == m.Geo.Slots[level]-1, by)
	}
}

// link counts a same-level entry. What an entry was when it came counts when it goes.
func (l *Ledger) link(k sameLink) {
	l.links = append(l.links, k)
	l.uses[k.table].entries++
	l.uses[k.child].linear++
	l.move(k.table)
	l.use(k.child, TableType(k.level), k.special, 1)
}

// unlink forgets a same-level entry, and reports whether it was one.
func (l *Ledger) unlink(table Frame, slot, level int) bool {
	for n, k := range l.links {
		if k.table == table && k.slot == slot && k.level == level {
			l.links = append(l.links[:n], l.links[n+1:]...)
			l.uses[table].entries--
			l.uses[k.child].linear--
			l.move(table)
			l.use(k.child, TableType(level), k.special, -1)
			return true
		}
	}
	return false
}

// relink looks at what records have become: whether an entry is a same-level one depends
// on the record of the frame that it names.
func (l *Ledger) relink() {
	for n := 0; n < len(l.links); n++ {
		k := l.links[n]
		i := &l.s.info[k.child]
		if !i.InUseAs(TableType(k.level)) || i.Is(PAEXenL2) != k.special {
			l.doubt = true
		}
	}
	for i := range l.s.journal {
		c := &l.s.journal[i]
		if c.word != recordChange {
			continue
		}
		// Entries of tables of the level that name it have been counted as naming a
		// table of the level below.
		now := &l.s.info[c.frame]
		if level := now.Typ.Level(); level > 1 && now.T > 0 && !c.info.InUseAs(now.Typ) && l.uses[c.frame].n[now.Typ-1] > 0 {
			l.doubt = true
		}
	}
}
