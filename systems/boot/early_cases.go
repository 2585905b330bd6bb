package system

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// EarlyStart is a member of the families of later kernels: a machine, how much of
// it the start-of-day tables map, and what the kernel makes of it.
type EarlyStart struct {
	Levels, L1 int // table levels; slots of an L1 table
	TopDown    bool
	// Profile is the hypervisor's rules, nil on bare metal.
	Profile *model.Profile
	p2m     func(pfn, n int) int
	// Mapped is how many frames the start-of-day tables map.
	Mapped model.PFN
	// RAM and Extra are the memory map; Ranges what the kernel wants to map.
	RAM    []model.FrameRange
	Extra  model.FrameRange
	Ranges []model.FrameRange
	// List is the first frame of the list of machine frames and its tables, 0 for a
	// guest that has it in the kernel's own mapping.
	List model.PFN
	// Brk is the size of the brk in frames.
	Brk int
	// RootLast makes the builder lay out its tables from the leaves up.
	RootLast     bool
	PSE, PGE, NX bool
	Sticky       bool
}

func frames(from, to model.PFN) model.FrameRange { return model.FrameRange{From: from, To: to} }

// listTables are the frames of the list and its tables: one each of the list and
// of three levels.
const listTables = 4

// bufferCases lists the family of the table buffer: one range or two with a hole
// between, a tail that does not fill a table, memory to be ballooned up, the
// builder's list of machine frames at an address of its own, orders of machine
// frames, large pages, and stale translations.
func bufferCases() []EarlyStart {
	old, now := model.Xen31(), model.Xen417()
	return []EarlyStart{
		{Levels: 4, L1: 4, Profile: now, p2m: straight, Mapped: 16, List: 17,
			RAM: []model.FrameRange{frames(0, 32)}, Ranges: []model.FrameRange{frames(0, 32)}},
		{Levels: 4, L1: 8, Profile: now, p2m: shuffled, Mapped: 16, NX: true, Brk: 1,
			RAM: []model.FrameRange{frames(0, 40), frames(48, 55)}, Extra: frames(55, 57),
			Ranges: []model.FrameRange{frames(0, 40), frames(48, 57)}},
		{Levels: 4, L1: 4, Profile: old, p2m: reversed, Mapped: 16, Sticky: true,
			RAM: []model.FrameRange{frames(0, 30)}, Ranges: []model.FrameRange{frames(0, 30)}},
		{Levels: 3, L1: 4, Profile: old, p2m: straight, Mapped: 28,
			RAM: []model.FrameRange{frames(0, 31)}, Ranges: []model.FrameRange{frames(0, 31)}},
		{Levels: 3, L1: 4, Profile: now, p2m: high, Mapped: 28, Sticky: true,
			RAM: []model.FrameRange{frames(0, 29)}, Extra: frames(29, 33), Ranges: []model.FrameRange{frames(0, 33)}},
		{Levels: 4, L1: 4, Mapped: 16, PGE: true, NX: true,
			RAM: []model.FrameRange{frames(0, 30)}, Ranges: []model.FrameRange{frames(0, 30)}},
		{Levels: 4, L1: 8, Mapped: 16, PSE: true, Sticky: true,
			RAM: []model.FrameRange{frames(0, 40), frames(50, 61)}, Ranges: []model.FrameRange{frames(0, 40), frames(50, 61)}},
		{Levels: 4, L1: 8, Mapped: 32,
			RAM: []model.FrameRange{frames(0, 29)}, Ranges: []model.FrameRange{frames(0, 29)}},
		{Levels: 3, L1: 4, Mapped: 28, PSE: true, PGE: true, NX: true,
			RAM: []model.FrameRange{frames(0, 26)}, Ranges: []model.FrameRange{frames(0, 26)}},
		{Levels: 3, L1: 4, Mapped: 24, Sticky: true,
			RAM: []model.FrameRange{frames(0, 27)}, Ranges: []model.FrameRange{frames(0, 27)}},
	}
}

// topCases lists the family of top-down mapping.
func topCases() []EarlyStart {
	old, now := model.Xen31(), model.Xen417()
	return []EarlyStart{
		{Levels: 4, L1: 4, TopDown: true, Profile: now, p2m: straight, Mapped: 28, Brk: 7,
			RAM: []model.FrameRange{frames(0, 34), frames(37, 46)}, List: 28},
		{Levels: 4, L1: 8, TopDown: true, Profile: old, p2m: reversed, Mapped: 24, Brk: 6, Sticky: true,
			RAM: []model.FrameRange{frames(0, 45)}, Extra: frames(45, 51)},
		{Levels: 4, L1: 4, TopDown: true, Profile: now, p2m: shuffled, Mapped: 31, Brk: 8, NX: true,
			RAM: []model.FrameRange{frames(0, 33), frames(36, 38), frames(41, 53)}},
		{Levels: 3, L1: 4, TopDown: true, Profile: old, p2m: straight, Mapped: 24, Brk: 7,
			RAM: []model.FrameRange{frames(0, 33), frames(36, 43)}},
		{Levels: 3, L1: 4, TopDown: true, Profile: now, p2m: high, Mapped: 24, Brk: 6, Sticky: true,
			RAM: []model.FrameRange{frames(0, 38)}, Extra: frames(38, 45)},
		{Levels: 3, L1: 4, TopDown: true, Mapped: 24, Brk: 6, PSE: true, PGE: true, NX: true,
			RAM: []model.FrameRange{frames(0, 34), frames(37, 47)}},
		{Levels: 4, L1: 4, TopDown: true, Mapped: 24, Brk: 6, PGE: true, NX: true,
			RAM: []model.FrameRange{frames(0, 30), frames(33, 47)}},
		{Levels: 4, L1: 8, TopDown: true, Mapped: 24, Brk: 6, PSE: true, Sticky: true,
			RAM: []model.FrameRange{frames(0, 41), frames(46, 63)}},
	}
}

func (c *EarlyStart) name() string {
	parts := []string{fmt.Sprintf("%dlevel-%dslots-%df-%dmapped", c.Levels, c.L1, c.end(), c.Mapped)}
	if c.Profile != nil {
		parts = append(parts, c.Profile.Name)
	}
	for _, f := range []struct {
		on   bool
		name string
	}{
		{len(c.RAM) > 1, "hole"}, {c.Extra.Len() > 0, "balloon"}, {c.List > 0, "list"}, {c.RootLast, "rootlast"},
		{c.PSE, "pse"}, {c.PGE, "pge"}, {c.NX, "nx"}, {c.Sticky, "stickytlb"},
	} {
		if f.on {
			parts = append(parts, f.name)
		}
	}
	return strings.Join(parts, "-")
}

// end is the first frame behind all memory.
func (c *EarlyStart) end() model.PFN { return max(c.RAM[len(c.RAM)-1].To, c.Extra.To) }
