package audit

import (
	"slices"

	"github.com/ptcheck/ptcheck/traces/image"
)

// use says by bit how a frame is mapped anywhere.
type use uint8

const (
	kernelWrites use = 1 << iota
	kernelRuns
	userSees
	cachedWB // cache types, each a bit
	cachedWC
	cachedUC
	cachedOther // write-through, write-protected
)

const cacheUses = cachedWB | cachedWC | cachedUC | cachedOther

// cacheUse is the cache type of a leaf as bit: three bits of the entry are an index into
// the PAT.
func (a *Audit) cacheUse(s *sight) use {
	index := s.raw >> 3 & 3
	pat := entry(1) << 7
	if s.level > 1 {
		pat = 1 << 12
	}
	if s.raw.is(pat) {
		index |= 4
	}
	return a.pat[index]
}

// linuxPAT are the types as Linux sets them: WB, WC, UC-, UC, WB, WP, UC-, WT (pat_bp_init
// in arch/x86/mm/pat/memtype.c). Strong and weak uncached are one here: both do without
// the cache.
func linuxPAT() [8]use {
	return [8]use{cachedWB, cachedWC, cachedUC, cachedUC, cachedWB, cachedOther, cachedUC, cachedOther}
}

// xenPAT are the types as Xen sets them: WB, WT, UC-, UC, WC, WP, UC, UC (XEN_MSR_PAT in
// asm/x86-defns.h, asm/processor.h before).
func xenPAT() [8]use {
	return [8]use{cachedWB, cachedOther, cachedUC, cachedUC, cachedWC, cachedOther, cachedUC, cachedUC}
}

// census is what a first walk finds out: which tables there are, how each frame of
// memory is mapped, where the kernel maps all memory.
type census struct {
	a       *Audit
	uses    *frameMap[use]
	memory  []image.Range // merged, ascending
	tables  []uint64      // frames, ascending
	offsets map[uint64]uint64
}

// mostOffsets bounds the offsets that are told apart; a kernel has one direct map.
const mostOffsets = 1 << 12

func newCensus(a *Audit) *census {
	c := &census{a: a, uses: newFrameMap[use](), offsets: map[uint64]uint64{}}
	for _, r := range a.image.Ranges() {
		if n := len(c.memory); n > 0 && r.First <= c.memory[n-1].First+c.memory[n-1].Count {
			last := &c.memory[n-1]
			last.Count = max(last.Count, r.First+r.Count-last.First)
		} else {
			c.memory = append(c.memory, r)
		}
	}
	return c
}

// see notes how frames are mapped.
func (c *census) see(s *sight) {
	if s.kind != aLeaf {
		return
	}
	var u use
	kernel := c.a.kernelLeaf(s)
	// Under a hypervisor all memory is mapped by it too: only guests' mappings tell.
	if kernel && !s.theirs {
		if s.rw {
			u |= kernelWrites
		}
		if !s.nx {
			u |= kernelRuns
		}
	}
	if s.user {
		u |= userSees
	}
	u |= c.a.cacheUse(s)
	c.mark(s.pa>>image.PageShift, s.pages(), u)
	c.offset(s)
}

// offset counts at which distance from physical addresses memory is mapped.
func (c *census) offset(s *sight) {
	off := s.va - s.pa
	align := uint64(1) << 30
	if c.a.Paging.Mode < image.FourLevel {
		align = 1 << 22
	}
	if s.user || s.theirs || off%align != 0 || s.va < s.pa || off >= kernelImage {
		return
	}
	if _, known := c.offsets[off]; known || len(c.offsets) < mostOffsets {
		c.offsets[off] += s.size
	}
}

// directMap is the offset at which most memory is mapped, and whether there is one.
func (c *census) directMap() (uint64, bool) {
	best, size := uint64(0), uint64(0)
	for off, n := range c.offsets {
		if off != 0 && (n > size || n == size && off < best) {
			best, size = off, n
		}
	}
	return best, size > 0
}

// endsBefore orders a range before the frames behind it.
func endsBefore(r image.Range, frame uint64) int {
	if r.First+r.Count <= frame {
		return -1
	}
	return 1
}

// mark adds a use to the frames of memory in a run; devices are not noted.
func (c *census) mark(first, count uint64, u use) {
	i, _ := slices.BinarySearchFunc(c.memory, first, endsBefore)
	for ; i < len(c.memory) && c.memory[i].First < first+count; i++ {
		r := &c.memory[i]
		for f := max(first, r.First); f < min(first+count, r.First+r.Count); f++ {
			p := c.uses.place(f)
			*p |= u
		}
	}
}

// covers reports whether all frames of a run are memory: ranges are merged, so one must
// hold it whole.
func (c *census) covers(first, count uint64) bool {
	i, _ := slices.BinarySearchFunc(c.memory, first, endsBefore)
	return i < len(c.memory) && c.memory[i].First <= first && c.memory[i].First+c.memory[i].Count >= first+count
}

// tablesIn lists the tables among the frames of a run.
func (c *census) tablesIn(first, count uint64) []uint64 {
	i, _ := slices.BinarySearch(c.tables, first)
	j, _ := slices.BinarySearch(c.tables[i:], first+count)
	return c.tables[i : i+j]
}
