/* What everybody shares: the machine, the slots, and whose a table's entries are. */
#include "guest.h"

struct machine m;
u8 slot_area[SLOTS][PAGE] FIXED(".slots");

/* Whether entry i of a boot table is the guest's; the others are Xen's. */
int guest_slot(unsigned int level, unsigned int i)
{
#ifdef __x86_64__
	return level < XEN_LEVEL || i < XEN_FIRST || i > XEN_LAST;
#else
	return level == 3 ? i < 3 : level < XEN_LEVEL || i < XEN_FIRST;
#endif
}
