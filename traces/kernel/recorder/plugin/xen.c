/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Xen: hypercalls of a paravirtual 64-bit guest with their arguments and answers, and what
 * Xen has written down of each frame. All addresses are of Xen's public interface and of its
 * layout of virtual memory (xen/include/asm-x86/config.h), which has been the same since 4.2.
 */
#include <string.h>

#include "record.h"

/* Numbers of hypercalls whose arguments point to more. */
enum {
	MMU_UPDATE = 1, SET_GDT = 2, MEMORY_OP = 12, MULTICALL = 13, GRANT_TABLE_OP = 20, VCPU_OP = 24, MMUEXT_OP = 26,
	SCHED_OP = 29, EVENT_CHANNEL_OP = 32,
};
enum { MMUEXT_PIN_L1 = 0, MMUEXT_PIN_L4 = 3, MMUEXT_UNPIN = 4 };

enum { MOST_REQUESTS = 512, MOST_ENTRIES = 64, WORDS_A_LINE = 8 };

/* Requests that are pins, to be done once the answer is there. */
struct pin {
	uint64_t frame;
	int cmd;
	int entry; /* of a multicall; WHOLE: none */
};
enum { WHOLE = -1 };

/* A hypercall without answer yet. Calls nest: Xen may run the guest's handler of events
 * before it answers. */
struct call {
	uint64_t behind;      /* the address behind its syscall */
	uint64_t nr;
	uint64_t list;        /* MULTICALL: its entries */
	unsigned entries;
	unsigned pins;
	struct pin pin[MOST_REQUESTS];
};
enum { DEEP = 8 };
static struct call calls[MAX_CPUS][DEEP];
static unsigned depth[MAX_CPUS];

static void note_pin(struct call *c, uint64_t cmd, uint64_t frame, int entry)
{
	if (cmd <= MMUEXT_UNPIN && c->pins < MOST_REQUESTS)
		c->pin[c->pins++] = (struct pin){frame, (int)cmd, entry};
}

/* block prints n words of memory. */
static void block(const char *indent, uint64_t va, uint64_t n)
{
	for (uint64_t i = 0; i < n; i += WORDS_A_LINE) {
		uint64_t w[WORDS_A_LINE], m = n - i < WORDS_A_LINE ? n - i : WORDS_A_LINE;
		if (!virt_read(rec.now, va + i * 8, w, m * 8)) {
			fprintf(rec.out, "%s!\n", indent);
			return;
		}
		fprintf(rec.out, "%sb", indent);
		for (uint64_t k = 0; k < m; k++)
			fprintf(rec.out, " %" PRIx64, w[k]);
		fputc('\n', rec.out);
	}
}

static void requests(const char *indent, struct call *c, uint64_t nr, const uint64_t *a, int entry)
{
	const size_t size = nr == MMU_UPDATE ? 16 : 24;
	uint64_t n = a[1] & 0x7fffffff; /* the upper bit says that Xen was interrupted */
	for (uint64_t i = 0; i < n && i < MOST_REQUESTS; i++) {
		uint64_t q[3] = {0};
		if (!virt_read(rec.now, a[0] + i * size, q, size)) {
			fprintf(rec.out, "%s!\n", indent);
			return;
		}
		if (nr == MMU_UPDATE) {
			fprintf(rec.out, "%su %" PRIx64 " %" PRIx64 "\n", indent, q[0], q[1]);
		} else {
			fprintf(rec.out, "%sx %x %" PRIx64 " %" PRIx64 "\n", indent, (uint32_t)q[0], q[1], q[2]);
			note_pin(c, (uint32_t)q[0], q[1], entry);
		}
	}
}

/* memory_op prints the struct of XENMEM_increase_reservation (0), decrease_reservation (1)
 * and populate_physmap (6), and the frames it lists. */
static void memory_op(const char *indent, const uint64_t *a)
{
	enum { MOST_EXTENTS = 4096 };
	uint64_t s[3], op = a[0] & 0x3f; /* the rest is where Xen goes on */
	block(indent, a[1], 3);
	if ((op == 0 || op == 1 || op == 6) && virt_read(rec.now, a[1], s, sizeof s) && s[0])
		block(indent, s[0], s[1] < MOST_EXTENTS ? s[1] : MOST_EXTENTS);
}

/* arguments prints what the arguments of a hypercall point to, as far as it bears on
 * memory. */
static void arguments(const char *indent, struct call *c, uint64_t nr, const uint64_t *a, int entry)
{
	switch (nr) {
	case MMU_UPDATE:
	case MMUEXT_OP:
		requests(indent, c, nr, a, entry);
		break;
	case SET_GDT:
		block(indent, a[0], (a[1] + 511) / 512);
		break;
	case MEMORY_OP:
		memory_op(indent, a);
		break;
	case VCPU_OP:
		if (a[2])
			block(indent, a[2], 2);
		break;
	case GRANT_TABLE_OP:
		block(indent, a[1], 3);
		break;
	case EVENT_CHANNEL_OP:
		if (a[0] == 11 || a[0] == 12) /* FIFO: init_control, expand_array */
			block(indent, a[1], a[0] == 11 ? 2 : 1);
		break;
	}
}

static void multicall(struct call *c, const uint64_t *a)
{
	c->list = a[0];
	c->entries = a[1] < MOST_ENTRIES ? (unsigned)a[1] : MOST_ENTRIES;
	for (unsigned i = 0; i < c->entries; i++) {
		uint64_t q[8]; /* op, result, six arguments */
		if (!virt_read(rec.now, c->list + i * sizeof q, q, sizeof q)) {
			fprintf(rec.out, "!\n");
			return;
		}
		fprintf(rec.out, " c %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 "\n", q[0], q[2], q[3], q[4]);
		arguments(" ", c, q[0], q + 2, (int)i);
	}
}

/* is_again reports whether a call is one that Xen broke off and has the guest make again for
 * the rest. */
static bool is_again(const struct call *c, uint64_t rip, uint64_t nr, uint64_t list)
{
	if (c->behind != rip + 2 || c->nr != nr)
		return false;
	return nr == MMUEXT_OP || (nr == MULTICALL && list >= c->list && list < c->list + c->entries * 64);
}

/* new_call is a call on its way. One that is made again takes the place of the one that was
 * broken off and keeps its pins: Xen has done some of them, and will do the others. */
static struct call *new_call(uint64_t rip, uint64_t nr, uint64_t list)
{
	struct call *all = calls[rec.now], *top;
	unsigned *d = &depth[rec.now];
	if (*d && is_again(&all[*d - 1], rip, nr, list)) {
		top = &all[*d - 1];
		for (unsigned i = 0; i < top->pins; i++)
			top->pin[i].entry = WHOLE;
		top->entries = 0;
		return top;
	}
	if (*d == DEEP) { /* an iret has no answer: the oldest goes */
		memmove(all, all + 1, (DEEP - 1) * sizeof *all);
		--*d;
	}
	top = &all[(*d)++];
	*top = (struct call){.behind = rip + 2, .nr = nr};
	return top;
}

void xen_hypercall(uint64_t rip)
{
	/* rax, and rdi, rsi, rdx, r10 by their numbers in instructions; at Xen's entry they are
	 * still the guest's. */
	uint64_t nr = gpr(0), a[4] = {gpr(7), gpr(6), gpr(2), gpr(10)};
	struct call *c = new_call(rip, nr, a[0]);
	fprintf(event(), "H %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64, rip, nr, a[0], a[1], a[2],
		a[3]);
	print_callers(rip);
	fputc('\n', rec.out);
	rec.total.hypercalls++;
	if (nr == MULTICALL)
		multicall(c, a);
	else
		arguments("", c, nr, a, WHOLE);
}

/* pinned takes over the pins and unpins of a call, or of an entry of a multicall, that Xen
 * has accepted. */
static void pinned(const struct call *c, int entry)
{
	for (unsigned i = 0; i < c->pins; i++) {
		const struct pin *p = &c->pin[i];
		if (p->entry != entry)
			continue;
		if (p->cmd == MMUEXT_UNPIN)
			tables_unpin(p->frame);
		else
			tables_pin(p->frame, p->cmd + 1);
	}
}

void xen_answer(uint64_t behind)
{
	unsigned *d = &depth[rec.now];
	struct call *c = NULL;
	while (*d && !c) {
		c = &calls[rec.now][--*d];
		if (c->behind != behind)
			c = NULL; /* it was an iret, or Xen has had it made again */
	}
	if (!c)
		return;
	int64_t rc = (int64_t)gpr(0);
	int64_t results[MOST_ENTRIES];
	fprintf(event(), "h %" PRIx64 " %" PRId64 "\n", behind - 2, rc);
	for (unsigned i = 0; i < c->entries; i++) {
		uint64_t q[2];
		if (!virt_read(rec.now, c->list + i * 64, q, sizeof q))
			break;
		results[i] = (int64_t)q[1];
		fprintf(rec.out, " r %" PRId64 "\n", results[i]);
		if (results[i] == 0)
			pinned(c, (int)i);
	}
	if (rc == 0)
		pinned(c, WHOLE);
}

/* ---- what Xen has written down ---- */

#define FRAME_TABLE UINT64_C(0xffff82e000000000)
enum { PAGE_INFO = 32 }; /* bytes: list, count_info, type_info, owner */
enum { DOMID_INVALID = 0x7fff };

struct page_info {
	uint64_t count, type;
	unsigned owner;
};

/* owner_id is a domain's number, by the frame of its struct domain, which begins with it. */
static unsigned owner_id(uint32_t frame)
{
	uint16_t id = DOMID_INVALID;
	if (frame && frame < rec.frames)
		phys_read((uint64_t)frame << 12, &id, sizeof id);
	return id;
}

static bool page_info(uint64_t frame, struct page_info *p)
{
	uint64_t w[4];
	if (!virt_read(rec.now, FRAME_TABLE + frame * PAGE_INFO, w, sizeof w))
		return false;
	*p = (struct page_info){w[1], w[2], owner_id((uint32_t)w[3])};
	return true;
}

static void print_frames(void)
{
	struct page_info first = {0}, p;
	uint64_t start = 0, n = 0;
	for (uint64_t f = 0; f <= rec.frames; f++) {
		bool there = f < rec.frames && page_info(f, &p);
		if (n && there && p.count == first.count && p.type == first.type && p.owner == first.owner) {
			n++;
			continue;
		}
		if (n)
			fprintf(rec.out, "f %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %x\n", start, n, first.count,
				first.type, first.owner);
		start = f;
		n = there;
		first = p;
	}
}

/* Of struct start_info, by words. */
enum { NR_PAGES = 4, MFN_LIST = 13 };
static struct {
	uint64_t list, n; /* the guest's list of its frames */
} placed;

static void print_places(void)
{
	uint64_t start = 0, first = 0, n = 0;
	for (uint64_t i = 0; i <= placed.n; i++) {
		uint64_t f = NO_FRAME;
		if (i < placed.n && !virt_read(rec.now, placed.list + 8 * i, &f, sizeof f))
			f = NO_FRAME;
		if (n && f != NO_FRAME && f == first + n) {
			n++;
			continue;
		}
		if (n)
			fprintf(rec.out, "p %" PRIx64 " %" PRIx64 " %" PRIx64 "\n", start, n, first);
		start = i;
		first = f;
		n = f != NO_FRAME;
	}
}

/* sound reports whether frame records are where they are looked for: the root in force must
 * be a validated table of level 4. */
static bool sound(void)
{
	struct page_info p;
	return page_info(cr3_frame(now()->cr3), &p) && p.type >> 61 == 4 && (p.type >> 58 & 1);
}

void xen_records(const char *when)
{
	bool start = when[0] == 's';
	if (start) {
		uint64_t info[MFN_LIST + 1];
		if (virt_read(rec.now, gpr(6), info, sizeof info)) { /* rsi: start_info */
			placed.n = info[NR_PAGES];
			placed.list = info[MFN_LIST];
		}
		if (!sound()) {
			fprintf(stderr, "ptrec: Xen's frame table is not where Xen 4.2 to 4.18 have it\n");
			return;
		}
	}
	fprintf(event(), "X %s\n", when);
	print_frames();
	if (start)
		print_places();
}
