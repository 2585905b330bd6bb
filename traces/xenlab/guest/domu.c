/*
 * A domain without privileges. The dom0 that Xen starts makes it, a copy of itself
 * with tables that are a translation of its own, and serves it.
 */
#include "guest.h"

#define M2P		((const ulong *)0xffff800000000000ul)

#ifdef __x86_64__

extern char _start[];

static struct domctl call;
static u16 domid;

static void domctl(u32 cmd, const char *what)
{
	call.cmd = cmd;
	call.domain = domid;
	if (domctl_any_version(&call))
		die(what);
}

static void create(ulong pages)
{
	call.u.create.max_vcpus = 1;
	call.u.create.max_evtchn_port = 64;
	call.u.create.max_grant_frames = call.u.create.max_maptrack_frames = -1;
	call.u.create.grant_opts = 1;
	domctl(DOMCTL_CREATEDOMAIN, "createdomain");
	domid = call.domain;
	call.u.max_kb = pages * 4 + 1024;
	domctl(DOMCTL_MAX_MEM, "max_mem");
	call.u.max_vcpus = 1;
	domctl(DOMCTL_MAX_VCPUS, "max_vcpus");
}

/* Gives the domain its memory; list[] becomes its list of machine frames. */
static void populate(ulong *list, ulong pages)
{
	struct memory_reservation r = { (ulong)list, pages, 0, 0, domid };
	ulong i;

	for (i = 0; i < pages; i++)
		list[i] = i;
	if ((ulong)hypercall(HC_MEMORY_OP, XENMEM_POPULATE_PHYSMAP, (ulong)&r, 0, 0, 0) != pages)
		die("populate_physmap");
}

static void map_foreign(const volatile void *at, ulong mfn)
{
	if (hypercall(HC_UPDATE_VA_MAPPING_OTHERDOMAIN, (ulong)at,
		      make_pte(mfn, PTE_PRESENT | PTE_RW), UVMF_INVLPG, domid, 0))
		die("map a domU's frame");
}

/* A table of ours with the domU's frames in it; Xen's own entries stay out. */
static void translate(u64 *t, int root, const ulong *list)
{
	unsigned int i;

	for (i = 0; i < ENTRIES; i++)
		if (root && !guest_slot(LEVELS, i))
			t[i] = 0;
		else if (t[i] & PTE_PRESENT)
			t[i] = make_pte(list[M2P[pte_mfn(t[i])]], t[i] & ~PTE_FRAME);
}

static void set_start_info(struct start_info *si)
{
	domctl(DOMCTL_GETDOMAININFO, "getdomaininfo");
	si->shared_info = call.u.info.shared_info_frame << 12;
	si->flags = 0;
	si->store_mfn = si->store_evtchn = si->console_a = si->console_b = 0;
	si->cmd_line[0] = 0;
}

/* Fills the domain's first pages with what is in ours. */
static void copy_pages(const struct start_info *si, const ulong *list, ulong mapped)
{
	static u64 page[PAGE / 8];
	u64 *to = (u64 *)window;
	ulong tables = (si->pt_base - VIRT_BASE) >> 12;
	ulong fixed = ((ulong)window - VIRT_BASE) >> 12;
	ulong last = ((ulong)slot_area - VIRT_BASE) >> 12;
	ulong pfn;
	unsigned int i;

	for (pfn = 0; pfn < mapped; pfn++) {
		const u64 *from = (const u64 *)(VIRT_BASE + pfn * PAGE);

		unpeek();
		for (i = 0; i < PAGE / 8; i++)
			page[i] = pfn >= fixed && pfn < last ? 0 : from[i];
		if (pfn >= tables && pfn < tables + si->nr_pt_frames)
			translate(page, pfn == tables, list);
		if ((ulong)from == ((ulong)si & ~(PAGE - 1)))
			set_start_info((struct start_info *)((ulong)page + ((ulong)si & (PAGE - 1))));
		map_foreign(window, list[pfn]);
		for (i = 0; i < PAGE / 8; i++)
			to[i] = page[i];
	}
	unpeek();
}

static void start(const struct start_info *si, const ulong *list)
{
	static struct vcpu_context c;
	ulong root = list[(si->pt_base - VIRT_BASE) >> 12];
	struct mmuext_op pin = { EXT_PIN_L1 + LEVELS - 1, root, 0 };

	if (hypercall(HC_MMUEXT_OP, (ulong)&pin, 1, 0, domid, 0))
		die("pin a domU's root");
	c.flags = VGCF_IN_KERNEL | VGCF_ONLINE;
	c.rip = (ulong)_start;
	c.rsi = (ulong)si;
	c.rsp = c.kernel_sp = si->pt_base + (si->nr_pt_frames + 1) * PAGE;
	c.rflags = 0x200;
	c.cs = KERNEL_CS;
	c.ss = c.ds = c.es = c.kernel_ss = KERNEL_SS;
	c.ctrlreg[3] = root << 12;
	call.u.context.vcpu = 0;
	call.u.context.context = (ulong)&c;
	domctl(DOMCTL_SETVCPUCONTEXT, "setvcpucontext");
	domctl(DOMCTL_UNPAUSEDOMAIN, "unpausedomain");
}

/* Prints what has come; says whether anything had. */
static int print_on(void)
{
	u32 head = relay.head, tail = relay.tail, n;

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (head == tail)
		return 0;
	for (; tail != head; tail += n) {
		n = head - tail;
		if (n > RING - tail % RING)
			n = RING - tail % RING;
		if (n > 4096)
			n = 4096;
		hypercall(HC_CONSOLE_IO, CONSOLEIO_WRITE, n, (ulong)&ring[tail % RING], 0, 0);
		relay.tail = tail + n;
	}
	return 1;
}

static void answer_types(void)
{
	static ulong frames[POOL + BOOT_MAX];
	unsigned int i, n = relay.asks;

	for (i = 0; i < n; i++)
		frames[i] = relay.frame[i];
	call.u.frames.num = n;
	call.u.frames.array = (ulong)frames;
	domctl(DOMCTL_GETPAGEFRAMEINFO3, "types of a domU");
	for (i = 0; i < n; i++)
		relay.frame[i] = frames[i];
	__atomic_thread_fence(__ATOMIC_RELEASE);
	relay.asks = 0;
}

/* Serves the domU until it is no more. */
static void serve(void)
{
	for (;;) {
		int busy = print_on();

		if (relay.asks)
			answer_types();
		else if (!busy) {
			domctl(DOMCTL_GETDOMAININFO, "getdomaininfo");
			if (call.u.info.flags & DOMINF_SHUTDOWN)
				break;
		}
		yield();
	}
	print_on();
	if ((call.u.info.flags >> 16 & 255) == SHUTDOWN_CRASH)
		die("the domU has crashed");
	shutdown();
}

void run_domu(struct start_info *si)
{
	ulong *list = (ulong *)si->mfn_list;	/* ours is not needed any more */
	ulong mapped = mapped_pages(si);
	ulong i;

	create(si->nr_pages);
	populate(list, si->nr_pages);
	copy_pages(si, list, mapped);
	start(si, list);
	for (i = 0; i < sizeof(relay) + RING; i += PAGE)
		map_foreign((const u8 *)&relay + i,
			    list[((ulong)&relay + i - VIRT_BASE) >> 12]);
	serve();
}

#else

void run_domu(struct start_info *si)
{
	(void)si;
	die("there is no 32-bit domU");
}

#endif
