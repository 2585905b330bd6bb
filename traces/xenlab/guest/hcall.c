/* Hypercall wrappers, and a window through which any frame can be read. */
#include "guest.h"

u8 window[PAGE] FIXED(".page2");

long va_mapping(ulong va, u64 pte, ulong flags)
{
#ifdef __x86_64__
	return hypercall(HC_UPDATE_VA_MAPPING, va, pte, flags, 0, 0);
#else
	return hypercall(HC_UPDATE_VA_MAPPING, va, (u32)pte, pte >> 32, flags, 0);
#endif
}

long mmuext(u32 cmd, ulong arg1, ulong arg2)
{
	struct mmuext_op op = { cmd, arg1, arg2 };

	return hypercall(HC_MMUEXT_OP, (ulong)&op, 1, 0, DOMID_SELF, 0);
}

long mmu_update(ulong mfn, unsigned int index, u64 val, unsigned int cmd)
{
	struct mmu_update u = { ((u64)mfn << 12) + index * 8 + cmd, val };

	return hypercall(HC_MMU_UPDATE, (ulong)&u, 1, 0, DOMID_SELF, 0);
}

/*
 * Maps a frame read-only until unpeek(): Xen allows that for tables too, and
 * no type reference is taken, so looking does not change what is looked at.
 */
long peek(ulong mfn, const u64 **page)
{
	*page = (const u64 *)window;
	return va_mapping((ulong)window, make_pte(mfn, PTE_PRESENT), UVMF_INVLPG);
}

void unpeek(void)
{
	va_mapping((ulong)window, 0, UVMF_INVLPG);
}
