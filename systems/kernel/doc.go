// Package system puts backends, start-of-day families, protocol calls and
// invariants together into systems that can be searched, walked at random and
// replayed.
package kernel
