// Package script is the text language of ptcheck: scenarios, counterexamples,
// fuzz seeds and recordings of operations are all written in it.
//
// One operation a line, '#' starts a comment, a line "t TEXT" is a title. A
// comment that starts with "= " holds the answer that is expected of the
// operation on its line. Operations and their operands are listed in [Specs].
//
//	t 01 pin an L1 while its frame is mapped RW
//	reset
//	map s0 f0:PW   #= 0
//	pin 1 f0       #= -EINVAL
//
// Frames are named: f0 to f63 pool frames, k1 to k4 the boot tables on the path
// to the pool's addresses, b0 to b63 all boot tables, x a frame of the
// hypervisor's, h the shared_info page, mN machine frame N. Addresses are s0 to
// s31, the pool's pages, or numbers. Entries are FRAME:FLAGS, or numbers; flags
// are letters (P W U T C A D S G a b c K X) and +N for other bits.
package script
