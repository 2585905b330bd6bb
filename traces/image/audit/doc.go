// Package audit judges the page tables in a memory image: it walks them from each root,
// notes how every frame is used, and holds static rules against that, one file a rule.
// With a Xen below, it holds Xen's own records of types and counts against a recount
// from memory too.
//
// The walk is this package's own: nothing of package model or of the rules about model
// machines is used, so that a mistake there cannot hide one here. It goes through every
// table once for each set of rights that leads to it, reads one frame at a time, and
// gives up at a number of tables that no machine has, whatever an image holds.
package audit
