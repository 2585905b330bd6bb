package model

import "iter"

// Operation is what there is to know of one kind of step. Everything that lists
// operations goes by these rows: which hypercalls a search refuses, how reports tell a
// step, what scripts can ask a guest to do.
type Operation struct {
	// Name is a short lower-case name, also in recordings.
	Name string
	// Hypercall says that under a hypervisor the step is a hypercall.
	Hypercall bool
	// Granted says why the hypercall is granted even by a hypervisor that is out of
	// memory; "": it can be refused, and Step.Errno is the answer.
	Granted string
	// Unasked says why none of the kernels here makes the hypercall, so that no search
	// can try what they do when it is refused; "": some kernel makes it.
	Unasked string
	// Method is the method of Machine that makes the hypercall, for reports that name
	// the code.
	Method any
	// Memory is what becomes of the guest's memory.
	Memory Effect
	// Text is what a report says of a step after the name. Words in braces stand for
	// fields, see words.
	Text string
	// Unsaid are the fields that are set and not told.
	Unsaid Fields
	// Verbs are the ways in which a script has a guest do it, the plain one first.
	Verbs []Verb
}

// Effect is what an operation does to the guest's memory, accessed and dirty bits
// aside.
type Effect uint8

// Effects.
const (
	Keeps   Effect = iota
	Adjusts        // the hypervisor corrects entries or descriptors of a frame
	Stores         // it is there to store
)

// Storing lists the operations that are there to store.
func Storing() (out []Op) {
	for o := range NumOps {
		if o.Stores() {
			out = append(out, o)
		}
	}
	return out
}

// Verb is a hypercall as scripts have it.
type Verb struct {
	Name string
	Args []Operand
	// Repeat is how many of the last operands form a group that may be repeated.
	Repeat int
	Says   string // in a line
	// Example is a line of a script; a verb without operands needs none.
	Example string
	// MMUExt is the command of mmuext_op (Xen: MMUEXT_* in public/xen.h); 0: none, or
	// the first one, which pins.
	MMUExt uint32
	// OnXen says that the guest in traces/xenlab issues it too, on the real Xen.
	OnXen bool
	// Denied says that a right hypervisor refuses it whatever the operands.
	Denied bool
	// Issue makes the hypercall; nil if [Operands] have no room for its operands.
	Issue func(*Machine, Operands) Errno
}

// Operands are the operands of a verb. Which fields mean something depends on it.
type Operands struct {
	Frame  MFN    // the first frame, 0 for none
	Second MFN    // the second one
	N      uint64 // the number: a slot, a level, a count
	Place  int    // where to be interrupted
	Entry  Entry
	VA     VA // an address, or that of a page
}

// Operand is the kind of an operand.
type Operand uint8

// Kinds of operands.
const (
	OperandFrame       Operand = iota // a frame of the guest's
	OperandOther                      // a frame that is not the guest's
	OperandFrameOrNone                // a frame of the guest's, or 0
	OperandAddress                    // a virtual address
	OperandPage                       // a page of the address space, by number
	OperandEntry
	OperandSlot
	OperandLevel
	OperandCount
	OperandPlace  // a place to be interrupted at, counted from 1
	OperandSwitch // 0 or 1
)

// String returns the kind as syntax has it.
func (o Operand) String() string {
	return [...]string{"FRAME", "FRAME", "FRAME|0", "ADDRESS", "PAGE", "ENTRY", "SLOT", "LEVEL", "COUNT", "PLACE", "SWITCH"}[o]
}

// Row returns what there is to know of the operation.
func (o Op) Row() *Operation { return &operations[o] }

// String returns the operation's name.
func (o Op) String() string { return operations[o].Name }

// Stores reports whether an operation is there to store.
func (o Op) Stores() bool { return operations[o].Memory == Stores }

// Refusable reports whether the operation is a hypercall that a hypervisor may refuse
// for want of memory.
func (o Op) Refusable() bool { return operations[o].Hypercall && operations[o].Granted == "" }

// refusable are the hypercalls that may be refused, by bit.
func refusable() (set uint64) {
	for o := range NumOps {
		if o.Refusable() {
			set |= 1 << o
		}
	}
	return set
}

// Verbs lists the verbs with their operations.
func Verbs() iter.Seq2[Op, *Verb] {
	return func(yield func(Op, *Verb) bool) {
		for o := range operations {
			for v := range operations[o].Verbs {
				if !yield(Op(o), &operations[o].Verbs[v]) {
					return
				}
			}
		}
	}
}

// FindVerb returns the verb with a name and its operation; nil if there is none.
func FindVerb(name string) (Op, *Verb) {
	for o, v := range Verbs() {
		if v.Name == name {
			return o, v
		}
	}
	return 0, nil
}
