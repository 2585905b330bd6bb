package mutants

import (
	"github.com/ptcheck/ptcheck/hooks"
	"github.com/ptcheck/ptcheck/model"
)

// bufferHarmless are changes to later kernels that are no bugs.
func bufferHarmless() []Mutant {
	var out []Mutant
	for _, p := range []Place{onBuffer(0), onTopDown(0)} {
		out = append(out,
			Mutant{ID: "pieces-reversed", What: "the pieces of a range are mapped from its end", Place: p, Change: ofKernel(piecesReversed)},
			Mutant{ID: "flush-tables", What: "the TLB is flushed whenever a table is left", Place: p, Change: ofKernel(flushTables)},
			Mutant{ID: "larger-hole", What: "the hole that is left out of dumps is larger", Place: p, Change: ofKernel(largerHole)})
	}
	return append(out,
		Mutant{ID: "pieces-small", What: "the first table of a range is mapped by itself", Place: onTopDown(0), Change: ofKernel(twoParts)},
		Mutant{ID: "buffer-low", What: "the table buffer lies as low as possible", Place: onBuffer(0), Change: ofKernel(bufferLow)},
		Mutant{ID: "buffer-exact", What: "everything in the buffer is kept: nothing is left over", Place: onBuffer(0), Change: ofKernel(keepAll)},
		Mutant{ID: "map-twice", What: "a range is mapped twice on bare metal, and on 32 bits", Place: onBuffer(0), Change: ofKernel(mapTwice)},
		Mutant{ID: "map-twice", What: "each chunk is mapped twice", Place: onTopDown(0), Change: ofKernel(mapTwice)},
		Mutant{ID: "small-steps", What: "chunks never grow", Place: onTopDown(0), Change: ofKernel(smallSteps)})
}

func piecesReversed(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.Pieces = func(k *hooks.Kernel, r model.FrameRange) [3]hooks.Piece {
		p := hooks.SplitRange(k, r)
		p[0], p[2] = p[2], p[0]
		return p
	}
}

// twoParts maps what the first table of a range covers by itself. 2.6.39 must not:
// it empties the slots behind a piece.
func twoParts(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.Pieces = func(k *hooks.Kernel, r model.FrameRange) [3]hooks.Piece {
		p := hooks.SplitRange(k, r)
		span := model.PFN(k.M.L.Geo.Slots[1])
		if cut := r.From/span*span + span; !p[1].Large && cut < r.To {
			p[0].To, p[1].FrameRange = cut, model.FrameRange{From: cut, To: r.To}
		}
		return p
	}
}

func flushTables(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.CloseTable = func(k *hooks.Kernel, table model.VA) {
		hooks.UnmapLowPage(k, table)
		k.PV.FlushTLB(k)
	}
}

func largerHole(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.GuardHole = func(k *hooks.Kernel) (first, last int) {
		first, _ = hooks.GuardHole(k)
		return first, k.M.L.UserSlots() - 1
	}
}

// bufferLow looks for the lowest place instead of the highest, with a free frame
// before it: a 64-bit guest of 2.6.39 takes the frame before an unused buffer for
// the table that is being filled, and must not have a table there.
func bufferLow(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.FindTables = func(k *hooks.Kernel, r model.FrameRange) {
		hooks.FindEarlyTableSpace(k, r)
		b := &k.M.Kernel.Buffer
		n := b.Top - b.Start
		for from := model.PFN(0); from < b.Start; from++ {
			if _, ok := hooks.FindInRange(k, from, from+n+1, int(n)+1, 1); ok {
				b.Start, b.End, b.Top = from+1, from+1, from+1+n
				return
			}
		}
	}
}

// keepAll counts the whole buffer as used.
func keepAll(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.ReserveTables = func(k *hooks.Kernel) {
		b := &k.M.Kernel.Buffer
		end := b.End
		b.End = b.Top
		hooks.ReserveTables(k)
		b.End = end
	}
}

// mapTwice maps each piece twice. A 64-bit guest of 2.6.39 must not: it tells the
// table that is being filled from others by its number alone, and would open the
// one it has made last as if it were new.
func mapTwice(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.PhysMapping = func(k *hooks.Kernel, from, to model.PFN, large bool) {
		hooks.PhysMapping(k, from, to, large)
		if l := k.M.L; l.Hyper == nil || !l.Geo.SignExtend || l.Early.TopDown {
			hooks.PhysMapping(k, from, to, large)
		}
	}
}

func smallSteps(_ *hooks.Ops, f *hooks.Funcs) {
	f.Early.SetMinMapped = func(k *hooks.Kernel, pfn model.PFN) {
		hooks.SetMinMapped(k, pfn)
		k.M.Kernel.Buffer.Size = 1 << 10
	}
}
