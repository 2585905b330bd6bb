package recorded

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/kernel"
)

// Bits of type_info and count_info of 64-bit Xen (Xen: asm/mm.h, PGT_* and PGC_*).
const (
	typeShift  = 61
	typePinned = 1 << 59
	countMask  = 1<<55 - 1
)

// hardwareDomain is the number of dom0.
const hardwareDomain = 0

// ownedByGuest reports whether records are of frames that the guest owns. What nobody has a
// reference to is free, and its owner means nothing.
func ownedByGuest(e *kernel.Event) bool {
	w := e.Words()
	return len(w) == 3 && w[0]&countMask != 0 && w[2] == hardwareDomain
}

// typeOf is the model's name of a type of Xen's.
func typeOf(info uint64) model.Type {
	return [...]model.Type{model.TypeNone, model.TypeL1, model.TypeL2, model.TypeL3, model.TypeL4,
		model.TypeSegDesc, model.TypeShared, model.TypeWritable}[info>>typeShift]
}

// records holds the hypervisor's records of frames against the model's.
func (g *xenGuest) records(e *kernel.Event) {
	if !ownedByGuest(e) {
		return
	}
	count, info := e.Words()[0], e.Words()[1]
	for i := range e.Count {
		f := g.s.L.Map.Frame(model.MFN(e.Frame) + model.MFN(i))
		if f == model.NoFrame {
			continue
		}
		mine := g.s.InfoAt(f)
		g.counts.Records++
		uses := info & countMask
		theirs, typ := model.TypeNone, model.TypeNone
		if uses > 0 {
			theirs = typeOf(info)
		}
		if mine.T > 0 {
			typ = mine.Typ
		}
		// What only Xen itself maps writable, and nobody else, is no table: see Uses.
		table := theirs.Level() > 0 || typ.Level() > 0
		if table && theirs != typ || (info&typePinned != 0) != mine.Is(model.Pinned) {
			g.report("records-agree", e, f, 0, fmt.Sprintf("Xen has %s as %v x%d, the model has it as %v", frameName(g.s.L, f), theirs, uses, mine))
			continue
		}
		g.counts.Types++
		if theirs == typ && uses == uint64(mine.T) && count&countMask == uint64(mine.G) {
			g.counts.Uses++
		}
	}
}
