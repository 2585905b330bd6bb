// Package recorder boots an unmodified kernel in QEMU and records what it does to its page
// tables, in the form of docs/recordings.md.
//
// The recording is made by a plugin for QEMU (the folder plugin, in C, under the GPL), which
// this package carries as source and compiles at first use. A boot with a clock that counts
// instructions is the same each time; so there are two: the first learns which frames become
// tables, the second records.
package recorder
