/* Start of day: traps, the pool of frames, the boot tables and a report. */
#include "guest.h"

static u8 shared_page[PAGE] FIXED(".page1");

static void trap_setup(void)
{
	static struct trap_info traps[] = {
		{ 6, 4, KERNEL_CS, (ulong)trap6 },
		{ 13, 4, KERNEL_CS, (ulong)trap13 },
		{ 14, 4, KERNEL_CS, (ulong)trap14 },
		{ 0, 0, 0, 0 },
	};

	if (hypercall(HC_SET_TRAP_TABLE, (ulong)traps, 0, 0, 0, 0))
		die("set_trap_table");
}

static void frame_setup(void)
{
	const ulong *p2m = (const ulong *)m.si->mfn_list;
	ulong pfn = (m.si->pt_base - VIRT_BASE) >> 12;
	unsigned int i;

	if (va_mapping((ulong)shared_page, m.si->shared_info | PTE_PRESENT | PTE_RW,
		       UVMF_INVLPG))
		die("shared_info");
	m.shared = (void *)shared_page;
	m.shared_mfn = m.si->shared_info >> 12;
	m.next_pfn = m.si->nr_pages;
	for (i = 0; i < POOL; i++)
		m.pool[i] = spare_frame();
	m.nboot = m.si->nr_pt_frames < BOOT_MAX ? m.si->nr_pt_frames : BOOT_MAX;
	for (i = 0; i < m.nboot; i++)
		m.boot[i] = p2m[pfn + i];
}

static unsigned int boot_index(ulong mfn)
{
	unsigned int i;

	for (i = 0; i < m.nboot; i++)
		if (m.boot[i] == mfn)
			return i;
	die("a boot table outside the boot tables");
}

/* Walks from the root, boot frame 0, down to the L1 of the slots. */
static void table_setup(void)
{
	ulong va = (ulong)slot_area;
	unsigned int i = 0, l;

	for (l = LEVELS; l; l--) {
		m.table_mfn[l] = m.boot[i];
		m.table[l] = (u64 *)(m.si->pt_base + i * PAGE);
		if (l == XEN_LEVEL)
			m.xen_mfn = pte_mfn(m.table[l][XEN_FIRST]);
		if (l > 1)
			i = boot_index(pte_mfn(m.table[l][va >> (3 + 9 * l) & 511]));
	}
	m.root = m.table_mfn[LEVELS];
}

static void boot_setup(struct start_info *si)
{
	unsigned int i, l;

	m.si = si;
	trap_setup();
	frame_setup();
	table_setup();
	for (i = 0; i < SLOTS; i++)
		va_mapping((ulong)slot_area[i], 0, UVMF_NONE);
	unpeek();
	for (l = 1; l <= LEVELS; l++)
		for (i = 0; i < ENTRIES; i++)
			m.pristine[l][i] = m.table[l][i];
}

static void report_start_info(void)
{
	put_str("I magic=");
	put_str(m.si->magic);
	put_str(" pages=");
	put_dec(m.si->nr_pages);
	put_str(" flags=");
	put_hex(m.si->flags);
	put_str(" pt_base=");
	put_hex(m.si->pt_base);
	put_str(" pt_frames=");
	put_dec(m.si->nr_pt_frames);
	put_str(" mfn_list=");
	put_hex(m.si->mfn_list);
	put_str(" mod=");
	put_hex(m.si->mod_start);
	put_char('+');
	put_hex(m.si->mod_len);
	put_str(" start_info=");
	put_hex((ulong)m.si);
	put_str(" slots=");
	put_hex((ulong)slot_area);
	put_str(" cmdline=");
	put_str(m.si->cmd_line);
	put_char('\n');
}

static void put_indexed(const u64 *t, unsigned int i)
{
	put_str(" [");
	put_dec(i);
	put_str("]=");
	put_entry(t[i]);
}

/* One boot table: its type, how many entries, the first and the last. */
static void report_table(unsigned int b)
{
	const u64 *t = (const u64 *)(m.si->pt_base + b * PAGE);
	unsigned int i, n = 0, rw = 0, first = 0, last = 0;

	for (i = 0; i < ENTRIES; i++) {
		if (!t[i] || (type_level(types[POOL + b]) == 4 && !guest_slot(4, i)))
			continue;
		if (!n++)
			first = i;
		last = i;
		rw += !!(t[i] & PTE_RW);
	}
	put_str("I b");
	put_dec(b);
	put_char(' ');
	put_type(types[POOL + b]);
	put_str(" entries=");
	put_dec(n);
	put_str(" rw=");
	put_dec(rw);
	if (n) {
		put_indexed(t, first);
		put_indexed(t, last);
	}
	put_char('\n');
}

/* Describes what Xen hands over: start_info and its initial tables. */
static void boot_report(void)
{
	unsigned int i;

	report_start_info();
	put_str("I path");
	for (i = LEVELS; i; i--) {
		put_str(" k");
		put_dec(i);
		put_char('=');
		put_frame(m.table_mfn[i]);
	}
	put_str("\nI types rc=");
	put_dec(types_get());
	put_types(POOL, m.nboot, 'b');
	put_char('\n');
	for (i = 0; i < m.nboot; i++)
		report_table(i);
	put_flush();
}

void guest_main(struct start_info *si)
{
	is_domu = !(si->flags & SIF_INITDOMAIN);
	if (!is_domu && str_eq(si->cmd_line, "domU"))
		run_domu(si);
	put_str("HELLO ptexec ");
	put_dec(LEVELS);
	put_str(" levels\n");
	put_flush();
	boot_setup(si);
	boot_report();
	if (reset())
		die("the pool is not clean");
	if (si->mod_len)
		run_script((const char *)si->mod_start, si->mod_len);
	put_str(m.quiet < 2 ? "END\n" : "\nEND\n");
	put_total();
	shutdown();
}
