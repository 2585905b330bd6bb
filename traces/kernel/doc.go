// Package kernel reads and writes recordings of real kernels: each store to a page table,
// each load of a root, flush and hypercall of a boot, in the order in which they happened,
// with the address of the instruction that did it. The form is described in
// docs/recordings.md.
//
// A recording is read as a stream ([Reader.Next]) in bounded memory; what it says of
// tables and frames is for others to judge.
package kernel
