/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What an x86 instruction means to the recorder, from its bytes alone.
 */
#ifndef PTREC_DECODE_H
#define PTREC_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Kinds of instructions whose effect the recorder looks at once they are done. */
enum special {
	PLAIN,
	CONTROL,   /* mov to CR0, CR3 or CR4 */
	WRMSR,     /* may change EFER */
	INVLPG,
	INVPCID,
	SYSCALL,
};

struct insn {
	enum special special;
	uint8_t cr;       /* CONTROL: the register's number */
	uint8_t base;     /* INVLPG: the base register's number in instructions */
	int32_t disp;     /* INVLPG: its displacement */
	bool known;       /* INVLPG: base and displacement are the whole address */
	bool may_store;   /* it may store to memory that could be a page table */
};

/* decode looks at the n bytes of an instruction. long_mode: of 64-bit code. Instructions
 * that only load, and those that store through the stack pointer, do not count as storing:
 * no kernel keeps page tables on a stack, and a store that is missed all the same shows when
 * memory is held against the recorder's copy. When in doubt an instruction may store. */
struct insn decode(const uint8_t *d, size_t n, bool long_mode);

#endif
