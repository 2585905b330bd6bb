/* "bench KIND N": N operations of one kind, for measuring Xen's speed. */
#include "guest.h"

static long bench_map(ulong n, u64 pte)
{
	ulong i;
	long rc = 0;

	for (i = 0; i < n; i++)
		rc |= va_mapping((ulong)slot_area[0], i & 1 ? 0 : pte, UVMF_INVLPG);
	return rc;
}

static long bench_update(ulong n, u64 pte)
{
	long rc = mmuext(EXT_PIN_L1, m.pool[1], 0);
	ulong i;

	for (i = 0; i < n; i++)
		rc |= mmu_update(m.pool[1], i & 511, i & 512 ? 0 : pte, MMU_NORMAL);
	return rc;
}

static long bench_pin(ulong n)
{
	long rc = 0;
	ulong i;

	for (i = 0; i < n; i++)
		rc |= mmuext(i & 1 ? EXT_UNPIN : EXT_PIN_L1, m.pool[2], 0);
	return rc;
}

/* Stores to a read-only L1, which Xen emulates. */
static long bench_write(ulong n, u64 pte)
{
	ulong i, va = (ulong)slot_area[0];
	long rc = mmuext(EXT_PIN_L1, m.pool[3], 0);

	rc |= va_mapping(va, make_pte(m.pool[3], PTE_PRESENT), UVMF_INVLPG);
	for (i = 0; i < n; i++)
		rc |= probe_store8(va + (i & 511) * 8, i & 512 ? 0 : pte);
	return rc;
}

long bench(const char *what, ulong n)
{
	u64 pte = make_pte(m.pool[0], PTE_PRESENT);
	long rc = 0;
	ulong i;

	put_flush();
	if (str_eq(what, "va"))
		return bench_map(n, pte);
	if (str_eq(what, "mmu"))
		return bench_update(n, pte);
	if (str_eq(what, "pin"))
		return bench_pin(n);
	if (str_eq(what, "write"))
		return bench_write(n, pte);
	if (str_eq(what, "null")) {
		for (i = 0; i < n; i++)
			rc |= hypercall(HC_XEN_VERSION, 0, 0, 0, 0, 0) < 0;
		return rc;
	}
	if (str_eq(what, "reset")) {
		for (i = 0; i < n; i++)
			rc |= reset();
		return rc;
	}
	return RC_SYNTAX;
}
