package systems

import (
	"fmt"
	"strings"

	"github.com/ptcheck/ptcheck/model"
)

// EarlyStart is a member of the families of later kernels: a machine, how much of
// it the start-of-day tables map, and what the kernel makes of it.
type EarlyStart struct {
	Levels, L1 int // table levels; slots of an L1 table
	TopDown    bool
	// Profile is the hypervisor's rules, nil on bare metal.
	Profile *model.Profile
	P2M     func(pfn, n int) int
	// Mapped is how many frames the start-of-day tables map.
	Mapped model.PFN
	// RAM and Extra are the memory map; Ranges what the kernel wants to map.
	RAM    []model.FrameRange
	Extra  model.FrameRange
	Ranges []model.FrameRange
	// List is the first frame of the list of machine frames and its tables, 0 for a
	// guest that has it in the kernel's own mapping.
	List model.PFN
	// Initrd is the frame of an initrd, 0 where there is none. It has an address of its
	// own, with four levels only.
	Initrd model.PFN
	// Brk is the size of the brk in frames.
	Brk int
	// RootLast makes the builder lay out its tables from the leaves up.
	RootLast bool
	// Brim has the free memory just fit the table buffer.
	Brim bool
	// Panic is how a kernel must end here because memory does not suffice; "": it must not.
	Panic string
	// Dom0 has the builder take its tables as it comes to need them, Uncleared leaves in the
	// kernel's root what its memory held, and BrkTables has a guest take its copies of the
	// builder's tables from the brk.
	Dom0, Uncleared, BrkTables bool

	PSE, PGE, NX bool
	Sticky       bool
}

// Name tells the members of the family apart, in the words of the scope.
func (c *EarlyStart) Name() string {
	parts := []string{fmt.Sprintf("%dlevel-%dslots-%df-%dmapped", c.Levels, c.L1, c.End(), c.Mapped)}
	if c.Profile != nil {
		parts = append(parts, c.Profile.Name)
	}
	for _, f := range []struct {
		on   bool
		name string
	}{
		{len(c.RAM) > 1, "hole"}, {c.Extra.Len() > 0, "balloon"}, {c.List > 0, "list"}, {c.Initrd > 0, "initrd"}, {c.RootLast, "rootlast"},
		{c.Brim, "brim"}, {c.Panic != "", "short"}, {c.Dom0, "dom0"}, {c.Uncleared, "uncleared"}, {c.BrkTables, "brktables"},
		{c.PSE, "pse"}, {c.PGE, "pge"}, {c.NX, "nx"}, {c.Sticky, "stickytlb"},
	} {
		if f.on {
			parts = append(parts, f.name)
		}
	}
	return strings.Join(parts, "-")
}

// End is the first frame behind all memory.
func (c *EarlyStart) End() model.PFN { return max(c.RAM[len(c.RAM)-1].To, c.Extra.To) }
