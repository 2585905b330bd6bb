// Package invariants holds the rules that the boot pagetable protocol must
// obey, one file each. It is trusted: it imports package model alone, walks raw
// memory with its own code, and never asks the hypervisor's bookkeeping.
//
// A [Checker] observes a machine and applies every rule to every step, inside
// the hooks too.
package invariants
