package invariants

import "github.com/ptcheck/ptcheck/model"

// Which bits of an entry say something about the machine, and which are the kernel's or
// the processor's own business. Rules ask here, so that what is legal in one place is
// legal in all.

const (
	// softBits are ignored by processors: the kernel keeps what it likes in them (Intel
	// SDM vol. 3, tables 4-6 and 4-11 to 4-20). Bits 52 to 62 are reserved in PAE paging
	// on bare metal, which pointer-flags looks at.
	softBits = model.Avail | model.AvailHigh
	// accessBits are set by the processor when it uses an entry; a kernel may set or
	// clear them beforehand, for the processor sets them again (SDM 4.8).
	accessBits = model.Accessed | model.Dirty
	// ownBits are all of these.
	ownBits = softBits | accessBits
	// cacheBits of a leaf choose its caching: bit 7 is PAT in an L1 entry.
	cacheBits = model.PWT | model.PCD | model.PSE
)

// sameEffect reports whether two values of an entry do the same: all of an absent one is
// the kernel's own (SDM 4.5: bits 63 to 1 are ignored), and so are some bits of others.
func sameEffect(a, b model.Entry) bool {
	if !a.Is(model.Present) || !b.Is(model.Present) {
		return a&model.Present == b&model.Present
	}
	return (a^b)&^ownBits == 0
}

// absentEncoding is a way in which kernels keep the page of an entry that grants nothing:
// the entry has a mark instead of the present bit.
type absentEncoding struct {
	mark     model.Entry
	inverted bool // all bits of the frame number are the other way round
	source   string
}

// absentEncodings are those of Linux. No two fit one entry: no machine has so much memory
// that a frame number and its inverse both name a frame.
func absentEncodings() [4]absentEncoding {
	return [...]absentEncoding{
		{model.PSE, false, "asm-i386/pgtable.h of 2.6.22: _PAGE_PROTNONE is bit 7"},
		{model.Global, false, "asm/pgtable_types.h since 3.12: _PAGE_PROTNONE is bit 8"},
		{model.PSE, true, "kernels of the former with the frame number inverted against L1TF"},
		{model.Global, true, "asm/pgtable-invert.h since 4.18: protnone_mask"},
	}
}

// keeps is the frame that an absent leaf entry holds on to, by the kernel's own number
// for it; NoFrame if it is none, such as one of swapped-out pages.
func keeps(l *model.Layout, e model.Entry) model.Frame {
	if e.Is(model.Present) || e == 0 {
		return model.NoFrame
	}
	number := model.FrameMask
	if l.Geo.Width == 4 {
		number = model.Entry(uint32(number))
	}
	for _, x := range absentEncodings() {
		f := e
		if x.inverted {
			f ^= number
		}
		if n := model.Frame(l.Page(model.PA(f & model.FrameMask))); e&(model.PSE|model.Global) == x.mark && l.Map.IsGuest(n) {
			return n
		}
	}
	return model.NoFrame
}
