package boot

import (
	"math/bits"

	"github.com/ptcheck/ptcheck/systems/kernel"

	"github.com/ptcheck/ptcheck/model"
)

// mostData is how many pages of data a search allocates by itself.
const mostData = 2

// earlyCalls appends the codes of the calls that later kernels may make in a state.
func earlyCalls(dst []uint64, s *model.State) []uint64 {
	b, e := &s.Kernel.Buffer, s.L.Early
	if s.Kernel.Phase == model.PhaseBoot {
		return earlyAdd(dst, model.CallSetupStart, 0)
	}
	if !b.Is(model.EarlyFixmap) {
		dst = earlyAdd(dst, model.CallIoremapInit, 0)
	} else {
		if b.Windows == 0 {
			dst = earlyAdd(dst, model.CallEarlyRemap, uint32(s.L.Kernel.Spare))
		} else {
			dst = earlyAdd(dst, model.CallEarlyUnmap, uint32(bits.TrailingZeros8(b.Windows)))
		}
		if e.TopDown {
			dst = topCalls(dst, s)
		} else {
			dst = bufferCalls(dst, s)
		}
	}
	if b.Is(model.KmapReady) {
		dst = earlyAdd(dst, model.CallKmap, 0)
		dst = earlyAdd(dst, model.CallKmap, uint32(e.Kmaps-1))
	}
	if !b.Open() && (!e.Brim || b.Mapped != 0) && (!e.TopDown || b.Is(model.TopDone)) && b.Data.Len() < mostData {
		dst = earlyAdd(dst, model.CallAllocPage, 0)
	}
	if allMapped(s) {
		dst = completeCalls(dst, s)
	}
	return dst
}

func earlyAdd(dst []uint64, k model.CallKind, arg uint32) []uint64 {
	return append(dst, kernel.Call{Kind: k, Arg: arg}.Code())
}

// bufferCalls appends what init_memory_mapping does for one range after the
// other: find the buffer, map, and on 32 bits make the fixmap's tables; last,
// reserve.
func bufferCalls(dst []uint64, s *model.State) []uint64 {
	b, e := &s.Kernel.Buffer, s.L.Early
	next := bits.OnesCount8(b.Mapped)
	switch {
	case !b.Open() && next < len(e.Ranges):
		return earlyAdd(dst, model.CallFindTables, uint32(next))
	case !b.Open():
		return dst
	case b.Mapped>>b.Range&1 == 0:
		return earlyAdd(dst, model.CallMapRange, uint32(b.Range))
	case e.Kmaps > 0 && !b.Is(model.KmapReady):
		return earlyAdd(dst, model.CallKmapInit, 0)
	}
	return earlyAdd(dst, model.CallReserve, 0)
}

// allMapped reports whether the direct map is complete.
func allMapped(s *model.State) bool {
	b, e := &s.Kernel.Buffer, s.L.Early
	if e.TopDown {
		return b.Is(model.TopDone) && (e.Kmaps == 0 || b.Is(model.KmapReady))
	}
	return !b.Open() && bits.OnesCount8(b.Mapped) == len(e.Ranges)
}

// completeCalls appends the calls that need the whole direct map, and the end of
// construction.
func completeCalls(dst []uint64, s *model.State) []uint64 {
	b, e := &s.Kernel.Buffer, s.L.Early
	if !b.Is(model.MemMap) {
		if e.Vmemmap == 0 || freePages(s) > s.L.Geo.Levels {
			dst = earlyAdd(dst, model.CallMemMap, 0)
		}
		return dst
	}
	if e.P2M.Len() > 0 && !b.Is(model.P2MFreed) {
		dst = earlyAdd(dst, model.CallFreeP2M, 0)
	}
	if e.Initrd.Len() > 0 && !b.Is(model.InitrdFreed) {
		dst = earlyAdd(dst, model.CallFreeInitrd, 0)
	}
	if s.Kernel.Phase == model.PhaseStarted {
		return earlyAdd(dst, model.CallSetupDone, 0)
	}
	if e.Extra.Len() > 0 && !b.Is(model.Ballooned) {
		dst = earlyAdd(dst, model.CallBalloonUp, 0)
	}
	if !b.Is(model.Vmapped) && freePages(s) > s.L.Geo.Levels {
		dst = earlyAdd(dst, model.CallVmap, 0)
	}
	return earlyAdd(dst, model.CallDumpTables, 0)
}

// freePages is how many pages the boot allocator could hand out.
func freePages(s *model.State) int {
	n, b := 0, &s.Kernel.Buffer
	for _, r := range s.L.Early.RAM {
		if r.To = min(r.To, b.MaxMapped); r.From < r.To {
			n += model.FrameSet{}.Add(r).Minus(b.Reserved).Len()
		}
	}
	return n
}

// topCalls appends the parts of init_mem_mapping.
func topCalls(dst []uint64, s *model.State) []uint64 {
	b, e := &s.Kernel.Buffer, s.L.Early
	switch {
	case !b.Is(model.TopStarted):
		return earlyAdd(dst, model.CallTopStart, 0)
	case b.LastStart > e.ISAEnd:
		return earlyAdd(dst, model.CallTopStep, 0)
	case !b.Is(model.TopDone):
		return earlyAdd(dst, model.CallTopEnd, 0)
	case e.Kmaps > 0 && !b.Is(model.KmapReady):
		return earlyAdd(dst, model.CallKmapInit, 0)
	}
	return dst
}
