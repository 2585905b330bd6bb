// Package xen is the paravirtual backend for a guest that owns no page tables:
// every table is mapped read-only and each change goes through the hypervisor.
// It holds the hooks and the tables that the domain builder leaves behind; the
// rules of the hypervisor are in package model.
//
// The code follows Linux arch/i386/xen/{enlighten,mmu}.c of 2007 (commits
// ab144f5e, 3b827c1b and, for set_pte, f4f97b3e).
package xen
