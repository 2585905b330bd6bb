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
		if s.info[f].Is(Pinned) {
			c.use(Frame(f), s.info[f].Typ, false)
		}
	}
	for n, x := range s.L.Hyper.Extra {
		if x.Kind == SharedInfo {
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
	for len(c.queue) > 0 {
		f := c.queue[len(c.queue)-1]
		c.queue = c.queue[:len(c.queue)-1]
		c.table(f)
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
	for slot := range l.Geo.Slots[level] {
		e := c.state.Entry(l.Geo, f, slot)
		child := l.Map.Frame(e.MFN())
		switch {
		case !e.Is(Present) || child == NoFrame || l.XenSlot(level, slot, special):
		case level == 1 && e.Is(RW):
			c.use(child, TypeWritable, false)
		case level == 1:
			c.Tallies[child].G++
		case child == f: // an entry to the table itself counts nothing
		case c.state.info[child].Typ == TableType(level):
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

// Check takes a census and compares it with the records that the rules keep. It
// returns the first disagreement.
func (c *Census) Check(s *State) error {
	c.Take(s)
	if x := c.clash; x.frame != NoFrame {
		return fmt.Errorf("model: census: frame %d is used as %v and as %v", x.frame, x.a, x.b)
	}
	for f := range c.Tallies {
		y, i := &c.Tallies[f], &s.info[f]
		same := y.T == i.T && y.G == i.G
		if y.T > 0 {
			same = same && y.Typ == i.Typ && i.Is(Validated) && y.Special == i.Is(PAEXenL2)
		}
		if s.rules.modern && y.Typ.Level() > 0 {
			same = same && y.Linear == i.Linear
		}
		if !same {
			return fmt.Errorf("model: census: frame %d: memory, pins and registers make it %v by %d uses and %d references; the hypervisor has it as %v by %d and %d%s",
				f, y.Typ, y.T, y.G, i.Typ, i.T, i.G, recordState(i))
		}
	}
	return nil
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
