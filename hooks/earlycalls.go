package hooks

import "github.com/ptcheck/ptcheck/model"

// The protocol calls of later kernels; see calls.go.

// EarlyCall carries out a call of a later kernel. n is the range, fixmap index or
// frame that it is about.
func EarlyCall(k *Kernel, kind model.CallKind, n int) {
	b := k.buffer()
	call := model.Call{Kind: kind, Index: n}
	switch kind {
	case model.CallMapRange:
		r := k.Fn.Early.Range(k, n)
		call.From, call.To = r.From, r.To
	case model.CallKmap, model.CallEarlyRemap:
		call.From = k.layout().Kernel.Spare
	}
	outer := k.M.Begin(call)
	switch kind {
	case model.CallIoremapInit:
		EarlyIoremapInit(k)
	case model.CallEarlyRemap:
		EarlyIoremap(k, call.From)
	case model.CallEarlyUnmap:
		k.Fn.Early.EarlyIounmap(k, k.layout().Fix(k.early().Window+n))
	case model.CallFindTables:
		k.Fn.Early.FindTables(k, k.Fn.Early.Range(k, n))
		b.Range = uint8(n)
	case model.CallMapRange:
		MapRange(k, model.FrameRange{From: call.From, To: call.To})
		b.Mapped |= 1 << n
	case model.CallKmapInit:
		KmapInit(k)
	case model.CallReserve:
		k.Fn.Early.ReserveTables(k)
	case model.CallKmap:
		KmapAtomic(k, n, call.From)
	case model.CallTopStart:
		TopStart(k)
	case model.CallTopStep:
		TopStep(k)
	case model.CallTopEnd:
		TopEnd(k)
	default:
		k.lateCall(kind)
	}
	k.M.End(outer)
}

// lateCall carries out the calls that need the direct map to be complete.
func (k *Kernel) lateCall(kind model.CallKind) {
	b := k.buffer()
	switch kind {
	case model.CallAllocPage:
		if pfn, ok := AllocPage(k); ok {
			model.Put(&b.Data, model.Frame(pfn), true)
		}
	case model.CallMemMap:
		k.mapPageStructs()
		b.Flags |= model.MemMap
	case model.CallFreeP2M:
		b.Flags |= model.P2MFreed
		k.PV.Early.FreeP2M(k)
	case model.CallFreeInitrd:
		b.Flags |= model.InitrdFreed
		k.Fn.Early.FreeInitrd(k)
	case model.CallBalloonUp:
		k.PV.Early.BalloonUp(k)
	case model.CallVmap:
		MapNewPage(k, k.early().Vmalloc)
		b.Flags |= model.Vmapped
	case model.CallDumpTables:
		DumpTables(k)
	}
}
