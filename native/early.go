package native

import (
	"fmt"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// EarlyOps returns the native hooks of later kernels (Linux 2.6.39 to 3.8).
func EarlyOps() hooks.Ops {
	ops := Ops()
	ops.PagetableSetupStart = EarlySetupStart
	ops.PagetableSetupDone = func(*hooks.Kernel, model.VA) {}
	ops.Early = hooks.EarlyOps{
		MemorySetup:      func(*hooks.Kernel) {},
		PagetableReserve: hooks.Reserve,
	}
	return ops
}

// EarlySetupStart reserves the kernel's own memory, and on 32 bits removes what
// the boot tables map past the end of memory (Linux 551889a6,
// native_pagetable_setup_start; it began one page too far, which later kernels do
// not). A 64-bit kernel does that when it maps the end of memory.
func EarlySetupStart(k *hooks.Kernel, _ model.VA) {
	hooks.MemorySetup(k)
	if !k.M.L.Geo.SignExtend {
		ClearPastEnd(k, k.M.L.Kernel.MaxLowPFN)
	}
}

// ClearPastEnd clears the leaves of the direct map from a frame on, up to the
// first that is not there.
func ClearPastEnd(k *hooks.Kernel, from model.PFN) {
	for pfn := from; ; pfn++ {
		pte, level, ok := k.LookupAddress(k.M.L.VA(pfn.PA()))
		if !ok || level != 1 || !k.Read(pte).Is(model.Present) {
			return
		}
		k.PV.SetPTE[k.M.Kernel.SetPTE](k, pte, 0)
		k.PV.FlushTLBSingle(k, k.M.L.VA(pfn.PA()))
	}
}

// EarlyConfig describes a bare machine that boots a later kernel: its boot tables
// have the kernel's own geometry.
type EarlyConfig struct {
	Geo    *model.Geometry
	Kernel model.KernelMap
	Early  *model.EarlyMap
	// Tables are the frames of the boot tables, in order of use; they map the
	// frames below MapEnd at PAGE_OFFSET, past the end of memory too, and what the
	// loader has put into memory at its own address.
	Tables []model.PFN
	MapEnd model.PFN
}

// EarlyStartOfDay returns the machine as head_32.S or head_64.S hands it to C.
func EarlyStartOfDay(c EarlyConfig) (*model.State, error) {
	l := &model.Layout{Geo: c.Geo, Map: model.IdentityMap(int(c.Kernel.MaxLowPFN)), Kernel: c.Kernel, Early: c.Early}
	s := model.NewState(l)
	free := c.Tables
	enter := func(pfn model.PFN, va model.VA) error {
		table := model.Frame(c.Kernel.Root)
		for level := c.Geo.Root(); level > 1; level-- {
			slot := c.Geo.Index(va, level)
			e := s.Entry(c.Geo, table, slot)
			if !e.Is(model.Present) {
				if len(free) == 0 {
					return fmt.Errorf("native: start of day: too few boot tables to map %d frames and what was loaded", c.MapEnd)
				}
				flags := hooks.PageTable
				if !c.Geo.GrantsRights(level) {
					flags = model.Present
				}
				e = model.MakeEntry(model.MFN(free[0]), flags)
				free = free[1:]
				s.SetEntry(c.Geo, table, slot, e)
			}
			table = model.Frame(e.MFN())
		}
		s.SetEntry(c.Geo, table, c.Geo.Index(va, 1), model.MakeEntry(model.MFN(pfn), model.Present|model.RW))
		return nil
	}
	for pfn := range c.MapEnd {
		if err := enter(pfn, l.VA(pfn.PA())); err != nil {
			return nil, err
		}
	}
	for i := range model.PFN(c.Early.Initrd.Len()) {
		if err := enter(c.Early.Initrd.From+i, c.Early.InitrdBase+model.VA(i)*model.PageSize); err != nil {
			return nil, err
		}
	}
	s.CPU.CR3 = model.Frame(c.Kernel.Root)
	s.CPU.CR4 = model.CR4PAE | model.CR4PSE
	s.CPU.NXE = c.Kernel.NX
	s.Kernel.InitMM = s.CPU.CR3
	s.Litter(model.FrameRange{From: c.Early.Image, To: c.Kernel.MaxLowPFN})
	s.Commit()
	ops := EarlyOps()
	ops.Start(s)
	return s, nil
}
