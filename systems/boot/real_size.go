package boot

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems"
)

// realL1 is the number of slots of a leaf table of real 64-bit machines, by which a member
// asks for their geometry.
const realL1 = 512

// RealSize are machines of real size for later 64-bit kernels, with the tables of AMD64 and
// some frames of memory, from 1<<14 on: under Xen and bare, with and without a hole, with
// memory to be ballooned up, with what the loader has put there, and with large pages. Rules mean the same there as in the families that are
// searched, which no search can be made of these.
func RealSize(topDown bool, memory model.PFN) []systems.EarlyStart {
	old, now := model.Xen31(), model.Xen417()
	var out []systems.EarlyStart
	for _, c := range []systems.EarlyStart{
		{Profile: now, P2M: straight, List: 1, Initrd: 1, NX: true, RAM: make([]model.FrameRange, 1)},
		{Profile: old, P2M: reversed, Extra: frames(0, 1), Sticky: true, RAM: make([]model.FrameRange, 2)},
		{Profile: now, P2M: straight, Extra: frames(0, 1), NX: true, RAM: make([]model.FrameRange, 1)},
		{PSE: true, PGE: true, NX: true, Sticky: true, RAM: make([]model.FrameRange, 2)},
		{Initrd: 1, NX: true, RAM: make([]model.FrameRange, 2)},
	} {
		c.Levels, c.L1, c.TopDown, c.Mapped, c.Brk = 4, realL1, topDown, 16*realL1, 7
		// What is left over fills no table, and nor does what may come.
		end := memory - 3*realL1 - 100
		switch c.RAM[0] = frames(0, end); {
		case len(c.RAM) > 1 && c.Initrd > 0: // the start-of-day tables map some of the hole
			c.RAM[0], c.RAM[1] = frames(0, c.Mapped-40), frames(c.Mapped+8, end)
		case len(c.RAM) > 1:
			c.RAM[0], c.RAM[1] = frames(0, memory/2+77), frames(memory/4*3, end)
		}
		if c.Extra.Len() > 0 {
			c.Extra = frames(end, memory-100)
		}
		if c.List > 0 {
			c.List = c.Mapped + 1
		}
		if c.Initrd > 0 {
			c.Initrd = c.Mapped + 20
		}
		if !topDown {
			c.Ranges = append([]model.FrameRange(nil), c.RAM...)
			c.Ranges[len(c.Ranges)-1].To = c.End()
		}
		out = append(out, c)
	}
	return out
}
