/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parts of the recorder share. TCG runs with one thread (thread=single, which
 * -icount implies), so that one processor at a time calls the plugin.
 */
#ifndef PTREC_RECORD_H
#define PTREC_RECORD_H

#include <inttypes.h>
#include <stdio.h>

#include "decode.h"
#include "qemu.h"

enum { MAX_CPUS = 16, PAGE = 4096 };

/* Bits of entries and registers. */
enum { P_PRESENT = 1, P_ACCESSED_DIRTY = 0x60, P_LARGE = 0x80 };
#define ENTRY_FRAME UINT64_C(0x000ffffffffff000)
#define CR0_PG (UINT64_C(1) << 31)
#define CR4_PAE (UINT64_C(1) << 5)
#define CR4_LA57 (UINT64_C(1) << 12)
#define EFER_LMA (UINT64_C(1) << 10)

/* NO_FRAME is no frame's number. */
#define NO_FRAME UINT64_MAX

/* A processor as the recorder last saw it. */
struct cpu {
	uint64_t cr0, cr3, cr4, efer;
	const struct site *due; /* a special instruction whose effect is still to be looked at */
};

/* A place in the guest's code with a special instruction. */
struct site {
	uint64_t rip;
	size_t size;
	struct insn insn;
};

/* The recording. */
struct recorder {
	FILE *out;         /* NULL: the first of two boots, which only learns */
	bool xen;          /* the guest is dom0 of a Xen */
	uint64_t frames;   /* of the machine's physical memory, holes included */
	uint64_t low_end;  /* first physical address that is not memory below 4 GiB */
	unsigned now;      /* the processor that does something */
	unsigned tagged;   /* the processor of the last event */
	struct cpu cpu[MAX_CPUS];
	int mode;          /* 0: no paging yet; 2, 3 (PAE), 4, 5 */
	uint64_t tables_changed; /* grows whenever a page may have become or ceased to be of interest */
	struct {
		uint64_t stores, controls, flushes, hypercalls, differences, tables, most, accessed, checks;
		uint64_t seen, late, early; /* stores looked at; effects seen late; stores of level 0 */
	} total;
};
extern struct recorder rec;

static inline struct cpu *now(void) { return &rec.cpu[rec.now]; }
static inline bool long_mode(void) { return now()->efer & EFER_LMA; }

/* event begins the line of an event: it names the processor if it is another one. */
static inline FILE *event(void)
{
	if (rec.now != rec.tagged) {
		fprintf(rec.out, "V %u\n", rec.now);
		rec.tagged = rec.now;
	}
	return rec.out;
}

/* gpr is a general register by its number in instructions. */
uint64_t gpr(unsigned reg);
/* cr3_frame is the frame of a root, by the value of CR3; root_offset where it begins. */
uint64_t cr3_frame(uint64_t cr3);
unsigned root_offset(uint64_t cr3);
/* print_callers appends words of the stack that look like return addresses. */
void print_callers(uint64_t rip);

/* tables.c: which frames are tables, and what is in them. */
bool tables_init(void);
bool tables_of_interest(uint64_t frame);
void tables_root(uint64_t cr3);                  /* a root was loaded */
void tables_pin(uint64_t frame, int level);      /* Xen: the frame is pinned as a table */
void tables_unpin(uint64_t frame);
void tables_loaded(uint64_t old_cr3);            /* Xen: CR3 has another value than this now */
void tables_forget(void);                        /* the paging mode changes */
void tables_store(uint64_t rip, uint64_t frame, unsigned offset, unsigned size, uint64_t va);
void tables_check(const char *when);             /* hold the copies against memory */

/* learn.c: what the first boot learns for the second. */
bool learn_init(const char *path);
void learn_root(uint64_t cr3, bool again);       /* a root is loaded: walk it; again: it was before */
void learn_block(uint64_t va);                   /* this block followed a special instruction */
bool learn_save(const char *path);
bool learn_load(const char *path);               /* in the second boot */
int learned_level(uint64_t frame);               /* 0: the frame never becomes a table */
bool learned_block(uint64_t va);

/* xen.c: hypercalls, and what Xen has written down. */
void xen_hypercall(uint64_t rip);
void xen_answer(uint64_t rip);
void xen_records(const char *when);

#endif
