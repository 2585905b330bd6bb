package kernel

import (
	"fmt"

	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// Call is one protocol call with its argument, or two that run side by side. It
// fits a uint64 as the search engine's call code.
type Call struct {
	Kind model.CallKind
	// Arg is the frame of a map call (PFN, or AllLeaves for the kernel's own loop
	// over all of low memory), the range of a range call
	// (RangeFixmap, RangePkmap), the fixmap index of a fixmap or alias call, and
	// 1 for a switch to the second address space.
	Arg uint32
	// CPU is the processor that makes the call, 0 or 1.
	CPU uint8
	// Refuse is the hypercall of the call, counted from 1, that the hypervisor
	// refuses for want of memory; 0: none.
	Refuse uint8
	// Beside is the call that processor 1 makes meanwhile, of kind CallNone if
	// there is none; Sched says how the steps of both follow each other.
	Beside Half
	Sched  model.Schedule
}

// Half is one of two calls that run side by side. Arg is below 256.
type Half struct {
	Kind model.CallKind
	Arg  uint8
}

// AllLeaves stands for all of low memory in a map call.
const AllLeaves = 1<<32 - 1

// Ranges of a range call.
const (
	RangeFixmap = iota
	RangePkmap
)

// String returns the call as scenario files have it.
func (c Call) String() string {
	switch {
	case c.Beside.Kind != model.CallNone:
		return c.bothText()
	case c.CPU != 0:
		c.CPU = 0
		return "cpu1 " + oneWord(c.String())
	case c.Refuse != 0:
		n := c.Refuse
		c.Refuse = 0
		return fmt.Sprintf("refuse %d %s", n, oneWord(c.String()))
	}
	if c.Kind >= model.CallMMAlloc {
		return c.lifeText()
	}
	switch c.Kind {
	case model.CallMap:
		if c.Arg == AllLeaves {
			return "map_all"
		}
		return fmt.Sprintf("%v f%d", c.Kind, c.Arg)
	case model.CallRange:
		return fmt.Sprintf("%v %s", c.Kind, [...]string{"fixmap", "pkmap"}[c.Arg])
	case model.CallFixmap, model.CallAlias:
		return fmt.Sprintf("%v %d", c.Kind, c.Arg)
	case model.CallSwitch:
		return fmt.Sprintf("%v %s", c.Kind, [...]string{"kernel", "second"}[c.Arg&1])
	}
	if text, ok := c.earlyText(); ok {
		return text
	}
	return c.Kind.String()
}

// Fixmap indexes of the tiny systems.
const (
	FixShared = 1 // where shared_info is mapped under Xen
	FixOwn    = 2 // a mapping of the kernel's own
	FixAlias  = 3 // an alias of a page of low memory
	NrFixed   = 4
)

// run makes the kernel carry out a call.
func (c Call) run(k *hooks.Kernel) {
	l := k.M.L
	if c.Kind >= model.CallMMAlloc {
		n, page := c.LifeArgs()
		hooks.LifeCall(k, c.Kind, n, l.Life.Pages[page])
		return
	}
	switch c.Kind {
	case model.CallSetupStart:
		hooks.SetupStart(k)
	case model.CallMap:
		if c.Arg == AllLeaves {
			hooks.MapLowmem(k)
		} else {
			hooks.MapLowmemLeaf(k, model.PFN(c.Arg))
		}
	case model.CallRange:
		if c.Arg == RangePkmap {
			// Marked here, so that a kernel that does nothing is seen to do nothing.
			start := l.Kernel.PkmapBase
			outer := k.M.Begin(model.Call{Kind: c.Kind, Start: start, End: start + model.VA(l.Kernel.LastPkmap)*model.PageSize})
			k.Fn.PermanentKmapsInit(k, k.Base())
			k.M.End(outer)
		} else {
			start, end := hooks.FixmapRange(l)
			hooks.CreateRange(k, start, end)
		}
	case model.CallFixmap:
		hooks.MapFixmap(k, c.Kind, FixOwn, l.Kernel.Spare, k.KernelProt(false))
	case model.CallAlias:
		hooks.MapFixmap(k, c.Kind, int(c.Arg), l.Kernel.Root, k.KernelProt(true))
	case model.CallSetupDone:
		hooks.SetupDone(k)
	case model.CallLoadRoot:
		hooks.LoadRoot(k)
	case model.CallZap:
		hooks.Zap(k)
	case model.CallPgdAlloc:
		hooks.Fork(k)
	case model.CallActivate:
		hooks.Activate(k)
	case model.CallSwitch:
		hooks.Switch(k, c.Arg == 1)
	case model.CallExit:
		hooks.Exit(k)
	default:
		hooks.EarlyCall(k, c.Kind, int(c.Arg))
	}
}
