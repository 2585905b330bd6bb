package native

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
)

// Config describes a bare machine at the moment it enters C code.
type Config struct {
	// Geo is the geometry of the kernel; Boot the one that head.S uses, which is
	// always two-level. In a 2-level kernel both are the same.
	Geo, Boot *model.Geometry
	Kernel    model.KernelMap
	// PG0 is the first boot table's frame (pg0, behind the kernel's bss). The
	// others follow it.
	PG0 model.PFN
	// MapBeyondEnd is INIT_MAP_BEYOND_END: how many bytes head.S maps beyond the
	// end of its own tables.
	MapBeyondEnd model.PA
	// High is the number of frames of high memory, beyond those of low memory.
	High int
	// HighFrom is where the bus has high memory, in frames; 0: right behind the others.
	HighFrom model.MFN
}

// bootFlags are head.S's flags at both levels: present, writable, user.
const bootFlags = model.Present | model.RW | model.User

// BootTables is the number of boot tables: the smallest that map themselves
// and MapBeyondEnd bytes more (Linux: arch/i386/kernel/head.S, 05668381).
func (c *Config) BootTables() int {
	span := model.PA(c.Boot.Span(2))
	n := model.PA(1)
	for n*span < c.PG0.PA()+n*model.PageSize+c.MapBeyondEnd {
		n++
	}
	return int(n)
}

// StartOfDay returns the machine as head.S hands it to the kernel: paging on,
// two-level tables that map the first memory at 0 and at PAGE_OFFSET through
// the same boot tables.
func StartOfDay(c Config) (*model.State, error) {
	n := c.BootTables()
	high := c.Boot.Index(c.Kernel.PageOffset, 2)
	if high+n > c.Boot.Slots[2] || n > high {
		return nil, fmt.Errorf("native: start of day: %d boot tables do not fit %d root slots from slot %d", n, c.Boot.Slots[2], high)
	}
	frames := max(c.Kernel.MaxLowPFN, c.Kernel.Root+1, c.Kernel.ZeroPage+1, c.PG0+model.PFN(n))
	l := &model.Layout{Geo: c.Geo, Map: model.IdentityMapHigh(int(frames), c.High, max(c.HighFrom, model.MFN(frames))), Kernel: c.Kernel}
	if c.Geo.Levels > 2 {
		l.Boot = c.Boot
	}
	s := model.NewState(l)
	root := model.Frame(c.Kernel.Root)
	for k := range n {
		table := c.PG0 + model.PFN(k)
		pointer := model.MakeEntry(model.MFN(table), bootFlags)
		s.SetEntry(c.Boot, root, k, pointer)
		s.SetEntry(c.Boot, root, high+k, pointer)
		first := model.MFN(k) * model.MFN(c.Boot.Slots[1])
		for i := range c.Boot.Slots[1] {
			s.SetEntry(c.Boot, model.Frame(table), i, model.MakeEntry(first+model.MFN(i), bootFlags))
		}
	}
	s.CPU.CR3 = root
	s.CPU.NXE = c.Kernel.NX && c.Geo.Width == 8
	s.Kernel.InitMM = root
	s.Litter(model.FrameRange{From: c.Kernel.BootmemFirst, To: frames + model.PFN(c.High)})
	s.Commit()
	ops := Ops()
	ops.Start(s)
	return s, nil
}
