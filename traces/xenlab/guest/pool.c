/* Where frames come from. */
#include "guest.h"

/*
 * The pages that the boot tables map, which end behind the boot stack, rounded
 * up to 4 MiB with at least 512 KiB to spare.
 */
ulong mapped_pages(const struct start_info *si)
{
	ulong used = ((si->pt_base - VIRT_BASE) >> 12) + si->nr_pt_frames + 1;
	ulong mapped = (used + 1023) & ~1023ul;

	return mapped - used < 128 ? mapped + 1024 : mapped;
}

/* A page that the boot tables do not map: nothing refers to it. */
ulong spare_frame(void)
{
	if (m.next_pfn <= mapped_pages(m.si))
		die("out of frames");
	return ((const ulong *)m.si->mfn_list)[--m.next_pfn];
}
