package life

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// Pairs of calls that two processors make at the same time: any two that both may make now,
// unless something keeps them apart that is not modelled as a lock of its own.

// claims are what a call holds for its whole length, alone or with others: the kernel's
// semaphores, and what else keeps tasks out of each other's way. Spinlocks are no claims:
// the kernel takes them itself, step by step.
type claims struct {
	shared, own claimed
	// about is what the call has to do with, whether it holds that or not.
	about  claimed
	frames int // of low memory, at most
	// unsaid is set when nobody has said what the call claims. It is apart from all others
	// then, and is not interrupted.
	unsaid bool
}

// claimed is a set of things: the address spaces of processes, by their number, then others.
type claimed uint16

const (
	// vacancy is a place for a new process: the model hands out the first, whoever asks.
	vacancy claimed = 1 << (model.MaxMM + iota)
	vmallocPage
	kmapSlot
	kernelPart // of all address spaces
	machine    // all processors (stop_machine)
)

// apart reports whether two calls keep each other out.
func (a claims) apart(b claims) bool { return a.own&(b.own|b.shared) != 0 || b.own&a.shared != 0 }

// meets reports whether two calls have to do with one thing. Those that do not only share
// the processors' time, locks and free pages.
func (a claims) meets(b claims) bool { return (a.about|a.own)&(b.about|b.own) != 0 }

// space is the address space of a process, nothing for -1.
func space(n int) claimed {
	if n < 0 {
		return 0
	}
	return 1 << n
}

// claimsOf are the claims of a call of the processor. Nobody changes what an address space
// maps but under its mmap_sem, and one ends only when no task has it (exit_mmap), though a
// processor may still borrow its tables.
func (m *lifeMoves) claimsOf(c kernel.Call) claims {
	n, _ := c.LifeArgs()
	cur, had := m.current(), int(m.l.CPU[m.cpu].Current)
	root, tables := m.root(), m.tables()
	x := claims{shared: machine}
	switch c.Kind {
	case model.CallMMAlloc:
		x.own, x.about, x.frames = vacancy, kernelPart, root
	case model.CallMMFork:
		x.own, x.about, x.frames = vacancy|space(cur), kernelPart, root+len(m.s.L.Life.Pages)*tables
	case model.CallMMPopulate:
		x.own, x.frames = space(n), tables+1
	case model.CallMMActivate:
		x.own, x.about = space(n), space(had)|kernelPart
	case model.CallMMExit:
		x.own, x.about = space(n), kernelPart
	case model.CallMMSwitch:
		x.shared |= space(n)
		x.about = space(n) | space(had)
	case model.CallTouch:
		x.shared |= space(cur)
		x.about, x.frames = space(cur), tables+1
	case model.CallUnmap, model.CallProtNone, model.CallUnprotect, model.CallLazyEnter, model.CallLazyLeave:
		x.own = space(cur)
	case model.CallSwapOut:
		x.about = space(n)
	case model.CallVSync:
		x.about = kernelPart
	case model.CallVmalloc, model.CallVArea:
		x.own, x.about, x.frames = vmallocPage, kernelPart, tables+1
	case model.CallVfree, model.CallGDTLoad:
		x.own, x.about = vmallocPage, kernelPart
	case model.CallVTouch:
		x.shared |= vmallocPage
		x.about = vmallocPage | kernelPart
	case model.CallLDTLoad, model.CallLDTFree:
		x.own = vmallocPage | space(cur)
	case model.CallLDTUse:
		x.shared |= vmallocPage
		x.own = space(cur)
	case model.CallKmapHigh, model.CallKunmapHigh:
		x.own, x.frames = kmapSlot, 1
	case model.CallSuspend, model.CallResume:
		x.own = ^claimed(0)
	default:
		x.own, x.unsaid = ^claimed(0), true
	}
	return x
}

// interruptible reports whether an interrupt may come in the middle of a call of processor 0.
// Its handler uses the vmalloc area, so that has to be there, and the call to have nothing
// to do with it: one that changes the area keeps handlers off, and one that uses it does what
// the handler would.
func interruptible(s *model.State, c kernel.Call) bool {
	if s.Kernel.Life.VPage == model.NoFrame {
		return false
	}
	m, handler := movesOf(s, 0), claims{about: vmallocPage}
	return !m.claimsOf(c).meets(handler)
}

// besides is the call that processor 1 makes beside another one.
func besides(c kernel.Call) kernel.Call {
	return kernel.Call{Kind: c.Beside.Kind, Arg: uint32(c.Beside.Arg), CPU: 1}
}

// lifePairs appends the pairs of calls that two processors may make in a state.
func lifePairs(dst []kernel.Call, s *model.State) []kernel.Call {
	zero, one := movesOf(s, 0), movesOf(s, 1)
	zero.calls()
	one.calls()
	for _, a := range zero.dst {
		c := kernel.CallOf(a)
		x := zero.claimsOf(c)
		for _, b := range one.dst {
			second := kernel.CallOf(b)
			if y := one.claimsOf(second); !x.apart(y) && x.frames+y.frames < zero.low {
				c.Beside = kernel.Half{Kind: second.Kind, Arg: uint8(second.Arg)}
				dst = append(dst, c)
			}
		}
	}
	return dst
}

// meet reports whether the calls of a pair have to do with one thing.
func meet(_ int, s *model.State, c kernel.Call) bool {
	zero, one := movesOf(s, 0), movesOf(s, 1)
	return zero.claimsOf(c).meets(one.claimsOf(besides(c)))
}
