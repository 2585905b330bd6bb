/*
 * The oracle's guest: a tiny PV guest that executes a script of MMU operations
 * on a pool of its frames and prints one line per operation. What each file
 * does:
 *
 *	notes.S x86_64.S x86_32.S	entry point, hypercalls, faults
 *	slots.c				what everybody shares
 *	relay.c				how a domU is heard
 *	console.c pool.c hcall.c	output, spare frames, hypercall wrappers
 *	text.c				frames and entries, read and printed
 *	types.c reset.c			Xen's view of the frames; undo everything
 *	bench.c ops.c			the operations
 *	script.c			lines to operations to result lines
 *	domu.c				dom0 as the one that makes a domU and serves it
 *	boot.c				start of day: pool, boot tables, report
 *
 * Each uses those above it only.
 */
#ifndef GUEST_H
#define GUEST_H

#include "abi.h"

#define POOL		64		/* frames f0..f63 */
#define SLOTS		32		/* virtual pages s0..s31 */
#define BOOT_MAX	64		/* boot table frames b0..b63 */

#define PTE_PRESENT	(1ull << 0)
#define PTE_RW		(1ull << 1)
#define PTE_AD		(3ull << 5)
#define PTE_FRAME	0x000ffffffffff000ull

/* What an operation returns besides 0 and negative errnos. */
#define RC_SKIPPED	(-9999l)
#define RC_SYNTAX	(-9998l)

/* Everything that the guest knows about the machine and its own state. */
struct machine {
	struct start_info *si;
	volatile struct shared_info *shared;
	ulong pool[POOL];		/* frame numbers */
	ulong boot[BOOT_MAX];
	unsigned int nboot;
	ulong xen_mfn;			/* a frame of Xen's: "x" */
	ulong shared_mfn;		/* the shared_info page: "h" */
	ulong next_pfn;			/* dom0's pages from here are taken */

	/* The boot tables on the path to the slots, by level. */
	u64 *table[LEVELS + 1];
	ulong table_mfn[LEVELS + 1];
	u64 pristine[LEVELS + 1][ENTRIES];

	/* What reset() has to undo, besides entries and pins. */
	ulong root;			/* the frame in cr3 */
	int user_root_set, gdt_set;

	unsigned int quiet;
};

extern struct machine m;

/* Pages with a fixed place in the guest, see link.lds. */
#define FIXED(where) __attribute__((section(where), aligned(PAGE)))
extern u8 slot_area[SLOTS][PAGE], window[PAGE];

static inline u64 make_pte(ulong mfn, u64 flags)
{
	return (u64)mfn << 12 | flags;
}

static inline ulong pte_mfn(u64 pte)
{
	return (pte & PTE_FRAME) >> 12;
}

/* x86_64.S, x86_32.S: a probe returns 1 when the access faulted. */
long hypercall(ulong nr, ulong a1, ulong a2, ulong a3, ulong a4, ulong a5);
int probe_load8(ulong va, u64 *out);
int probe_store8(ulong va, u64 v);
int probe_store4(ulong va, u64 v);
int probe_xchg8(ulong va, u64 v);
int probe_or8(ulong va, u64 v);
void trap6(void), trap13(void), trap14(void);
extern volatile ulong fault_vec, fault_err;

/* slots.c */
int guest_slot(unsigned int level, unsigned int i);

/* relay.c */
#define RING		(16 * PAGE)

struct relay {
	u32 head, tail;			/* bytes written and printed so far */
	u32 asks;			/* the types of these frames are wanted */
	ulong frame[POOL + BOOT_MAX];
};

extern volatile struct relay relay;
extern volatile u8 ring[RING];
extern int is_domu;
void yield(void);
void relay_write(const char *text, unsigned int n);
void relay_types(ulong *types, unsigned int n);

/* console.c */
void put_char(char c);
void put_str(const char *s);
void put_hex(u64 v);
void put_dec(long v);
void put_flush(void);
void put_total(void);
void shutdown(void) __attribute__((noreturn));
void die(const char *why) __attribute__((noreturn));

/* pool.c */
ulong mapped_pages(const struct start_info *si);
ulong spare_frame(void);

/* hcall.c */
long va_mapping(ulong va, u64 pte, ulong flags);
long mmuext(u32 cmd, ulong arg1, ulong arg2);
long mmu_update(ulong mfn, unsigned int index, u64 val, unsigned int cmd);
long peek(ulong mfn, const u64 **page);
void unpeek(void);

/* text.c */
int str_eq(const char *a, const char *b);
int read_number(const char *s, u64 *out);
int read_frame(const char *s, u64 *out);
int read_entry(const char *s, u64 *out);
int read_address(const char *s, u64 *out);
void put_frame(ulong mfn);
void put_entry(u64 pte);

/* types.c: what Xen says about pool[] and boot[], in this order. */
extern ulong types[POOL + BOOT_MAX];
long types_get(void);
long domctl_any_version(struct domctl *d);
int type_level(ulong type);
int type_pinned(ulong type);
void put_type(ulong type);
void put_types(unsigned int from, unsigned int n, char name);

/* reset.c, bench.c, ops.c, script.c */
long reset(void);
long bench(const char *what, ulong n);
long run_op(char **word, unsigned int n);
void run_script(const char *text, ulong len);

/* domu.c */
void run_domu(struct start_info *si);

#endif
