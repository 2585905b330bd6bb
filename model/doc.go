// Package model is the machine that ptcheck believes in: physical frames,
// page-table entries, the MMU walk, the CPU's paging modes, a TLB, the boot
// allocator and, where a hypervisor owns the tables, its frame types and
// counts.
//
// It is trusted: it imports nothing of the code under test. The backends in
// native/ and xen/ run against a [Machine], which carries out loads and stores
// through virtual addresses exactly as the live tables translate them, and
// shows every [Step] to its observers.
package model
