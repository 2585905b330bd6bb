/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page-table hooks in C, searched by ptcheck.
 *
 * A hook has the signature that it has in the kernel. It runs in a process of its own:
 * memory, registers and hypercalls of the machine are reached through the accessors below,
 * each of which notes the file and line that it is used in.
 *
 * A pte_t * is an address of the machine, not of this process: *ptep is a crash, and so is
 * nothing else that kernel code does with it but arithmetic. Entries have four or eight
 * bytes (pt_width()): use pt_slot(table, i), never table + i.
 *
 * Hooks remember nothing. What a kernel keeps is kept by the machine (pv_*, xen_cr3); a
 * variable that a hook leaves changed is reported, unless it is marked ptcheck_scratch, in
 * which case it has its first value again in the next call.
 */
#ifndef PTCHECK_H
#define PTCHECK_H

#include <stdint.h>

typedef struct { uint64_t pte; } pte_t;
typedef struct { uint64_t pmd; } pmd_t;
typedef struct { uint64_t pud; } pud_t;
typedef struct { uint64_t pgd; } pgd_t;

typedef uint64_t pfn_t;    /* a frame of the guest, counted from 0 */
typedef uint64_t mfn_t;    /* a frame of the machine */
typedef uint64_t paddr_t;  /* a physical address, as the kernel counts them */
typedef uint64_t vaddr_t;  /* a virtual address */

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096
#define PTE_PFN_MASK 0x000ffffffffff000ULL
#define _PAGE_PRESENT 0x001ULL
#define _PAGE_RW 0x002ULL
#define _PAGE_USER 0x004ULL
#define _PAGE_ACCESSED 0x020ULL
#define _PAGE_DIRTY 0x040ULL
#define _PAGE_PSE 0x080ULL
#define _PAGE_GLOBAL 0x100ULL
#define _PAGE_NX (1ULL << 63)
#define _KERNPG_TABLE (_PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY)
#define INVALID_P2M_ENTRY (PTE_PFN_MASK >> PAGE_SHIFT)

/* Which implementation of set_pte and alloc_pt is live. */
enum pv_variant { PV_NONE, PV_INIT, PV_LATE };
/* A choice that may be left to the backend that the hooks are laid over. */
enum pv_choice { PV_AS_BASE, PV_YES, PV_NO };

/*
 * struct pv_hooks is a backend: the hooks by their names in struct paravirt_ops (Linux,
 * include/asm-i386/paravirt.h, b239fb25). One that is not set is the one of the backend
 * that the hooks are laid over. set_pte and alloc_pt each have a variant for the
 * construction of the first tables.
 */
struct pv_hooks {
	const char *name;
	enum pv_choice shared_kernel_pmd;
	/* What is live when the kernel starts. Looked at if boot_variants is PV_YES. */
	enum pv_choice boot_variants;
	enum pv_variant boot_set_pte, boot_alloc_pt;

	void (*pagetable_setup_start)(pgd_t *base);
	void (*pagetable_setup_done)(pgd_t *base);
	void (*alloc_pt_init)(pgd_t *pgd, pfn_t pfn);
	void (*alloc_pt)(pgd_t *pgd, pfn_t pfn);
	void (*alloc_pd)(pfn_t pfn);
	void (*release_pt)(pfn_t pfn);
	void (*release_pd)(pfn_t pfn);
	void (*set_pte_init)(pte_t *ptep, pte_t pte);
	void (*set_pte)(pte_t *ptep, pte_t pte);
	void (*set_pmd)(pmd_t *pmdp, pmd_t pmd);
	void (*set_pud)(pud_t *pudp, pud_t pud);
	void (*set_pgd)(pgd_t *pgdp, pgd_t pgd);
	pte_t (*make_pte)(uint64_t val);
	pmd_t (*make_pmd)(uint64_t val);
	pgd_t (*make_pgd)(uint64_t val);
	uint64_t (*pte_val)(pte_t pte);
	uint64_t (*pmd_val)(pmd_t pmd);
	uint64_t (*pgd_val)(pgd_t pgd);
	void (*write_cr3)(paddr_t root);
	void (*flush_tlb)(void);
	void (*flush_tlb_single)(vaddr_t va);
	void (*activate_mm)(pgd_t *pgd);
	void (*exit_mmap)(pgd_t *pgd);
};

/* PTCHECK_BACKEND makes a table of hooks known, by its name. */
#define PTCHECK_BACKEND(table)                                                \
	__attribute__((constructor)) static void ptcheck_register_##table(void) \
	{                                                                     \
		ptcheck_register(&(table));                                   \
	}
void ptcheck_register(const struct pv_hooks *table);

/* A variable that need not be as it was when a hook returns. */
#define ptcheck_scratch __attribute__((section("ptcheck_scratch")))

/* Where an accessor is used. */
struct ptcheck_site { const char *file; int line; const char *func; };
#define PTCHECK_HERE ((struct ptcheck_site){ __FILE__, __LINE__, __func__ })

/* Memory. An entry is read and written at its full width, whatever that is. */
#define pt_read(entryp) ptcheck_read(PTCHECK_HERE, (vaddr_t)(uintptr_t)(entryp))
#define pt_write(entryp, val) ptcheck_write(PTCHECK_HERE, (vaddr_t)(uintptr_t)(entryp), (val))
#define pte_read(ptep) ((pte_t){ pt_read(ptep) })
#define pmd_read(pmdp) ((pmd_t){ pt_read(pmdp) })
#define pud_read(pudp) ((pud_t){ pt_read(pudp) })
#define pgd_read(pgdp) ((pgd_t){ pt_read(pgdp) })
#define pte_write(ptep, e) pt_write((ptep), (e).pte)
#define pmd_write(pmdp, e) pt_write((pmdp), (e).pmd)
#define pud_write(pudp, e) pt_write((pudp), (e).pud)
#define pgd_write(pgdp, e) pt_write((pgdp), (e).pgd)
/* width is 4 or 8 bytes. */
#define pt_load(va, width) ptcheck_load(PTCHECK_HERE, (vaddr_t)(uintptr_t)(va), (width))
#define pt_store(va, width, val) ptcheck_store(PTCHECK_HERE, (vaddr_t)(uintptr_t)(va), (width), (val))
/* The halves of an eight-byte entry: ptep->pte_low = v, ptep->pte_high = v. */
#define pte_write_low(ptep, v) pt_store((ptep), 4, (uint32_t)(v))
#define pte_write_high(ptep, v) pt_store((vaddr_t)(uintptr_t)(ptep) + 4, 4, (uint32_t)(v))

/* The hooks that are live, as the kernel calls them. */
#define set_pte(ptep, e) ptcheck_set_pte(PTCHECK_HERE, (vaddr_t)(uintptr_t)(ptep), (e).pte)
#define set_pmd(pmdp, e) ptcheck_set_pmd(PTCHECK_HERE, (vaddr_t)(uintptr_t)(pmdp), (e).pmd)
#define set_pud(pudp, e) ptcheck_set_pud(PTCHECK_HERE, (vaddr_t)(uintptr_t)(pudp), (e).pud)
#define set_pgd(pgdp, e) ptcheck_set_pgd(PTCHECK_HERE, (vaddr_t)(uintptr_t)(pgdp), (e).pgd)
#define paravirt_alloc_pd(pfn) ptcheck_alloc_pd(PTCHECK_HERE, (pfn))

/* Shape of the tables. The root has level pt_levels(); leaves have level 1. */
#define pt_levels() ((int)ptcheck_levels(PTCHECK_HERE))
#define pt_width() ((int)ptcheck_width(PTCHECK_HERE))
#define pt_slots(level) ((int)ptcheck_slots(PTCHECK_HERE, (level)))
#define pt_user_slots() ((int)ptcheck_user_slots(PTCHECK_HERE)) /* of the root */
#define pt_long_mode() ((int)ptcheck_long_mode(PTCHECK_HERE))   /* a 64-bit kernel */
#define pt_slot(table, i) ((__typeof__(table))(uintptr_t)ptcheck_slot(PTCHECK_HERE, (vaddr_t)(uintptr_t)(table), (i)))

/* Addresses of the direct map. */
#define __va(pa) ((void *)(uintptr_t)ptcheck_va(PTCHECK_HERE, (pa)))
#define __pa(va) ((paddr_t)ptcheck_pa(PTCHECK_HERE, (vaddr_t)(uintptr_t)(va)))
/* The entry that maps va in init_mm, or NULL; under swapper_pg_dir. */
#define lookup_address(va) ((pte_t *)(uintptr_t)ptcheck_lookup_address(PTCHECK_HERE, (vaddr_t)(uintptr_t)(va)))
#define lookup_kernel(va) ((pte_t *)(uintptr_t)ptcheck_lookup_kernel(PTCHECK_HERE, (vaddr_t)(uintptr_t)(va)))
/* The table that an entry of a level names: pmd_offset(pud, 0), pte_offset_kernel(pmd, 0). */
#define pt_table_of(level, entryp) ((void *)(uintptr_t)ptcheck_table_of(PTCHECK_HERE, (level), (vaddr_t)(uintptr_t)(entryp)))

/* The kernel's constants. */
#define swapper_pg_dir ((pgd_t *)(uintptr_t)ptcheck_swapper(PTCHECK_HERE))
#define empty_zero_page_pfn() ((pfn_t)ptcheck_zero_page(PTCHECK_HERE))
#define start_info_pt_base() ((pgd_t *)(uintptr_t)ptcheck_pt_base(PTCHECK_HERE))
#define shared_info_mfn() ((mfn_t)ptcheck_shared_info(PTCHECK_HERE))
#define fix_shared_info() ((vaddr_t)ptcheck_fix_shared_info(PTCHECK_HERE))
#define page_kernel() ((uint64_t)ptcheck_page_kernel(PTCHECK_HERE)) /* __PAGE_KERNEL at this point */
#define nx_enabled() ((int)ptcheck_nx(PTCHECK_HERE))

/* What a kernel remembers: kept by the machine. */
#define pv_use_set_pte(variant) ptcheck_use_set_pte(PTCHECK_HERE, (variant))
#define pv_use_alloc_pt(variant) ptcheck_use_alloc_pt(PTCHECK_HERE, (variant))
#define init_mm_pgd_is(pfn) ptcheck_set_init_mm(PTCHECK_HERE, (pfn))
#define shared_info_is_mapped() ptcheck_shared_mapped(PTCHECK_HERE)
#define xen_cr3() ((pfn_t)ptcheck_xen_cr3(PTCHECK_HERE))
#define xen_cr3_is(pfn) ptcheck_set_xen_cr3(PTCHECK_HERE, (pfn))
#define second_pinned() ((int)ptcheck_second_pinned(PTCHECK_HERE)) /* PagePinned of the second root */
#define second_pinned_is(yes) ptcheck_set_second_pinned(PTCHECK_HERE, (yes))
/* A zeroed page of the boot allocator. */
#define alloc_bootmem_page() ((pfn_t)ptcheck_alloc_bootmem(PTCHECK_HERE))

/* The processor. */
#define load_cr3(pa) ptcheck_load_cr3(PTCHECK_HERE, (pa))
#define native_flush_tlb() ptcheck_flush_tlb(PTCHECK_HERE)
#define native_flush_tlb_page(va) ptcheck_flush_page(PTCHECK_HERE, (va))

/* Xen. Hypercalls return 0 or a negative error number of Xen's. */
#define pfn_to_mfn(pfn) ((mfn_t)ptcheck_pfn_to_mfn(PTCHECK_HERE, (pfn)))
#define mfn_to_pfn(mfn) ((pfn_t)ptcheck_mfn_to_pfn(PTCHECK_HERE, (mfn)))
#define virt_to_machine(va) ((uint64_t)ptcheck_virt_to_machine(PTCHECK_HERE, (vaddr_t)(uintptr_t)(va)))
#define HYPERVISOR_mmu_update(ptr, val) ((int)ptcheck_mmu_update(PTCHECK_HERE, (ptr), (val)))
#define HYPERVISOR_update_va_mapping(va, e) ((int)ptcheck_update_va_mapping(PTCHECK_HERE, (vaddr_t)(uintptr_t)(va), (e).pte))
#define xen_pin_table(level, mfn) ((int)ptcheck_pin(PTCHECK_HERE, (level), (mfn)))
#define xen_unpin_table(mfn) ((int)ptcheck_unpin(PTCHECK_HERE, (mfn)))
#define xen_new_baseptr(mfn) ((int)ptcheck_new_baseptr(PTCHECK_HERE, (mfn)))
/* Hypervisors that keep shadows are told of a change: update_pte of VMI, LHCALL_SET_PTE. */
#define pv_announce(pa, width) ptcheck_announce(PTCHECK_HERE, (pa), (width))

/* The kernel's death. */
#define panic(text) ptcheck_panic(PTCHECK_HERE, (text))
#define BUG() ptcheck_bug(PTCHECK_HERE, 0)
#define BUG_ON(what)                \
	do {                        \
		if (what)           \
			BUG();      \
	} while (0)
/* BUG() because a hypercall was refused, whose answer the report names. */
#define BUG_RC(rc) ptcheck_bug(PTCHECK_HERE, (rc))

#include "ptcheck_calls.h" /* ptcheck_read and the others, as they are numbered */

#endif
