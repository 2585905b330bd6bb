package model

// Step is one thing that the machine did. Which fields mean something depends
// on Op, see [Op.Uses]. The memory words that it changed are in [State.Writes] while
// observers look at it.
type Step struct {
	Op    Op
	Call  Call   // the protocol call in progress
	Errno Errno  // hypercalls: the answer
	Level int    // OpPin; OpSetGDT: the number of frames
	VA    VA     // stores, OpUpdateVA, OpInvlpg
	Frame Frame  // the frame stored to, allocated, loaded, pinned
	Off   int    // byte offset in Frame of a store or update
	Width int    // bytes stored or announced
	Value uint64 // the value stored or asked for
	Hook  Hook   // OpHook; Frame is the table that it is about
	Cmd   uint8  // OpMMUUpdate: the low bits of the pointer, such as MMUPreserveAD; OpUpdateVA: what is flushed besides, a UVMF
	All   bool   // OpFlush, OpInvlpg, the flush of OpUpdateVA: on all processors, not only the one that runs
	CPU   int    // number of the processor that took the step
	Busy  bool   // the other processor is in the middle of a call
}

// Observer looks at every step of a machine, after it has happened.
type Observer interface {
	Step(m *Machine, s *Step)
}
