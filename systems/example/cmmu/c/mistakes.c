// SPDX-License-Identifier: Apache-2.0
/* Setters with a mistake each: what breaks a rule, and what breaks itself. */
#include "ptcheck.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

/* The low half first: for a moment the entry is present and names half a frame. */
static void torn_set_pte(pte_t *ptep, pte_t pte)
{
	if (pt_width() == 8 && !pt_long_mode()) {
		pte_write_low(ptep, pte.pte);
		pte_write_high(ptep, pte.pte >> 32); /* mark: c-torn */
		return;
	}
	pte_write(ptep, pte);
}

/* Break before make, on a page that the kernel runs on. */
static void breaking_set_pte(pte_t *ptep, pte_t pte)
{
	pte_write(ptep, (pte_t){ 0 }); /* mark: c-breaks */
	native_flush_tlb();
	pte_write(ptep, pte);
}

/* As the kernel has it, without an accessor. */
static void raw_set_pte(pte_t *ptep, pte_t pte)
{
	*ptep = pte; /* mark: c-raw */
}

static void helper(pte_t *ptep)
{
	if (ptep)
		abort(); /* mark: c-aborts */
}

static void aborting_set_pte(pte_t *ptep, pte_t pte)
{
	pte_write(ptep, pte);
	helper(ptep);
}

static void asserting_set_pte(pte_t *ptep, pte_t pte)
{
	(void)ptep;
	assert(!(pte.pte & _PAGE_PRESENT)); /* mark: c-asserts */
}

static void looping_set_pte(pte_t *ptep, pte_t pte)
{
	volatile int on = 1;

	pte_write(ptep, pte);
	while (on) /* mark: c-loops */
		;
}

static void waiting_set_pte(pte_t *ptep, pte_t pte)
{
	while (pte_read(ptep).pte != pte.pte) /* mark: c-waits */
		;
}

static void exiting_set_pte(pte_t *ptep, pte_t pte)
{
	pte_write(ptep, pte); /* mark: c-exits */
	_exit(3);
}

static int endless(int n) { return endless(n + 1) + n; } /* mark: c-deep */

static void deep_set_pte(pte_t *ptep, pte_t pte)
{
	(void)ptep, (void)pte;
	endless(0);
}

static void sleeping_set_pte(pte_t *ptep, pte_t pte)
{
	pte_write(ptep, pte); /* mark: c-sleeps */
	for (;;)
		pause();
}

static unsigned long stores;

static void counting_set_pte(pte_t *ptep, pte_t pte)
{ /* mark: c-counts */
	stores++;
	pte_write(ptep, pte);
}

/* The same in a variable that may be lost. */
static ptcheck_scratch unsigned long forgotten;

static void scratch_set_pte(pte_t *ptep, pte_t pte)
{
	if (forgotten++)
		abort();
	pte_write(ptep, pte);
}

#define MISTAKE(id, called, setter)                                          \
	static const struct pv_hooks id = { .name = called, .set_pte = setter }; \
	PTCHECK_BACKEND(id)

MISTAKE(torn, "c-torn", torn_set_pte)
MISTAKE(breaks, "c-breaks", breaking_set_pte)
MISTAKE(raw, "c-raw", raw_set_pte)
MISTAKE(aborts, "c-aborts", aborting_set_pte)
MISTAKE(asserts, "c-asserts", asserting_set_pte)
MISTAKE(loops, "c-loops", looping_set_pte)
MISTAKE(waits, "c-waits", waiting_set_pte)
MISTAKE(exits, "c-exits", exiting_set_pte)
MISTAKE(deep, "c-deep", deep_set_pte)
MISTAKE(sleeps, "c-sleeps", sleeping_set_pte)
MISTAKE(counts, "c-counts", counting_set_pte)
MISTAKE(scratch, "c-scratch", scratch_set_pte)
