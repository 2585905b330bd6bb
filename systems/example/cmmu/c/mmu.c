// SPDX-License-Identifier: Apache-2.0
/*
 * Page-table hooks of two platforms: a bare machine and a guest of Xen. They do what
 * packages native and xen do in Go, and are laid out as a kernel's mmu.c is.
 */
#include "ptcheck.h"

/* ------------------------------------------------------------------ native */

static int split_entries(void) /* eight-byte entries of a 32-bit kernel */
{
	return pt_width() == 8 && !pt_long_mode();
}

static void native_set_pte(pte_t *ptep, pte_t pte)
{
	if (!split_entries()) {
		pte_write(ptep, pte);
		return;
	}
	/* The present bit arrives last. */
	pte_write_high(ptep, pte.pte >> 32);
	pte_write_low(ptep, pte.pte);
}

static void native_set_pmd(pmd_t *pmdp, pmd_t pmd) { pmd_write(pmdp, pmd); }
static void native_set_pud(pud_t *pudp, pud_t pud) { pud_write(pudp, pud); }
static void native_set_pgd(pgd_t *pgdp, pgd_t pgd) { pgd_write(pgdp, pgd); }

static pte_t native_make_pte(uint64_t val) { return (pte_t){ val }; }
static pmd_t native_make_pmd(uint64_t val) { return (pmd_t){ val }; }
static pgd_t native_make_pgd(uint64_t val) { return (pgd_t){ val }; }
static uint64_t native_pte_val(pte_t pte) { return pte.pte; }
static uint64_t native_pmd_val(pmd_t pmd) { return pmd.pmd; }
static uint64_t native_pgd_val(pgd_t pgd) { return pgd.pgd; }

static void native_pagetable_setup_start(pgd_t *base)
{
	int i;

	if (pt_levels() == 2) {
		paravirt_alloc_pd(__pa(base) >> PAGE_SHIFT);
		return;
	}
	/* The user's slots name the zero page; the kernel's are for the generic code. */
	for (i = 0; i < pt_user_slots(); i++)
		set_pgd(pt_slot(base, i), native_make_pgd(empty_zero_page_pfn() << PAGE_SHIFT | _PAGE_PRESENT));
	for (; i < pt_slots(pt_levels()); i++)
		pgd_write(pt_slot(base, i), native_make_pgd(0));
}

static void native_pagetable_setup_done(pgd_t *base)
{
	/* Other processors need low mappings when they leave real mode. */
	if (pt_levels() == 3)
		set_pgd(base, pgd_read(pt_slot(base, pt_user_slots())));
}

static void native_alloc_pt(pgd_t *pgd, pfn_t pfn) { (void)pgd, (void)pfn; }
static void native_alloc_pd(pfn_t pfn) { (void)pfn; }
static void native_write_cr3(paddr_t root) { load_cr3(root); }
static void native_flush(void) { native_flush_tlb(); }
static void native_flush_single(vaddr_t va) { native_flush_tlb_page(va); }
static void native_mm(pgd_t *pgd) { (void)pgd; }

const struct pv_hooks native_pv_hooks = {
	.name = "c-native",
	.shared_kernel_pmd = PV_YES,
	.boot_variants = PV_YES,
	.boot_set_pte = PV_LATE,
	.boot_alloc_pt = PV_LATE,
	.pagetable_setup_start = native_pagetable_setup_start,
	.pagetable_setup_done = native_pagetable_setup_done,
	.alloc_pt = native_alloc_pt,
	.alloc_pd = native_alloc_pd,
	.release_pt = native_alloc_pd,
	.release_pd = native_alloc_pd,
	.set_pte = native_set_pte,
	.set_pmd = native_set_pmd,
	.set_pud = native_set_pud,
	.set_pgd = native_set_pgd,
	.make_pte = native_make_pte,
	.make_pmd = native_make_pmd,
	.make_pgd = native_make_pgd,
	.pte_val = native_pte_val,
	.pmd_val = native_pmd_val,
	.pgd_val = native_pgd_val,
	.write_cr3 = native_write_cr3,
	.flush_tlb = native_flush,
	.flush_tlb_single = native_flush_single,
	.activate_mm = native_mm,
	.exit_mmap = native_mm,
};
PTCHECK_BACKEND(native_pv_hooks)

/* --------------------------------------------------------------------- Xen */

/* A present value's frame number becomes a machine's; 32-bit kernels lose NX. */
static uint64_t xen_make(uint64_t val)
{
	uint64_t flags = val & ~PTE_PFN_MASK;
	pfn_t pfn = (val & PTE_PFN_MASK) >> PAGE_SHIFT;

	if (!(val & _PAGE_PRESENT))
		return val;
	if (!pt_long_mode()) {
		flags = val & (PAGE_SIZE - 1);
		pfn = (uint32_t)(val >> PAGE_SHIFT);
	}
	return pfn_to_mfn(pfn) << PAGE_SHIFT | flags;
}

static uint64_t xen_val(uint64_t e)
{
	uint64_t flags = e & (pt_long_mode() ? ~PTE_PFN_MASK : PAGE_SIZE - 1);

	if (!e)
		return 0;
	return mfn_to_pfn((e & PTE_PFN_MASK) >> PAGE_SHIFT) << PAGE_SHIFT | flags | _PAGE_PRESENT;
}

static pte_t xen_make_pte(uint64_t val) { return (pte_t){ xen_make(val) }; }
static pmd_t xen_make_pmd(uint64_t val) { return (pmd_t){ xen_make(val) }; }
static pgd_t xen_make_pgd(uint64_t val) { return (pgd_t){ xen_make(val) }; }
static uint64_t xen_pmd_val(pmd_t pmd) { return xen_val(pmd.pmd); }
static uint64_t xen_pgd_val(pgd_t pgd) { return xen_val(pgd.pgd); }
static uint64_t xen_pte_val(pte_t pte)
{
	if (pt_width() == 4 && !(pte.pte & _PAGE_PRESENT))
		return pte.pte;
	return xen_val(pte.pte);
}

/* Plain stores: Xen emulates them where the table is in use. */
static void xen_set_pte(pte_t *ptep, pte_t pte) { native_set_pte(ptep, pte); }

/* While low memory is mapped again, pages of tables stay read-only. */
static void xen_set_pte_init(pte_t *ptep, pte_t pte)
{
	pte_t old = pte_read(ptep);

	if ((old.pte & (_PAGE_PRESENT | _PAGE_RW)) == _PAGE_PRESENT)
		pte.pte &= ~_PAGE_RW;
	xen_set_pte(ptep, pte);
}

static void xen_set_upper(void *entryp, uint64_t e)
{
	int rc = HYPERVISOR_mmu_update(virt_to_machine(entryp), e);

	if (rc)
		BUG_RC(rc);
}

static void xen_set_pmd(pmd_t *pmdp, pmd_t pmd) { xen_set_upper(pmdp, pmd.pmd); }
static void xen_set_pud(pud_t *pudp, pud_t pud) { xen_set_upper(pudp, pud.pud); }
static void xen_set_pgd(pgd_t *pgdp, pgd_t pgd) { xen_set_upper(pgdp, pgd.pgd); }

static void change_lowmem_page(void *va, uint64_t clear, uint64_t set)
{
	pte_t *ptep = lookup_address(va), pte;
	int rc;

	BUG_ON(!ptep);
	pte = pte_read(ptep);
	pte.pte = (pte.pte & ~clear) | set;
	rc = HYPERVISOR_update_va_mapping(va, pte);
	if (rc)
		BUG_RC(rc);
}

static void make_lowmem_page_readonly(void *va) { change_lowmem_page(va, _PAGE_RW, 0); }
static void make_lowmem_page_readwrite(void *va) { change_lowmem_page(va, 0, _PAGE_RW); }

static void xen_write_cr3(paddr_t root)
{
	pfn_t pfn = root >> PAGE_SHIFT;
	int rc;

	if (xen_cr3() == pfn) {
		native_flush_tlb();
		return;
	}
	xen_cr3_is(pfn);
	rc = xen_new_baseptr(pfn_to_mfn(pfn));
	if (rc)
		BUG_RC(rc);
}

/* Replaces the builder's table below an entry by a read-only copy of our own. */
static void copy_middle(int level, pgd_t *from, pgd_t *to)
{
	uint64_t flags = level == 3 && pt_levels() == 3 ? _PAGE_PRESENT : _KERNPG_TABLE, val;
	pgd_t *source, *table;
	pfn_t pfn;
	int i;

	if (!(pt_read(from) & _PAGE_PRESENT))
		return;
	source = pt_table_of(level, from);
	pfn = alloc_bootmem_page();
	table = __va(pfn << PAGE_SHIFT);
	for (i = 0; i < pt_slots(level - 1); i++)
		pt_write(pt_slot(table, i), pt_read(pt_slot(source, i)));
	if (level - 1 > 2)
		for (i = 0; i < pt_slots(level - 1); i++)
			copy_middle(level - 1, pt_slot(source, i), pt_slot(table, i));
	make_lowmem_page_readonly(table);
	val = xen_make(pfn << PAGE_SHIFT | flags);
	xen_set_upper(to, val);
}

static void xen_pagetable_setup_start(pgd_t *base)
{
	pgd_t *builder = start_info_pt_base();
	int i, root = pt_levels(), slots = pt_slots(root), rc;

	pv_use_set_pte(PV_INIT);
	init_mm_pgd_is(__pa(base) >> PAGE_SHIFT);
	for (i = 0; i < slots; i++)
		pgd_write(pt_slot(base, i), pgd_read(pt_slot(builder, i)));
	/* Xen lets no two PAE roots share the L2 that carries its own slots. */
	if (root > 2)
		for (i = 0; i < slots; i++)
			copy_middle(root, pt_slot(builder, i), pt_slot(base, i));
	make_lowmem_page_readonly(__va(empty_zero_page_pfn() << PAGE_SHIFT));
	make_lowmem_page_readonly(base);
	if (pt_long_mode()) {
		rc = xen_pin_table(root, pfn_to_mfn(__pa(base) >> PAGE_SHIFT));
		if (rc)
			BUG_RC(rc);
		rc = xen_unpin_table(pfn_to_mfn(__pa(builder) >> PAGE_SHIFT));
		if (rc)
			BUG_RC(rc);
	}
	xen_write_cr3(__pa(base));
}

static void xen_pagetable_setup_done(pgd_t *base)
{
	uint64_t prot = page_kernel();
	pte_t *ptep;
	int rc;

	pv_use_alloc_pt(PV_LATE);
	pv_use_set_pte(PV_LATE);
	if (!nx_enabled())
		prot &= ~_PAGE_NX;
	ptep = lookup_kernel(fix_shared_info());
	BUG_ON(!ptep);
	xen_set_pte(ptep, (pte_t){ shared_info_mfn() << PAGE_SHIFT | prot });
	native_flush_tlb_page(fix_shared_info());
	shared_info_is_mapped();
	if (pt_long_mode())
		return; /* pinned by setup_start */
	rc = xen_pin_table(pt_levels(), pfn_to_mfn(__pa(base) >> PAGE_SHIFT));
	if (rc)
		BUG_RC(rc);
}

static void xen_alloc_pt_init(pgd_t *pgd, pfn_t pfn)
{
	(void)pgd;
	make_lowmem_page_readonly(__va(pfn << PAGE_SHIFT));
}

static void xen_alloc_pt(pgd_t *pgd, pfn_t pfn)
{
	if (pgd == swapper_pg_dir || second_pinned())
		make_lowmem_page_readonly(__va(pfn << PAGE_SHIFT));
}

static void xen_alloc_pd(pfn_t pfn)
{
	if (pt_long_mode()) /* otherwise the builder has made every L2 */
		make_lowmem_page_readonly(__va(pfn << PAGE_SHIFT));
}

static void xen_release_pt(pfn_t pfn) { make_lowmem_page_readwrite(__va(pfn << PAGE_SHIFT)); }

/* activate_mm and exit_mmap are laid over those of package xen. */
const struct pv_hooks xen_pv_hooks = {
	.name = "c-xen",
	.boot_variants = PV_YES,
	.boot_set_pte = PV_NONE,
	.boot_alloc_pt = PV_INIT,
	.pagetable_setup_start = xen_pagetable_setup_start,
	.pagetable_setup_done = xen_pagetable_setup_done,
	.alloc_pt_init = xen_alloc_pt_init,
	.alloc_pt = xen_alloc_pt,
	.alloc_pd = xen_alloc_pd,
	.release_pt = xen_release_pt,
	.set_pte_init = xen_set_pte_init,
	.set_pte = xen_set_pte,
	.set_pmd = xen_set_pmd,
	.set_pud = xen_set_pud,
	.set_pgd = xen_set_pgd,
	.make_pte = xen_make_pte,
	.make_pmd = xen_make_pmd,
	.make_pgd = xen_make_pgd,
	.pte_val = xen_pte_val,
	.pmd_val = xen_pmd_val,
	.pgd_val = xen_pgd_val,
	.write_cr3 = xen_write_cr3,
	.flush_tlb = native_flush,
	.flush_tlb_single = native_flush_single,
};
PTCHECK_BACKEND(xen_pv_hooks)
