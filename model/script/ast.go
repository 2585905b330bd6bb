package script

import "github.com/ptcheck/ptcheck/model"

// File is a parsed script.
type File struct {
	Name  string
	Lines []Line
	// Recording is what a real machine printed when it ran the script, by lines; nil if
	// that is not known. Whoever reads the file sets it.
	Recording []string
}

// Line is one line of a script: a title, an operation, or neither.
type Line struct {
	// Raw is the line as it was read, without its end.
	Raw string
	// Title is the text of a title line.
	Title   string
	IsTitle bool
	Op      *Op
	// Comment is what follows '#', unless it is an expectation.
	Comment    string
	HasComment bool
	// Want is the answer expected of the operation.
	Want    string
	HasWant bool
}

// Op is one operation.
type Op struct {
	Spec *Spec // nil when the operation could not be parsed
	Name string
	Args []Arg
	Col  int // where the name stands, counted from 1
}

// Arg is an operand. Which fields mean something depends on its kind.
type Arg struct {
	Kind  Kind
	Frame Frame       // KindFrame, KindFrameOrZero, KindPFN, KindEntry
	Bits  model.Entry // KindEntry: flags, or the whole number when Frame is none
	Num   uint64      // KindNumber; KindAddr without a slot
	Slot  int         // KindAddr: the number of a pool page, or -1
	Hex   bool        // numbers: written in hexadecimal
	Word  string      // KindWord
	Col   int
}

// Kind is the kind of an operand.
type Kind uint8

// Kinds of operands.
const (
	KindFrame Kind = iota
	KindFrameOrZero
	KindPFN // a frame of a kernel's own memory, of which there may be many
	KindAddr
	KindEntry
	KindNumber
	KindWord
)

// String returns what an operand of the kind is called in messages.
func (k Kind) String() string {
	return [...]string{"frame", "frame or 0", "frame", "address", "entry", "number", "word"}[k]
}

// Frame is the name of a frame.
type Frame struct {
	Class Class
	N     uint64
	Hex   bool // ClassMachine: written in hexadecimal
}

// Class is the first letter of a frame's name.
type Class byte

// Classes of frames.
const (
	ClassNone    Class = 0   // no frame
	ClassPool    Class = 'f' // a pool frame
	ClassPath    Class = 'k' // a boot table on the path to the pool's addresses, by level
	ClassBoot    Class = 'b' // any boot table, in the builder's order
	ClassXen     Class = 'x' // a frame of the hypervisor's
	ClassShared  Class = 'h' // the shared_info page
	ClassMachine Class = 'm' // a machine frame by number
)

// Sizes of the name spaces.
const (
	PoolFrames = 64
	PoolPages  = 32
	BootFrames = 64
)

// NewOp returns an operation built from operands. It is for programs that write
// scripts; the operands must fit the specification.
func NewOp(name string, args ...Arg) *Op {
	return &Op{Spec: Lookup(name), Name: name, Args: args}
}

// Pool returns the name of pool frame n.
func Pool(n int) Frame { return Frame{Class: ClassPool, N: uint64(n)} }

// FrameArg returns a frame as an operand.
func FrameArg(f Frame) Arg { return Arg{Kind: KindFrame, Frame: f} }

// EntryArg returns an entry as an operand.
func EntryArg(f Frame, flags model.Entry) Arg {
	return Arg{Kind: KindEntry, Frame: f, Bits: flags}
}

// Number returns a decimal number as an operand.
func Number(n uint64) Arg { return Arg{Kind: KindNumber, Num: n} }

// Page returns the address of pool page n as an operand.
func Page(n int) Arg { return Arg{Kind: KindAddr, Slot: n} }

// Addr returns a virtual address as an operand.
func Addr(va model.VA) Arg { return Arg{Kind: KindAddr, Slot: -1, Num: uint64(va), Hex: true} }
