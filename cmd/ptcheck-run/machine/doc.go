// Package machine boots a kernel's own machine code in an emulated machine and notes what it
// does to its page tables, in the words of ptcheck's recordings (docs/recordings.md).
//
// A run takes at least two passes over the same machine. The first looks at the tables now and
// then and learns which frames become tables. The second has the processor report each store to
// those frames, so that stores from before a table was linked are seen too. A pass that meets a
// table which it did not know of is repeated with it.
package machine
