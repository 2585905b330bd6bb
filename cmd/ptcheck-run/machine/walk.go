package machine

// control are the control registers as the guest sees them.
type control struct{ cr0, cr3, cr4, efer uint64 }

// Bits of control registers and entries.
const (
	paging     = 1 << 31 // CR0.PG
	protect    = 1 << 16 // CR0.WP
	sizes      = 1 << 4  // CR4.PSE
	extension  = 1 << 5  // CR4.PAE
	fiveLevels = 1 << 12 // CR4.LA57
	longMode   = 1 << 10 // EFER.LMA
	longEnable = 1 << 8  // EFER.LME

	present  = 1
	writable = 2
	large    = 0x80
	address  = 0x000ffffffffff000
)

// levels is the number of table levels: 2, 3 for PAE, 4 or 5; 0 without paging.
func (c *control) levels() int {
	switch {
	case c.cr0&paging == 0:
		return 0
	case c.efer&longMode != 0 && c.cr4&fiveLevels != 0:
		return 5
	case c.efer&longMode != 0:
		return 4
	case c.cr4&extension != 0:
		return 3
	}
	return 2
}

// entrySize is the size of an entry with so many levels.
func entrySize(levels int) int {
	if levels == 2 {
		return 4
	}
	return 8
}

// root is where the root begins, and in bytes how large it is.
func (c *control) root() (pa uint64, size int) {
	if c.levels() == 3 {
		return c.cr3 & 0xffffffe0, 32
	}
	return c.cr3 & address, pageSize
}

// isLeaf reports whether a present entry of a table of a level maps memory.
func (c *control) isLeaf(e uint64, level int) bool {
	if level == 1 {
		return true
	}
	if e&large == 0 {
		return false
	}
	switch c.levels() {
	case 2:
		return c.cr4&sizes != 0
	case 3:
		return level == 2
	}
	return level <= 3
}

// walk translates a virtual address; ok is false if nothing is mapped there, rw whether a
// store is allowed.
func (m *memory) walk(c *control, va uint64) (pa uint64, rw, ok bool) {
	n := c.levels()
	if n == 0 {
		return va, true, true
	}
	size, bits := entrySize(n), uint(9)
	if n == 2 {
		bits = 10
	}
	if n <= 3 {
		va &= 0xffffffff
	}
	table, _ := c.root()
	rw = true
	for level := n; level >= 1; level-- {
		shift := 12 + bits*uint(level-1)
		e, there := m.word(table+(va>>shift&(1<<bits-1))*uint64(size), size)
		if !there || e&present == 0 {
			return 0, false, false
		}
		if n != 3 || level != 3 {
			rw = rw && e&writable != 0
		}
		if c.isLeaf(e, level) {
			mask := uint64(1)<<shift - 1
			return e&address&^mask | va&mask, rw || c.cr0&protect == 0, true
		}
		table = e & address
	}
	return 0, false, false
}

// tables calls f for each frame that serves as a table below the root, once for each level at
// which it does. It returns where the tree goes on.
func (m *memory) tables(c *control, f func(frame uint64, level int) bool) {
	n := c.levels()
	if n == 0 {
		return
	}
	pa, size := c.root()
	m.subtree(c, pa, size, n, f)
}

func (m *memory) subtree(c *control, pa uint64, size, level int, f func(frame uint64, level int) bool) {
	b := m.at(pa, size)
	if b == nil || !f(pa/pageSize, level) || level == 1 {
		return
	}
	es := entrySize(c.levels())
	for i := 0; i < size; i += es {
		e, _ := m.word(pa+uint64(i), es)
		if e&present != 0 && !c.isLeaf(e, level) {
			m.subtree(c, e&address, pageSize, level-1, f)
		}
	}
}
