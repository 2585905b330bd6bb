// Package symbols finds out what a kernel calls its addresses, from the file that is booted
// and nothing else: it unpacks a bzImage, reads the table of names that a kernel carries for
// its own messages (kallsyms), and tells by how much it was moved when it was loaded
// (KASLR). With the debug data of a vmlinux it gives lines of the source as well.
package symbols
