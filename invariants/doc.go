// Package invariants holds the rules that the boot pagetable protocol must
// obey, one file each. It is trusted: it imports package model alone and walks raw
// memory with its own code. Rules about kernels never ask the hypervisor's
// bookkeeping: of its records only the pins are taken, which the guest asked for and
// was granted. In rules about the hypervisor those records are the suspect: they are
// held against a recount ([Recount]).
//
// A [Checker] observes a machine and applies every rule to every step, inside
// the hooks too.
package invariants
