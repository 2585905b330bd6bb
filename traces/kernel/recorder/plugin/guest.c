/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reading the guest's registers and stack.
 */
#include <string.h>

#include "record.h"

uint64_t gpr(unsigned reg)
{
	/* gdb's order in long mode is a, b, c, d, si, di, bp, sp; in 32-bit code it is that of
	 * instructions. */
	static const uint8_t gdb64[16] = {0, 2, 3, 1, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15};
	return reg_read(rec.now, long_mode() ? gdb64[reg & 15] : reg & 7);
}

uint64_t cr3_frame(uint64_t cr3) { return (cr3 & ENTRY_FRAME) >> 12; }

unsigned root_offset(uint64_t cr3) { return rec.mode == 3 ? cr3 & 0xfe0 : 0; }

void print_callers(uint64_t rip)
{
	enum { WORDS = 16, MOST = 3, NEAR = 0x2000000 };
	const unsigned size = long_mode() ? 8 : 4, sp = 4;
	uint8_t stack[8 * WORDS];
	int found = 0;
	if (!virt_read(rec.now, gpr(sp), stack, size * WORDS))
		return;
	for (int i = 0; i < WORDS && found < MOST; i++) {
		uint64_t v = 0;
		memcpy(&v, stack + i * size, size);
		uint64_t away = v > rip ? v - rip : rip - v;
		if (away == 0 || away >= NEAR)
			continue;
		fprintf(rec.out, "%s%" PRIx64, found++ ? "," : " @", v);
	}
}
