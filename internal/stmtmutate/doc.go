// Command stmtmutate asks how much of the code the tests would miss: it changes one
// statement at a time, runs the tests that ought to notice, and reports the share
// of changes that survive. The tree stays as it is: the go tool gets the changed
// file as an overlay.
//
// A survivor is either a gap in the tests or an equivalent change; which of the two
// only a reader can tell.
package main
