/* Where frames come from. */
#include "guest.h"

/*
 * A page that the boot tables do not map: nothing refers to it. The mapped
 * region ends behind the boot stack, rounded up to 4 MiB with at least 512 KiB
 * to spare.
 */
ulong spare_frame(void)
{
	ulong used = ((m.si->pt_base - VIRT_BASE) >> 12) + m.si->nr_pt_frames + 1;
	ulong mapped = (used + 1023) & ~1023ul;

	if (mapped - used < 128)
		mapped += 1024;
	if (m.next_pfn <= mapped)
		die("out of frames");
	return ((const ulong *)m.si->mfn_list)[--m.next_pfn];
}
