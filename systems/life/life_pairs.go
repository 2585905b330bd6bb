package life

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/kernel"
)

// claims are what a call needs for its whole length and shares with others or not: the
// kernel's semaphores and what else keeps tasks out of each other's way. Spinlocks are no
// claims: the kernel takes them itself, step by step.
type claims struct {
	shared, own claimed
	frames      int // of low memory, at most
}

// claimed is a set of things that can be claimed: the address spaces of processes by their
// number, then the others.
type claimed uint16

const (
	aVacancy claimed = 1 << (model.MaxMM + iota) // a place for a new process: the model hands out the first
	aVmalloc                                     // the one page of the vmalloc area
	aKmap                                        // the one pkmap slot
	aMachine                                     // all processors: stop_machine
)

// apart reports whether two calls keep each other out.
func (a claims) apart(b claims) bool { return a.own&(b.own|b.shared) != 0 || b.own&a.shared != 0 }

// mm is the address space of a process, nothing for -1.
func mm(n int) claimed {
	if n < 0 {
		return 0
	}
	return 1 << n
}

// claimsOf are what a call of a processor claims (mmap_sem of address spaces; that a
// process with tasks has not ended).
func (m *lifeMoves) claimsOf(c kernel.Call) claims {
	n, _ := c.LifeArgs()
	cur := m.current()
	x := claims{shared: aMachine}
	switch c.Kind {
	case model.CallMMAlloc:
		x.own, x.frames = aVacancy, m.root()
	case model.CallMMFork:
		x.own, x.frames = aVacancy|mm(cur), m.root()+len(m.s.L.Life.Pages)*m.tables()
	case model.CallMMPopulate:
		x.own, x.frames = mm(n), m.tables()+1
	case model.CallMMActivate, model.CallMMExit:
		x.own = mm(n)
	case model.CallMMSwitch:
		x.shared |= mm(n)
	case model.CallTouch:
		x.shared, x.frames = x.shared|mm(cur), m.tables()+1
	case model.CallUnmap, model.CallProtNone, model.CallUnprotect, model.CallLazyEnter, model.CallLazyLeave:
		x.own = mm(cur)
	case model.CallSwapOut, model.CallVSync:
	case model.CallVmalloc, model.CallVArea:
		x.own, x.frames = aVmalloc, m.tables()+1
	case model.CallVfree, model.CallGDTLoad:
		x.own = aVmalloc
	case model.CallVTouch:
		x.shared |= aVmalloc
	case model.CallLDTLoad, model.CallLDTUse, model.CallLDTFree:
		x.own = aVmalloc | mm(cur)
	case model.CallKmapHigh, model.CallKunmapHigh:
		x.own, x.frames = aKmap, 1
	default: // suspend and resume, and whatever nobody has thought about yet
		x.shared, x.own = 0, ^claimed(0)
	}
	return x
}

// lifePairs appends all pairs of calls that two processors may make at the same time: any
// that both may make now, which nothing keeps apart, if there is memory for both.
func lifePairs(dst []kernel.Call, s *model.State) []kernel.Call {
	low, _ := s.Available()
	var of [2]lifeMoves
	for cpu := range of {
		of[cpu] = lifeMoves{s: s, l: &s.Kernel.Life, low: low, cpu: cpu}
		of[cpu].calls()
	}
	for _, a := range of[0].dst {
		first := kernel.CallOf(a)
		x := of[0].claimsOf(first)
		for _, b := range of[1].dst {
			second := kernel.CallOf(b)
			if y := of[1].claimsOf(second); !x.apart(y) && x.frames+y.frames < low {
				c := first
				c.Beside = kernel.Half{Kind: second.Kind, Arg: uint8(second.Arg)}
				dst = append(dst, c)
			}
		}
	}
	return dst
}
