// Package emulator boots kernels' own machine code on machines of any shape: it hands a kernel,
// a memory map, a set of processor features and a command line to the program ptcheck-run, which
// runs them in an emulator, and gets a recording back (docs/recordings.md).
//
// It knows Linux' boot protocol; the emulator behind the pipe knows only memory, registers and
// where to stop.
package emulator
