package boot

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
)

func frames(from, to model.PFN) model.FrameRange { return model.FrameRange{From: from, To: to} }

// listTables are the frames of the list and its tables: one each of the list and
// of three levels.
const listTables = 4

// bufferCases lists the family of the table buffer: one range or two with a hole
// between, a tail that does not fill a table, memory to be ballooned up, the
// builder's list of machine frames at an address of its own, orders of machine
// frames, large pages, and stale translations.
func bufferCases() []systems.EarlyStart {
	old, now := model.Xen31(), model.Xen417()
	cases := []systems.EarlyStart{
		{Levels: 4, L1: 4, Profile: now, P2M: straight, Mapped: 16, List: 17,
			RAM: []model.FrameRange{frames(0, 32)}, Ranges: []model.FrameRange{frames(0, 32)}},
		{Levels: 4, L1: 8, Profile: now, P2M: shuffled, Mapped: 16, NX: true, Brk: 1,
			RAM: []model.FrameRange{frames(0, 40), frames(48, 55)}, Extra: frames(55, 57),
			Ranges: []model.FrameRange{frames(0, 40), frames(48, 57)}},
		{Levels: 4, L1: 4, Profile: old, P2M: reversed, Mapped: 16, Sticky: true,
			RAM: []model.FrameRange{frames(0, 30)}, Ranges: []model.FrameRange{frames(0, 30)}},
		{Levels: 3, L1: 4, Profile: old, P2M: straight, Mapped: 28,
			RAM: []model.FrameRange{frames(0, 31)}, Ranges: []model.FrameRange{frames(0, 31)}},
		{Levels: 3, L1: 4, Profile: now, P2M: high, Mapped: 28, Sticky: true, NX: true,
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
		{Levels: 4, L1: 4, Mapped: 16, NX: true, Initrd: 16,
			RAM: []model.FrameRange{frames(0, 27)}, Ranges: []model.FrameRange{frames(0, 27)}},
	}
	cases = append(cases,
		systems.EarlyStart{Levels: 3, L1: 4, Profile: old, P2M: straight, Mapped: 28, Uncleared: true, BrkTables: true, Brk: 1,
			RAM: []model.FrameRange{frames(0, 30)}, Ranges: []model.FrameRange{frames(0, 30)}},
		systems.EarlyStart{Levels: 4, L1: 4, Profile: now, P2M: shuffled, Mapped: 20, Dom0: true, BrkTables: true, Brk: 3,
			RAM: []model.FrameRange{frames(0, 33)}, Ranges: []model.FrameRange{frames(0, 33)}},
	)
	return append(cases, brimCases()...)
}

// brimCases are machines whose free memory just fits the table buffer, and those with a page
// less beside what they must map, on which the kernel must panic.
func brimCases() []systems.EarlyStart {
	old, now := model.Xen31(), model.Xen417()
	var out []systems.EarlyStart
	for _, x := range []struct {
		start       systems.EarlyStart
		fits, short model.PFN // ends of memory
	}{
		{systems.EarlyStart{Levels: 4, Profile: now, P2M: straight, Mapped: 16}, 26, 25},
		{systems.EarlyStart{Levels: 3, Profile: old, P2M: reversed, Mapped: 20}, 20, 21},
		{systems.EarlyStart{Levels: 4, Mapped: 12, NX: true}, 20, 19},
		{systems.EarlyStart{Levels: 3, Mapped: 16}, 16, 17},
	} {
		c := x.start
		c.L1, c.Brim = 4, true
		c.RAM = []model.FrameRange{frames(0, x.fits)}
		c.Ranges = c.RAM
		out = append(out, c)
		c.Brim, c.Panic = false, hooks.NoTableSpace
		c.RAM = []model.FrameRange{frames(0, x.short)}
		c.Ranges = c.RAM
		out = append(out, c)
	}
	return out
}

// topCases lists the family of top-down mapping.
func topCases() []systems.EarlyStart {
	old, now := model.Xen31(), model.Xen417()
	return []systems.EarlyStart{
		{Levels: 4, L1: 4, TopDown: true, Profile: now, P2M: straight, Mapped: 28, Brk: 7,
			RAM: []model.FrameRange{frames(0, 34), frames(37, 46)}, List: 28},
		{Levels: 4, L1: 8, TopDown: true, Profile: old, P2M: reversed, Mapped: 24, Brk: 6, Sticky: true,
			RAM: []model.FrameRange{frames(0, 45)}, Extra: frames(45, 51)},
		{Levels: 4, L1: 4, TopDown: true, Profile: now, P2M: shuffled, Mapped: 31, Brk: 8, NX: true,
			RAM: []model.FrameRange{frames(0, 33), frames(36, 38), frames(41, 53)}},
		{Levels: 3, L1: 4, TopDown: true, Profile: old, P2M: straight, Mapped: 24, Brk: 7,
			RAM: []model.FrameRange{frames(0, 33), frames(36, 43)}},
		{Levels: 3, L1: 4, TopDown: true, Profile: now, P2M: high, Mapped: 24, Brk: 6, Sticky: true, NX: true,
			RAM: []model.FrameRange{frames(0, 38)}, Extra: frames(38, 45)},
		{Levels: 3, L1: 4, TopDown: true, Mapped: 24, Brk: 6, PSE: true, PGE: true, NX: true,
			RAM: []model.FrameRange{frames(0, 34), frames(37, 47)}},
		{Levels: 4, L1: 4, TopDown: true, Mapped: 24, Brk: 6, PGE: true, NX: true,
			RAM: []model.FrameRange{frames(0, 30), frames(33, 47)}},
		{Levels: 4, L1: 8, TopDown: true, Mapped: 24, Brk: 6, PSE: true, Sticky: true,
			RAM: []model.FrameRange{frames(0, 41), frames(46, 63)}},
		{Levels: 4, L1: 4, TopDown: true, Profile: old, P2M: reversed, Mapped: 31, Brk: 9, Dom0: true, Uncleared: true, BrkTables: true,
			RAM: []model.FrameRange{frames(0, 46)}},
		{Levels: 4, L1: 4, TopDown: true, Profile: now, P2M: straight, Mapped: 32, Brk: 7, NX: true, Initrd: 33,
			RAM: []model.FrameRange{frames(0, 40)}},
	}
}
