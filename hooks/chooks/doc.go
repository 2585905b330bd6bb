// Package chooks makes backends of hooks that are written in C.
//
// [Build] compiles the C files into a program, and [Program.Lay] lays a table of its hooks
// (struct pv_hooks, see kit/ptcheck.h) over another backend. The program runs as a process
// of its own, which is asked to carry out one hook at a time and asks for whatever it wants
// of the machine. So there is no cgo, and C code cannot harm the checker: when it dies or
// runs on without end, that is the death of the kernel in the call that made it, at a line,
// and the next call gets a fresh process.
//
// Before each call all variables of the C code have their first values again, and so what a
// hook does depends on its arguments and on what it is answered, and on nothing else. That is
// remembered as a tree: a call whose way through its tree is known is replayed without
// asking the process, at the speed of hooks in Go.
//
// It needs a C compiler and Linux: the process is watched by means of its ELF file and
// signals.
package chooks
