package model

import (
	"fmt"
	"strconv"
)

// Census counts the uses of every frame anew, from the tables in memory, the
// registers and the list of pins. It does not look at the counts that the rules
// keep. What it believes without a proof is which type a pinned frame has, and
// that an entry to a frame recorded as a table of the same level is a same-level
// entry: memory alone cannot tell.
//
// The zero value is ready to use; using it again allocates nothing.
type Census struct {
	Tallies []Tally // by Frame

	state *State
	queue []Frame
	clash clash
}

// Tally is what a frame is used as.
type Tally struct {
	Typ     Type
	Special bool // the L2 with Xen's slots of a PAE guest
	T, G    uint32
	Linear  int16
	// Table is the table type that memory uses the frame as, TypeNone for none. It
	// differs from Typ only where uses clash and another kind was met first.
	Table Type
}

// clash is a frame that is used as two types.
type clash struct {
	frame Frame
	a, b  Type
}

// Take counts all uses in a state.
func (c *Census) Take(s *State) {
	c.state, c.clash = s, clash{frame: NoFrame}
	if n := len(s.info); cap(c.Tallies) < n {
		c.Tallies = make([]Tally, n)
	} else {
		c.Tallies = c.Tallies[:n]
		clear(c.Tallies)
	}
	for f := range c.Tallies {
		if s.info[f].Is(Allocated) {
			c.Tallies[f].G = 1
		}
		if s.info[f].Flags&(Pinned|Partial) != 0 {
			c.held(Frame(f), &s.info[f])
		}
	}
	for f := range c.Tallies {
		c.forgotten(Frame(f), &s.info[f])
	}
	c.dealings(s)
	for n, x := range s.L.Hyper.Extra {
		if x.Kind == SharedInfo && s.info[s.L.Map.Guest()+n].Is(Allocated) {
			c.use(Frame(s.L.Map.Guest()+n), TypeWritable, false)
			c.Tallies[s.L.Map.Guest()+n].G--
		}
	}
	for _, root := range s.Roots() {
		if root != NoFrame {
			c.use(root, TableType(s.L.Geo.Root()), false)
		}
	}
	for _, f := range s.GDT {
		c.use(f, TypeSegDesc, false)
	}
	if s.LDT.Mapped {
		c.use(s.LDT.Frame, TypeSegDesc, false)
	}
	for len(c.queue) > 0 {
		f := c.queue[len(c.queue)-1]
		c.queue = c.queue[:len(c.queue)-1]
		c.table(f)
	}
}

// held counts a pin, and the unfinished state of a table whose audit or release
// was interrupted.
func (c *Census) held(f Frame, i *FrameInfo) {
	if i.Is(Pinned) {
		c.use(f, i.Typ, false)
	}
	if i.Is(Partial) {
		c.use(f, i.Typ, i.Is(PAEXenL2))
	}
}

// forgotten counts the references that the hypervisor is known to have forgotten.
func (c *Census) forgotten(f Frame, i *FrameInfo) {
	for range i.ForgottenUses {
		c.use(f, i.Typ, i.Is(PAEXenL2))
	}
	c.Tallies[f].G += uint32(i.Forgotten - i.ForgottenUses)
}

// dealings counts what other domains and interrupted hypercalls hold.
func (c *Census) dealings(s *State) {
	for _, f := range s.dealings.lent {
		c.use(f, TypeWritable, false)
	}
	switch f := s.dealings.pending; {
	case f == NoFrame:
	case s.dealings.half:
		c.Tallies[f].G++
	default:
		c.use(f, s.info[f].Typ, s.info[f].Is(PAEXenL2))
	}
}

// use counts one use of a frame as a type. The first use of a frame as a table
// makes its entries count.
func (c *Census) use(f Frame, t Type, special bool) {
	y := &c.Tallies[f]
	switch {
	case y.T == 0:
		y.Typ, y.Special = t, special
	case (y.Typ != t || y.Special != special) && c.clash.frame == NoFrame:
		c.clash = clash{f, y.Typ, t}
	}
	if t.Level() > 0 && y.Table == TypeNone {
		y.Table = t
		c.queue = append(c.queue, f)
	}
	y.T++
	y.G++
}

// table counts what the entries of a table use.
func (c *Census) table(f Frame) {
	l := c.state.L
	level, special := c.Tallies[f].Table.Level(), c.Tallies[f].Special
	end := l.Geo.Slots[level]
	if i := &c.state.info[f]; i.Is(Partial) {
		// Only a beginning holds references, and the next entry a general one.
		end = min(end, int(i.NrValid))
		if i.Is(PartialEntry) {
			c.halfEntry(f, level, end)
		}
	}
	for slot := c.state.NextUsed(l.Geo, f, 0, end); slot < end; slot = c.state.NextUsed(l.Geo, f, slot+1, end) {
		e := c.state.Entry(l.Geo, f, slot)
		child := l.Map.Frame(e.MFN())
		switch {
		case !e.Is(Present) || child == NoFrame || l.XenSlot(level, slot, special):
		case level == 1 && e.Is(RW):
			c.use(child, TypeWritable, false)
		case level == 1:
			c.Tallies[child].G++
		case child == f: // an entry to the table itself counts nothing
		case c.state.info[child].InUseAs(TableType(level)):
			c.use(child, TableType(level), c.state.info[child].Is(PAEXenL2))
			c.Tallies[f].Linear++
			c.Tallies[child].Linear--
		case l.PAESpecial() && level == l.Geo.Root():
			c.use(child, TableType(level-1), slot == l.Geo.Slots[level]-1)
		default:
			c.use(child, TableType(level-1), false)
		}
	}
}

// halfEntry counts the general reference of an entry that is unfinished itself.
func (c *Census) halfEntry(f Frame, level, slot int) {
	l := c.state.L
	if slot >= l.Geo.Slots[level] {
		return
	}
	e := c.state.Entry(l.Geo, f, slot)
	if child := l.Map.Frame(e.MFN()); e.Is(Present) && child != NoFrame {
		c.Tallies[child].G++
	}
}

// Clash is the first frame that was found to be used as two types, and the types;
// NoFrame if there is none.
func (c *Census) Clash() (f Frame, a, b Type) { return c.clash.frame, c.clash.a, c.clash.b }

// Check takes a census and compares it with the records that the rules keep. It
// returns the first disagreement.
func (c *Census) Check(s *State) error {
	c.Take(s)
	return c.Compare(s)
}

// Compare compares the last census, of a state, with the records that the rules
// keep there.
func (c *Census) Compare(s *State) error {
	if x := c.clash; x.frame != NoFrame {
		return fmt.Errorf("model: census: frame %d is used as %v and as %v", x.frame, x.a, x.b)
	}
	f := c.Differs(s)
	if f == NoFrame {
		return nil
	}
	y, i := &c.Tallies[f], &s.info[f]
	return fmt.Errorf("model: census: frame %d: memory, pins and registers make it %v by %d uses and %d references; the hypervisor has it as %v by %d and %d%s",
		f, y.Typ, y.T, y.G, i.Typ, i.T, i.G, recordState(i))
}

// Differs is the first frame whose record in a state disagrees with the last
// census of it, NoFrame if there is none.
func (c *Census) Differs(s *State) Frame {
	for f := range c.Tallies {
		if !c.Tallies[f].Agrees(s, Frame(f)) {
			return Frame(f)
		}
	}
	return NoFrame
}

// Agrees reports whether a tally of a frame is what its record in a state says.
func (y *Tally) Agrees(s *State, f Frame) bool {
	i := &s.info[f]
	same := y.T == i.T && y.G == i.G
	if y.T > 0 {
		same = same && y.Typ == i.Typ && i.Is(Validated) != i.Is(Partial) && y.Special == i.Is(PAEXenL2)
	}
	if s.rules.modern && y.Typ.Level() > 0 {
		same = same && y.Linear == i.Linear
	}
	return same
}

// recordState says in words what a record's flags mean.
func recordState(i *FrameInfo) string {
	text := ""
	if i.Is(Partial) {
		text += ", validated up to slot " + strconv.Itoa(int(i.NrValid)) + " only"
	} else if i.T > 0 && !i.Is(Validated) {
		text += ", not validated"
	}
	if i.Is(Pinned) {
		text += ", pinned"
	}
	return text
}
