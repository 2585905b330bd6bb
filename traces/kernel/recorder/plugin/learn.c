/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The first of two boots. It costs little, for it looks at no store: it walks the tables
 * below each root that is loaded and so learns which frames become tables, and it notes
 * which blocks of code follow an instruction whose effect the recorder must look at. With a
 * clock that counts instructions the second boot is the same as the first.
 */
#include <stdlib.h>
#include <string.h>

#include "record.h"

static int8_t *level;      /* by frame; below 0: with entries of four bytes */
static uint32_t *walked;   /* by frame: the walk that has been there last */
static uint32_t walk_no;

enum { SLOTS = 1 << 16 };
static uint64_t blocks[SLOTS]; /* open addressing; 0: free */
static unsigned nblocks;

bool learn_init(const char *path)
{
	level = calloc(rec.frames, sizeof *level);
	walked = calloc(rec.frames, sizeof *walked);
	return level && walked && (!path || learn_load(path));
}

int learned_level(uint64_t frame) { return level[frame]; }

static uint64_t *place(uint64_t va)
{
	size_t i = (size_t)(va * UINT64_C(0x9e3779b97f4a7c15) >> 48);
	while (blocks[i] && blocks[i] != va)
		i = (i + 1) % SLOTS;
	return &blocks[i];
}

void learn_block(uint64_t va)
{
	uint64_t *p = place(va);
	if (*p || nblocks >= SLOTS / 2)
		return;
	*p = va;
	nblocks++;
}

bool learned_block(uint64_t va) { return *place(va) == va; }

/* walk notes the tables from a frame down. from and to bound the entries of the root. */
static void walk(uint64_t frame, int lvl, unsigned from, unsigned to)
{
	const unsigned size = rec.mode == 2 ? 4 : 8;
	uint8_t memory[PAGE];
	if (frame >= rec.frames || walked[frame] == walk_no)
		return;
	if (from == 0 && to == PAGE / size)
		walked[frame] = walk_no;
	level[frame] = (int8_t)(size == 4 ? -lvl : lvl);
	if (lvl == 1)
		return;
	phys_read(frame << 12, memory, PAGE);
	for (unsigned i = from; i < to; i++) {
		uint64_t e = 0;
		memcpy(&e, memory + i * size, size);
		bool large = (e & P_LARGE) && lvl <= 3 && !(rec.mode == 3 && lvl == 3);
		if ((e & P_PRESENT) && !large)
			walk((size == 8 ? e & ENTRY_FRAME : e) >> 12, lvl - 1, 0, PAGE / size);
	}
}

void learn_root(uint64_t cr3, bool again)
{
	/* The kernel's half is much the same in all roots: now and then is enough for it. */
	enum { KERNEL_EACH = 32 };
	const unsigned slots = rec.mode == 2 ? 1024 : 512;
	if (again && walk_no % 8) {
		walk_no++;
		return;
	}
	walk_no++;
	unsigned end = walk_no % KERNEL_EACH && again ? slots / 2 : slots;
	if (rec.mode == 3) {
		unsigned first = root_offset(cr3) / 8;
		walk(cr3_frame(cr3 & 0xffffffff), 3, first, first + 4);
	} else {
		walk(cr3_frame(cr3), rec.mode, 0, end);
	}
}

bool learn_save(const char *path)
{
	FILE *f = fopen(path, "w");
	if (!f)
		return false;
	for (uint64_t i = 0; i < rec.frames; i++)
		if (level[i])
			fprintf(f, "f %" PRIx64 " %d\n", i, level[i]);
	for (size_t i = 0; i < SLOTS; i++)
		if (blocks[i])
			fprintf(f, "b %" PRIx64 "\n", blocks[i]);
	return fclose(f) == 0;
}

bool learn_load(const char *path)
{
	FILE *f = fopen(path, "r");
	char what;
	uint64_t v;
	int l;
	if (!f)
		return false;
	while (fscanf(f, " %c %" SCNx64, &what, &v) == 2) {
		if (what == 'b')
			learn_block(v);
		else if (fscanf(f, "%d", &l) == 1 && v < rec.frames)
			level[v] = (int8_t)l;
	}
	return fclose(f) == 0;
}
