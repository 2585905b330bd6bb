// Package kernel is what all systems with a kernel share: a [Backend] puts hooks, a
// family of start-of-day states, protocol calls and invariants together into a system
// that can be searched, walked at random and replayed.
package kernel
