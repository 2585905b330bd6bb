package explore

// store remembers the states that have been found and settled, by number. While workers expand states it
// is only read, by find and by front; everything else is called between rounds.
type store interface {
	// find sets cand to 0 in those items whose states are not in the store, and to something else in
	// the others. States of more than two words are in bytes.
	find(items []pending, bytes []byte)
	// len returns the number of states.
	len() uint64
	// front returns where the states are that wait for expansion, and the number of the first there.
	front() (a *arena, base uint64)
	// needs returns how many bytes of memory n more states of so many bytes in all may take.
	needs(n, bytes uint64) uint64
	// add stores new states in the order of their numbers; the crew may be put to work. It returns the
	// places of those that it takes for others, in order.
	add(l line, crew []*worker) (left []int)
	// endLevel says that all states in front have been expanded: those added since take their place.
	endLevel()
	// state returns the packed bytes of a state of the level being expanded.
	state(id uint64) ([]byte, error)
	// chain returns the packed states on the way from an initial state to state id.
	chain(id uint64, p *parents, m *replayer) ([][]byte, error)
	// used returns the number of bytes in use.
	used() uint64
}

// line is a number of records in the order in which they become states.
type line struct {
	items  []item
	owners []*owner
	size   int  // of a state
	init   bool // they are initial states: their keys are the numbers by which Init knows them
}

// item is a record in line. Bit 32 and up of at is the owner, the rest the number of the record.
type item struct {
	key, at uint64
}

// len returns the number of states in line.
func (l line) len() int { return len(l.items) }

// record returns the i-th record.
func (l line) record(i int) *record { return l.owners[l.items[i].at>>32].rec(l.items[i].at) }

// rec returns the record of an item's at.
func (o *owner) rec(at uint64) *record { return &o.recs[uint32(at)] }

// packed returns the bytes of the i-th state; those of words are put into buf.
func (l line) packed(i int, buf *[16]byte) []byte {
	return l.owners[l.items[i].at>>32].packed(l.record(i), buf, l.size)
}

// call returns by which call of its parent the i-th state was found, or which initial state it is.
func (l line) call(i int) uint32 {
	if l.init {
		return uint32(l.items[i].key)
	}
	return uint32(l.items[i].key & (maxCalls - 1))
}
