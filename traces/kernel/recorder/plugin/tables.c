/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which frames are page tables, by counting who refers to them, and a copy of what is in
 * each. A frame of which the first boot has learned that it becomes a table is watched from
 * the beginning: the stores to it are kept until it does.
 */
#include <stdlib.h>
#include <string.h>

#include "record.h"

enum { PIECE = 32, PIECES = PAGE / PIECE }; /* a root of PAE is a piece of a frame */

/* A store to a frame before it becomes a table. */
struct early {
	uint64_t rip, old, new, va;
	uint16_t slot;
	uint8_t size;
};

/* A frame that is watched but no table. */
struct watched {
	uint8_t entry_size;
	unsigned cleared;     /* entries cleared one after the other from the first on */
	unsigned n, room;
	struct early *stores; /* those since the frame was last cleared as a whole */
	uint8_t copy[PAGE];
};

struct table {
	uint8_t level, entry_size;
	bool root, pinned;
	bool unpinned;              /* it was pinned once */
	unsigned references;
	uint8_t piece[PIECES];      /* parts of the frame that are in use */
	uint8_t copy[PAGE];
};

static struct table **tables;   /* by frame; NULL: no table */
static struct watched **watched;
static uint8_t *interest;       /* by frame: stores to it matter */
static uint64_t count;
static uint32_t *visited;       /* by frame: the visit that has been there last */
static uint32_t visit;

bool tables_init(void)
{
	tables = calloc(rec.frames, sizeof *tables);
	watched = calloc(rec.frames, sizeof *watched);
	interest = calloc(rec.frames, 1);
	visited = calloc(rec.frames, sizeof *visited);
	if (!tables || !watched || !interest || !visited)
		return false;
	for (uint64_t f = 0; f < rec.frames; f++)
		interest[f] = learned_level(f) != 0;
	return true;
}

bool tables_of_interest(uint64_t frame) { return frame < rec.frames && interest[frame]; }

static unsigned entries(const struct table *t) { return PAGE / t->entry_size; }

static uint64_t word(const uint8_t *copy, unsigned entry_size, unsigned slot)
{
	uint64_t v = 0;
	memcpy(&v, copy + slot * entry_size, entry_size);
	return v;
}

static uint64_t entry(const struct table *t, unsigned slot) { return word(t->copy, t->entry_size, slot); }

static bool in_use(const struct table *t, unsigned slot) { return t->piece[slot * t->entry_size / PIECE]; }

/* leads_to is the frame of the table that an entry of a level leads to, NO_FRAME if it leads
 * to none or to one outside of memory. */
static uint64_t leads_to(int level, unsigned entry_size, uint64_t e)
{
	bool leaf = level == 1 || ((e & P_LARGE) && level <= 3 && !(rec.mode == 3 && level == 3));
	uint64_t f = entry_size == 8 ? (e & ENTRY_FRAME) >> 12 : e >> 12;
	return (e & P_PRESENT) && !leaf && f < rec.frames ? f : NO_FRAME;
}

static uint64_t target(const struct table *t, uint64_t e) { return leads_to(t->level, t->entry_size, e); }

static void unrefer(uint64_t frame);

static void release(uint64_t frame)
{
	struct table *t = tables[frame];
	fprintf(event(), "R %" PRIx64 " %d\n", frame, t->level);
	tables[frame] = NULL;
	interest[frame] = learned_level(frame) != 0;
	count--;
	for (unsigned i = 0; i < entries(t); i++) {
		uint64_t c = in_use(t, i) ? target(t, entry(t, i)) : NO_FRAME;
		if (c != NO_FRAME && c != frame)
			unrefer(c);
	}
	free(t);
}

static void release_if_idle(uint64_t frame)
{
	struct table *t = tables[frame];
	if (t && !t->references && !t->root && !t->pinned)
		release(frame);
}

static void unrefer(uint64_t frame)
{
	struct table *t = tables[frame];
	if (t && t->references)
		t->references--;
	release_if_idle(frame);
}

/* run is how many entries from slot on are each by step more than the one before. */
static unsigned run(const struct table *t, unsigned slot, uint64_t step)
{
	unsigned n = 1;
	while (slot + n < entries(t) && in_use(t, slot + n) && entry(t, slot + n) == entry(t, slot) + n * step)
		n++;
	return n;
}

static void print_contents(const struct table *t)
{
	for (unsigned i = 0, n; i < entries(t); i += n) {
		n = 1;
		if (!in_use(t, i) || !entry(t, i))
			continue;
		unsigned large = run(t, i, 0x200000);
		n = run(t, i, 0x1000);
		if (n == 1 && large > 2)
			n = large;
		fprintf(rec.out, "%c %x %x %" PRIx64 "\n", n > 1 && n == large ? 'm' : 'e', i, n, entry(t, i));
	}
}

/* print_early prints what was stored to a frame before it becomes a table. */
static void print_early(uint64_t frame)
{
	struct watched *w = watched[frame];
	for (unsigned i = 0; w && i < w->n; i++) {
		struct early *s = &w->stores[i];
		fprintf(event(), "S %" PRIx64 " %" PRIx64 " %x %" PRIx64 " %" PRIx64 " %d 0 %" PRIx64 "\n", s->rip, frame,
			s->slot, s->old, s->new, s->size, s->va);
		rec.total.stores++;
		rec.total.early++;
	}
	if (w)
		free(w->stores);
	free(w);
	watched[frame] = NULL;
}

/* print_early_below prints what was stored to a frame and to those below it that become
 * tables with it: all of that happened before the first of them is one. from and to bound
 * the bytes that are in use. */
static void print_early_below(uint64_t frame, int level, unsigned from, unsigned to)
{
	const unsigned size = rec.mode == 2 ? 4 : 8;
	uint8_t memory[PAGE];
	bool piece = rec.mode == 3 && level == 3; /* the frame may be a table already, but not here */
	if (frame >= rec.frames || (tables[frame] && !piece) || visited[frame] == visit)
		return;
	visited[frame] = visit;
	print_early(frame);
	if (level == 1)
		return;
	phys_read(frame << 12, memory, PAGE);
	for (unsigned i = from / size; i < to / size; i++) {
		uint64_t c = leads_to(level, size, word(memory, size, i));
		if (c != NO_FRAME)
			print_early_below(c, level - 1, 0, PAGE);
	}
}

/* announce prints what happened to the tables below an entry that are none yet. */
static void announce(uint64_t frame, int level, unsigned from, unsigned to)
{
	visit++;
	print_early_below(frame, level, from, to);
}

static struct table *new_table(uint64_t frame, int level)
{
	struct table *t = calloc(1, sizeof *t);
	if (!t)
		abort();
	t->level = (uint8_t)level;
	t->entry_size = rec.mode == 2 ? 4 : 8;
	tables[frame] = t;
	interest[frame] = 1;
	rec.tables_changed++;
	rec.total.tables++;
	if (++count > rec.total.most)
		rec.total.most = count;
	return t;
}

/* take copies the pieces of a frame that are new into the table's copy, prints the table,
 * and goes on below it. */
static void adopt(uint64_t frame, int level, bool root, unsigned offset, unsigned length);

static void take(uint64_t frame, struct table *t, bool root, unsigned offset, unsigned length)
{
	uint8_t memory[PAGE], fresh[PIECES] = {0};
	bool more = false;
	for (unsigned i = offset / PIECE; i < (offset + length) / PIECE && i < PIECES; i++)
		if (!t->piece[i])
			fresh[i] = t->piece[i] = more = true;
	if (!more)
		return;
	phys_read(frame << 12, memory, PAGE);
	for (unsigned i = 0; i < PIECES; i++)
		if (fresh[i])
			memcpy(t->copy + i * PIECE, memory + i * PIECE, PIECE);
	fprintf(event(), "T %d %" PRIx64 "%s %x\n", t->level, frame, root ? " root" : "", offset);
	print_contents(t);
	for (unsigned i = 0; i < entries(t); i++) {
		uint64_t c = fresh[i * t->entry_size / PIECE] ? target(t, entry(t, i)) : NO_FRAME;
		if (c == NO_FRAME || c == frame)
			continue;
		adopt(c, t->level - 1, false, 0, PAGE);
		if (tables[c])
			tables[c]->references++;
	}
}

static void adopt(uint64_t frame, int level, bool root, unsigned offset, unsigned length)
{
	struct table *t = tables[frame];
	if (t && t->level != level) {
		fprintf(event(), "L %" PRIx64 " %d %d\n", frame, t->level, level);
		t->root = t->root || root;
		return;
	}
	if (!t)
		t = new_table(frame, level);
	t->root = t->root || root;
	take(frame, t, root, offset, length);
}

void tables_root(uint64_t cr3)
{
	uint64_t f = cr3_frame(rec.mode == 3 ? cr3 & 0xffffffff : cr3);
	unsigned offset = root_offset(cr3), length = rec.mode == 3 ? PIECE : PAGE;
	if (f >= rec.frames)
		return;
	announce(f, rec.mode, offset, offset + length);
	adopt(f, rec.mode, true, offset, length);
}

static bool loaded(uint64_t frame)
{
	for (int i = 0; i < MAX_CPUS; i++)
		if ((rec.cpu[i].cr0 & CR0_PG) && cr3_frame(rec.cpu[i].cr3) == frame)
			return true;
	return false;
}

static void drop(uint64_t frame)
{
	fprintf(event(), "D %" PRIx64 "\n", frame);
	tables[frame]->root = false;
	release_if_idle(frame);
}

void tables_pin(uint64_t frame, int level)
{
	if (frame >= rec.frames)
		return;
	announce(frame, level, 0, PAGE);
	adopt(frame, level, level == rec.mode, 0, PAGE);
	tables[frame]->pinned = true;
}

void tables_unpin(uint64_t frame)
{
	struct table *t = frame < rec.frames ? tables[frame] : NULL;
	if (!t)
		return;
	t->pinned = false;
	t->unpinned = true;
	if (t->root && !loaded(frame))
		drop(frame);
	else
		release_if_idle(frame);
}

void tables_loaded(uint64_t old_cr3)
{
	uint64_t f = cr3_frame(old_cr3);
	struct table *t = f < rec.frames ? tables[f] : NULL;
	if (t && t->root && t->unpinned && !t->pinned && !loaded(f))
		drop(f);
}

void tables_forget(void)
{
	for (uint64_t f = 0; f < rec.frames; f++) {
		free(tables[f]);
		tables[f] = NULL;
		interest[f] = learned_level(f) != 0;
	}
	count = 0;
	rec.tables_changed++;
}

/* The first store to a frame that becomes a table. */
static struct watched *watch(uint64_t frame)
{
	struct watched *w = calloc(1, sizeof *w);
	if (!w)
		abort();
	w->entry_size = learned_level(frame) < 0 ? 4 : 8;
	phys_read(frame << 12, w->copy, PAGE);
	return watched[frame] = w;
}

/* keep adds a store to those of a watched frame. Stores to the parts of one entry by one
 * instruction (rep stosb) are one. Once a frame is cleared as a whole, what was in it before
 * does not matter. */
static void keep(struct watched *w, struct early s)
{
	enum { MOST = 8192 };
	unsigned n = PAGE / w->entry_size;
	struct early *last = w->n ? &w->stores[w->n - 1] : NULL;
	bool part = last && last->slot == s.slot && last->rip == s.rip && s.size < w->entry_size;
	if (s.new == 0 && s.slot == w->cleared)
		w->cleared++;
	else if (s.new != 0 && !part)
		w->cleared = 0;
	if (w->cleared == n) {
		w->cleared = w->n = 0;
		return;
	}
	if (part) {
		last->new = s.new;
		return;
	}
	if (w->n == MOST)
		w->n = 0;
	if (w->n == w->room) {
		w->room = w->room ? 2 * w->room : 64;
		w->stores = realloc(w->stores, w->room * sizeof *w->stores);
		if (!w->stores)
			abort();
	}
	w->stores[w->n++] = s;
}

static void early_store(uint64_t rip, uint64_t frame, unsigned offset, unsigned size, uint64_t va)
{
	struct watched *w = watched[frame] ? watched[frame] : watch(frame);
	uint8_t memory[PAGE];
	phys_read((frame << 12) + offset / 8 * 8, memory + offset / 8 * 8, size > 8 ? size : 8);
	unsigned first = offset / w->entry_size, last = (offset + size - 1) / w->entry_size;
	for (unsigned i = first; i <= last && i < PAGE / w->entry_size; i++) {
		struct early s = {rip, word(w->copy, w->entry_size, i), word(memory, w->entry_size, i), va, (uint16_t)i,
				  (uint8_t)size};
		memcpy(w->copy + i * w->entry_size, &s.new, w->entry_size);
		keep(w, s);
	}
}

/* cleared_half reports whether a store takes away an entry of an idle root's kernel half
 * which the root in force has: that page is no root any more. */
static bool cleared_half(uint64_t frame, const struct table *t, unsigned slot, uint64_t new)
{
	if (rec.xen || rec.mode == 3 || !t->root || t->references || loaded(frame) || slot < entries(t) / 2)
		return false;
	uint64_t f = cr3_frame(now()->cr3);
	const struct table *force = f < rec.frames ? tables[f] : NULL;
	return force && (entry(force, slot) & P_PRESENT) && !(new & P_PRESENT);
}

/* store_entry records a store to one entry. It reports whether the table is still one. */
static bool store_entry(uint64_t rip, uint64_t frame, unsigned slot, unsigned size, uint64_t va)
{
	struct table *t = tables[frame];
	uint64_t old = entry(t, slot), new = 0;
	phys_read((frame << 12) + slot * t->entry_size, &new, t->entry_size);
	uint64_t from = target(t, old), to = target(t, new);
	if (to != NO_FRAME)
		announce(to, t->level - 1, 0, PAGE);
	fprintf(event(), "S %" PRIx64 " %" PRIx64 " %x %" PRIx64 " %" PRIx64 " %u %d %" PRIx64, rip, frame, slot, old, new,
		size, t->level, va);
	print_callers(rip);
	fputc('\n', rec.out);
	rec.total.stores++;
	memcpy(t->copy + slot * t->entry_size, &new, t->entry_size);
	if (from != to) {
		if (to != NO_FRAME && to != frame) {
			adopt(to, t->level - 1, false, 0, PAGE);
			if (tables[to])
				tables[to]->references++;
		}
		if (from != NO_FRAME && from != frame)
			unrefer(from);
	}
	if (tables[frame] && cleared_half(frame, t, slot, new))
		drop(frame);
	return tables[frame] != NULL;
}

void tables_store(uint64_t rip, uint64_t frame, unsigned offset, unsigned size, uint64_t va)
{
	enum { BETWEEN_CHECKS = 8192 };
	struct table *t = tables[frame];
	if (!t) {
		early_store(rip, frame, offset, size, va);
		return;
	}
	unsigned entry_size = t->entry_size, last = (offset + size - 1) / entry_size;
	for (unsigned i = offset / entry_size; i <= last && i < PAGE / entry_size; i++)
		if (in_use(t, i) && !store_entry(rip, frame, i, size, va))
			return;
	if (rec.total.stores / BETWEEN_CHECKS > rec.total.checks)
		tables_check("periodic");
}

static void check_table(const char *when, uint64_t frame, struct table *t)
{
	uint8_t memory[PAGE];
	phys_read(frame << 12, memory, PAGE);
	if (!memcmp(memory, t->copy, PAGE))
		return;
	for (unsigned i = 0; i < entries(t); i++) {
		uint64_t is = word(memory, t->entry_size, i), was = entry(t, i);
		if (!in_use(t, i) || is == was)
			continue;
		if ((was & P_PRESENT) && !((is ^ was) & ~(uint64_t)P_ACCESSED_DIRTY)) {
			rec.total.accessed++;
		} else {
			fprintf(event(), "? %s %" PRIx64 " %x %" PRIx64 " %" PRIx64 "\n", when, frame, i, was, is);
			rec.total.differences++;
		}
		memcpy(t->copy + i * t->entry_size, &is, t->entry_size);
	}
}

void tables_check(const char *when)
{
	rec.total.checks++;
	for (uint64_t f = 0; f < rec.frames; f++)
		if (tables[f])
			check_table(when, f, tables[f]);
}
