package audit

import (
	"fmt"

	"github.com/ptcheck/ptcheck/traces/image"
)

// XenFacts are the numbers of Xen's records.
type XenFacts struct {
	Layout        string
	Roots, Pinned int // validated L4 tables, pinned lower ones
	Tables        int // of guests, as recounted
	Typed         int // of these: recorded as what they are
	Counted       int // of these: type count as recounted
	Writable      int // frames with writable mappings
	Agreeing      int // of these: recorded so, with the recounted count
}

// recount counts from memory what Xen records: which frames serve as tables of which
// level, how many entries name each, how many writable mappings frames have.
type recount struct {
	t      *frameTable
	levels map[uint64]int
	order  []uint64
	refs   *frameMap[uint32] // entries of tables that name a table
	writes *frameMap[uint32] // writable leaf entries
	maps   *frameMap[uint32] // leaf entries
	frames []uint64          // with writable mappings, as they were met
	named  []uint64          // named by any entry, as they were met
	// other are tables met at a second level.
	other []uint64
}

// recountXen recounts the tables of all guests, from validated roots and pinned tables.
func (a *Audit) recountXen() error {
	c := &recount{t: a.xen, levels: map[uint64]int{}, refs: newFrameMap[uint32](), writes: newFrameMap[uint32](), maps: newFrameMap[uint32]()}
	for _, root := range a.xen.roots {
		if err := c.table(root, 4); err != nil {
			return err
		}
	}
	for _, f := range a.xen.pinned {
		rec, _, err := a.xen.record(f)
		if err != nil {
			return err
		}
		if level, is := rec.table(); is {
			if err := c.table(f, level); err != nil {
				return err
			}
		}
	}
	a.recount = c
	return nil
}

// table takes a table in, once.
func (c *recount) table(frame uint64, level int) error {
	if was, known := c.levels[frame]; known {
		if was != level && len(c.other) < mostFindings {
			c.other = append(c.other, frame)
		}
		return nil
	}
	if len(c.levels) >= mostVisits {
		return fmt.Errorf("audit: %s: more than %d tables", c.t.m.Name, mostVisits)
	}
	c.levels[frame] = level
	c.order = append(c.order, frame)
	page := new(image.Page)
	there, err := c.t.m.Page(frame, page)
	if err != nil || there != image.Stored {
		return err
	}
	rec, _, err := c.t.record(frame)
	if err != nil {
		return err
	}
	for slot := range 512 {
		e := word(page, slot)
		switch {
		case !e.is(present) || level == 4 && xenSlot(slot):
		case level > 1 && e.is(pageSize): // a large page: guests may not, but a 32-bit guest's L2 has Xen's
			if !rec.compat {
				c.leaf(e, chunkFrames)
			}
		case level == 1:
			c.leaf(e, 1)
		default:
			if err := c.pointer(e, level); err != nil {
				return err
			}
		}
	}
	return nil
}

// pointer counts an entry that names a table. One that names a table of its own level
// makes it a linear pagetable.
func (c *recount) pointer(e entry, level int) error {
	f := uint64(e&address) >> image.PageShift
	c.name(f)
	*c.refs.place(f)++
	if c.levels[f] == level {
		return nil
	}
	return c.table(f, level-1)
}

// name notes a frame that an entry names for the first time.
func (c *recount) name(f uint64) {
	if c.refs.get(f) == 0 && c.maps.get(f) == 0 {
		c.named = append(c.named, f)
	}
}

// leaf counts mappings. A frame beyond all memory is a device's.
func (c *recount) leaf(e entry, n uint64) {
	first := uint64(e&address) >> image.PageShift
	for f := first; f < first+n; f++ {
		if there, err := c.t.m.Has(f); err != nil || there == image.Absent {
			continue
		}
		c.name(f)
		*c.maps.place(f)++
		if e.is(writable) {
			p := c.writes.place(f)
			if *p == 0 {
				c.frames = append(c.frames, f)
			}
			*p++
		}
	}
}
