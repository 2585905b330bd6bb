// Package image reads the memory of real machines at one moment: QEMU's dumps
// (dump-guest-memory), ELF vmcores, makedumpfile's compressed dumps, and /proc/kcore of
// the machine at hand. It gives frames by number, what the image says about its
// processors and its kernel, and where page tables begin; it knows nothing of what is
// in them. Package audit below it walks and judges the tables.
//
// An image is foreign input: its size in memory is bounded by constants and by the
// number of its pieces, never by what its headers promise, and frames are read one at a
// time where they lie.
package image
