package invariants

import "github.com/ptcheck/ptcheck/model"

// Detail points at what a rule found wrong. Its parts are there or not, and each says
// what it is: the entry that memory holds is another part than the one that it held, or
// than the one that it must hold. The zero value points at nothing.
type Detail struct {
	has part
	why string

	frame, wantFrame, table model.Frame

	slot                 int
	address              model.VA
	is, was, want, asked model.Entry
	between              model.Entry
	care                 model.Entry // the bits of want that matter
	grants               model.Entry
	count, wantCount     int
	cpu                  int
	types                [2]model.Type
	number               int
	word                 uint64
	refused              model.Op
}

// part is a set of parts of a Detail.
type part uint16

const (
	partFrame part = 1 << iota
	partWantFrame
	partAddress
	partEntry // table, slot and is
	partWas
	partWant
	partAsked
	partBetween
	partRefused
	partCounts
	partCPU
	partTypes
	partWord
	partGrants
)

// Because says which of its demands a rule found broken, in a few words that never
// change. It is for rules that have several.
func (d Detail) Because(why string) Detail {
	d.why = why
	return d
}

// WithFrame points at the table or page that is wrong, NoFrame where there should be one.
func (d Detail) WithFrame(f model.Frame) Detail {
	d.has |= partFrame
	d.frame = f
	return d
}

// WithWantFrame names the frame that should be, or was, where another one is.
func (d Detail) WithWantFrame(f model.Frame) Detail {
	d.has |= partWantFrame
	d.wantFrame = f
	return d
}

// WithAddress points at an address.
func (d Detail) WithAddress(va model.VA) Detail {
	d.has |= partAddress
	d.address = va
	return d
}

// WithEntry points at an entry of a table, and says what it is now.
func (d Detail) WithEntry(table model.Frame, slot int, is model.Entry) Detail {
	d.has |= partEntry
	d.table, d.slot, d.is = table, slot, is
	return d
}

// WithWas says what the entry was before.
func (d Detail) WithWas(e model.Entry) Detail {
	d.has |= partWas
	d.was = e
	return d
}

// WithWant says what the entry must be, as far as the bits in care go.
func (d Detail) WithWant(e, care model.Entry) Detail {
	d.has |= partWant
	d.want, d.care = e, care
	return d
}

// WithGrants says what a page grants by all entries that lead to it.
func (d Detail) WithGrants(rights model.Entry) Detail {
	d.has |= partGrants
	d.grants = rights
	return d
}

// WithAsked says what somebody asked the hypervisor to make of the entry, which may be
// another one still.
func (d Detail) WithAsked(e model.Entry) Detail {
	d.has |= partAsked
	d.asked = e
	return d
}

// WithBetween says what the entry was for a moment, between what it was and what it is.
func (d Detail) WithBetween(e model.Entry) Detail {
	d.has |= partBetween
	d.between = e
	return d
}

// WithCounts says how many there are, and how many there should be.
func (d Detail) WithCounts(got, want int) Detail {
	d.has |= partCounts
	d.count, d.wantCount = got, want
	return d
}

// WithCPU names the processor concerned, by its number.
func (d Detail) WithCPU(n int) Detail {
	d.has |= partCPU
	d.cpu = n
	return d
}

// WithTypes names two types of which a frame can have only one.
func (d Detail) WithTypes(a, b model.Type) Detail {
	d.has |= partTypes
	d.types = [2]model.Type{a, b}
	return d
}

// WithWord is a value that is no entry, such as a descriptor, and its number among its
// like.
func (d Detail) WithWord(number int, w uint64) Detail {
	d.has |= partWord
	d.number, d.word = number, w
	return d
}

// WithRefused names the hypercall that the hypervisor refused.
func (d Detail) WithRefused(op model.Op) Detail {
	d.has |= partRefused
	d.refused = op
	return d
}

// Frame is the table or page that is wrong.
func (d *Detail) Frame() (f model.Frame, ok bool) { return d.frame, d.has&partFrame != 0 }

// Address is the address concerned.
func (d *Detail) Address() (va model.VA, ok bool) { return d.address, d.has&partAddress != 0 }

// Place is the table and the slot of the entry concerned.
func (d *Detail) Place() (table model.Frame, slot int, ok bool) {
	return d.table, d.slot, d.has&partEntry != 0
}

// about points at a frame.
func about(f model.Frame) Detail { return Detail{}.WithFrame(f) }

// atEntry points at an entry.
func atEntry(table model.Frame, slot int, is model.Entry) Detail {
	return Detail{}.WithEntry(table, slot, is)
}

// at points at an address and at the entry that its walk ended in, if it lies in a
// table of the model.
func (c *Checker) at(va model.VA, g *model.Geometry, m mapping) Detail {
	d := Detail{}.WithAddress(va)
	if m.table < 0 || m.slot >= g.Slots[m.level] {
		return d
	}
	return d.WithEntry(m.table, m.slot, c.s.Entry(g, m.table, m.slot))
}
