// Package hooks holds the boot code under test: the paravirt interface through
// which a backend takes part in building the initial pagetable ([Ops]), and the
// generic code that calls it, one Go function for each kernel function.
//
// The code follows Linux commit b239fb25 ("i386: PARAVIRT: Hooks to set up
// initial pagetable", 2007), arch/i386/mm/init.c, statement for statement,
// including its quirks. It reads and writes page tables through virtual
// addresses on a model.Machine; whatever it must remember lives in
// model.State.
package hooks
