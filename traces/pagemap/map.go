// Package pagemap draws what page tables map: ranges of addresses that look
// alike, tables that are shared, holes, and table pages by level. It works on
// golden dumps, of a boot that was just run or of one that was recorded; maps of memory
// images are made by package image/audit and drawn and compared here.
package pagemap

import (
	"fmt"

	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/traces/golden"
)

// Kind says what is behind a range of addresses.
type Kind uint8

// Kinds of ranges.
const (
	Hole       Kind = iota // nothing, and no leaf table either
	EmptyTable             // nothing, in a leaf table that is there
	Page                   // memory
	Hypervisor             // the hypervisor's own slots
	Astray                 // an upper entry that leads to no table of the dump
	Again                  // the same tables as at an address before
)

// String returns the kind as text has it.
func (k Kind) String() string {
	return [...]string{"hole", "empty table", "page", "hypervisor", "astray", "again"}[k]
}

// Range is a run of addresses that look alike.
type Range struct {
	Start, Size uint64 // bytes
	Kind        Kind
	Area        string // what the kernel uses the addresses for, such as "low memory"
	Leaf        Leaf   // zero unless Kind is Page
	// As is where the tables were met before, if Kind is Again: each Span bytes map what
	// lies there.
	As, Span uint64
}

// Leaf is how a range of pages is mapped.
type Leaf struct {
	Shift uint   // log2 of the page size
	Frame uint64 // of the first page; ascending by one each 4096 bytes
	Alien bool   // Frame is a machine frame that is not the guest's memory
	// Scattered says that frames do not ascend: Frame is that of the first page alone.
	Scattered bool
	Flags     model.Entry // of the leaf entry
	// What all levels together grant.
	RW, User, NX bool
}

// End is the last address of a range.
func (r *Range) End() uint64 { return r.Start + (r.Size - 1) }

// Map is the address space under the kernel's root.
type Map struct {
	Name, Flavour, Mode string
	Outcome             string // of the boot; "" for memory at rest
	// NoExecute says that what is writable and executable is to be pointed out.
	NoExecute bool
	Root      uint64 // frame of the kernel's root
	Ranges    []Range
	Shared    []Share
	Levels    []Level // the root's first
	// Left is the number of start-of-day tables and allocated tables that the root
	// does not lead to.
	Left int
}

// Level counts the table pages of one level under the kernel's root.
type Level struct {
	Level     int
	Tables    int
	StartDay  int // of these: tables of the start of the day
	Allocated int // of these: from the boot allocator
	Entries   int // entries that are not zero
	// Untold says that nobody knows where the tables come from.
	Untold bool
}

// Of draws the tables of a dump as they were at its end. The error names what is
// missing.
func Of(f *golden.File) (*Map, error) {
	w := newWalker(f)
	root := w.tables[tableKey{f.Config.SwapperPgDir, f.Config.RootLevel()}]
	if root == nil {
		return nil, fmt.Errorf("pagemap: %s: the dump has no table of level %d at %#x, the kernel's root", f.Name, f.Config.RootLevel(), f.Config.SwapperPgDir)
	}
	w.walk(root, 0, rights{rw: true, user: true})
	w.walkBuilder()
	return &Map{
		Name: f.Name, Flavour: string(f.Config.Flavour), Mode: string(f.Config.Mode), Outcome: f.Outcome,
		Root: f.Config.SwapperPgDir >> golden.PageShift, Ranges: w.ranges, Shared: w.shares(), Levels: w.levels(), Left: w.left(),
	}, nil
}
