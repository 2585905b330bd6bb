// Package invariants holds the rules that the boot pagetable protocol must
// obey, one file each. It is trusted: it imports package model alone, walks raw
// memory with its own code, and never asks the hypervisor's bookkeeping: of its records only the pins are
// taken, which the guest asked for and was granted.
//
// A [Checker] observes a machine and applies every rule to every step, inside
// the hooks too.
package invariants
