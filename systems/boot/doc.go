// Package boot holds the systems that boot: the native and the Xen hooks of 2007 on
// head.S's and on a domain builder's tables, the later kernels of 2.6.39 and 3.8, and
// what it takes to boot hooks of one's own. A system is a family of start-of-day
// machines; package kernel makes the calls.
package boot
