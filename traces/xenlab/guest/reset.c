/*
 * Undoes what a scenario can have done, so that scenarios in one boot do not
 * see each other. What it leaves alone: pins of boot tables, vm_assist, and
 * boot tables that the script has given away and broken.
 */
#include "guest.h"

static long restore_root(void)
{
	long left = 0;

	if (m.root != m.table_mfn[LEVELS])
		left = !!mmuext(EXT_NEW_BASEPTR, m.table_mfn[LEVELS], 0);
	m.root = m.table_mfn[LEVELS];
	if (m.user_root_set)
		mmuext(EXT_NEW_USER_BASEPTR, 0, 0);
	if (m.gdt_set)
		hypercall(HC_SET_GDT, 0, 0, 0, 0, 0);
	mmuext(EXT_SET_LDT, 0, 0);
	m.user_root_set = m.gdt_set = 0;
	return left;
}

/* Accessed and dirty bits change as the guest runs: they do not count. */
static long restore_tables(void)
{
	unsigned int l, i;
	long left = 0;

	for (i = 0; i < SLOTS; i++)
		va_mapping((ulong)slot_area[i], 0, UVMF_NONE);
	for (l = LEVELS; l; l--)
		for (i = 0; i < ENTRIES; i++)
			if (guest_slot(l, i) &&
			    (m.table[l][i] ^ m.pristine[l][i]) & ~PTE_AD)
				left += !!mmu_update(m.table_mfn[l], i,
						     m.pristine[l][i], MMU_NORMAL);
	mmuext(EXT_TLB_FLUSH_LOCAL, 0, 0);
	return left;
}

/* Zeroes the pool; a frame that Xen does not let go is replaced. */
static long restore_pool(void)
{
	unsigned int i;
	long left = 0;

	types_get();
	for (i = 0; i < POOL; i++)
		if (type_pinned(types[i]))
			mmuext(EXT_UNPIN, m.pool[i], 0);
	for (i = 0; i < POOL; i++)
		while (mmuext(EXT_CLEAR_PAGE, m.pool[i], 0)) {
			left++;
			m.pool[i] = spare_frame();
		}
	return left;
}

/* Returns the number of frames and entries that did not come back. */
long reset(void)
{
	long left = restore_root();

	left += restore_tables();
	return left + restore_pool();
}
