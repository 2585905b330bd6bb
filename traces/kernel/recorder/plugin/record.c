/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A plugin for QEMU's TCG that records what a kernel does to its page tables: each store to
 * one, each load of a root, flush and (under Xen) hypercall. docs/recordings.md describes
 * the lines that it writes.
 *
 * Arguments: frames=N the machine's physical memory in pages; low-end=ADDR where memory
 * below 4 GiB ends; fd=N the file to record to; learn=FILE instead of fd: learn for a second
 * boot; know=FILE what was learned; xen=on.
 */
#include <stdlib.h>
#include <string.h>

#include "record.h"

__attribute__((visibility("default"))) int qemu_plugin_version = API;
__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id, const void *, int, char **);

struct recorder rec = {.low_end = UINT64_MAX};
static const char *learn_path;
static bool second; /* a first boot has learned for this one */

/* Pages of virtual memory that are known to be of no interest, until tables change. */
enum { CACHE = 1 << 12 };
static struct {
	uint64_t page, when;
} dull[CACHE];

/* ---- effects of special instructions ---- */

static int paging_mode(const struct cpu *c)
{
	if (!(c->cr0 & CR0_PG))
		return 0;
	if (c->efer & EFER_LMA)
		return c->cr4 & CR4_LA57 ? 5 : 4;
	return c->cr4 & CR4_PAE ? 3 : 2;
}

/* set_mode notes a new paging mode. false: the processor that shows it is one on its way
 * up, which passes through modes of its own. */
static bool set_mode(int mode)
{
	if (mode == rec.mode)
		return true;
	if (rec.now != 0)
		return false;
	if (rec.out) {
		if (rec.mode)
			tables_check("mode");
		tables_forget();
		fprintf(event(), "M %d\n", mode);
	}
	rec.mode = mode;
	return true;
}

static void control_done(const struct site *s)
{
	struct cpu was = *now(), *c = now();
	c->cr0 = reg_read(rec.now, REG_CR0);
	c->cr3 = reg_read(rec.now, REG_CR3);
	c->cr4 = reg_read(rec.now, REG_CR4);
	c->efer = reg_read(rec.now, REG_EFER);
	bool same = was.cr0 == c->cr0 && was.cr3 == c->cr3 && was.cr4 == c->cr4 && was.efer == c->efer;
	bool paging = (was.cr0 | c->cr0) & CR0_PG;
	if (rec.out && paging && !(same && s->insn.special == WRMSR)) {
		fprintf(event(), "C %" PRIx64 " %d %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 "%s\n", s->rip, s->insn.cr,
			c->cr3, c->cr0, c->cr4, c->efer, same ? " same" : "");
		rec.total.controls++;
	}
	int mode = paging_mode(c);
	if (!mode || !set_mode(mode))
		return;
	if (!rec.out) {
		learn_root(c->cr3, was.cr3 == c->cr3);
		return;
	}
	tables_root(c->cr3);
	if (rec.xen && was.cr3 != c->cr3 && (was.cr0 & CR0_PG))
		tables_loaded(was.cr3);
}

static void invlpg_done(const struct site *s, bool exact)
{
	if (!rec.out || !rec.mode)
		return;
	bool known = s->insn.known && exact;
	uint64_t va = known ? gpr(s->insn.base) + (uint64_t)(int64_t)s->insn.disp : 0;
	fprintf(event(), "I %" PRIx64 " %" PRIx64 "%s\n", s->rip, long_mode() ? va : (uint32_t)va, known ? "" : " ?");
	rec.total.flushes++;
}

/* settle looks at what the last special instruction came to. exact: nothing has run since,
 * so that registers still hold its operands. */
static void settle(bool exact)
{
	const struct site *s = now()->due;
	now()->due = NULL;
	rec.tables_changed++;
	rec.total.late += !exact;
	switch (s->insn.special) {
	case CONTROL:
	case WRMSR:
		control_done(s);
		break;
	case INVLPG:
		invlpg_done(s, exact);
		break;
	case INVPCID:
		if (rec.out && rec.mode) {
			fprintf(event(), "P %" PRIx64 "\n", s->rip);
			rec.total.flushes++;
		}
		break;
	case SYSCALL:
		if (rec.out && exact)
			xen_hypercall(s->rip);
		break;
	case PLAIN:
		break;
	}
}

/* ---- callbacks ---- */

/* on_special runs in front of a special instruction. */
static void on_special(unsigned vcpu, void *site)
{
	if (vcpu >= MAX_CPUS)
		return;
	rec.now = vcpu;
	if (now()->due)
		settle(false);
	now()->due = site;
	rec.tables_changed++;
}

/* on_block runs in front of a block of code. QEMU 7.2 keeps registers in those of the host
 * while a block runs: what a plugin reads is exact between blocks only, and a special
 * instruction is the last of its block. */
static void on_block(unsigned vcpu, void *va)
{
	if (vcpu >= MAX_CPUS || !rec.cpu[vcpu].due)
		return;
	rec.now = vcpu;
	if (!rec.out)
		learn_block((uint64_t)va);
	settle(true);
}

/* on_answer runs in front of the block behind a hypercall. */
static void on_answer(unsigned vcpu, void *rip)
{
	rec.now = vcpu;
	xen_answer((uint64_t)rip);
}

static void on_guest_start(unsigned vcpu, void *unused)
{
	static bool started;
	(void)unused;
	if (started)
		return;
	started = true;
	rec.now = vcpu;
	xen_records("start");
}

/* physical is the physical address behind the handle that QEMU gives for an access. API 1
 * gives an offset into the machine's memory, which has a hole below 4 GiB. */
static uint64_t physical(const struct qemu_plugin_hwaddr *h)
{
	uint64_t pa = qemu_plugin_hwaddr_phys_addr(h);
#if API < 3
	if (pa >= rec.low_end)
		pa += (UINT64_C(1) << 32) - rec.low_end;
#endif
	return pa;
}

static void on_store(unsigned vcpu, mem_info info, uint64_t va, void *rip)
{
	if (!qemu_plugin_mem_is_store(info)) /* 7.2 reports loads too */
		return;
	uint64_t page = va >> 12;
	if (dull[page % CACHE].page == page && dull[page % CACHE].when == rec.tables_changed)
		return;
	struct qemu_plugin_hwaddr *h = qemu_plugin_get_hwaddr(info, va);
	if (vcpu >= MAX_CPUS || !h || qemu_plugin_hwaddr_is_io(h))
		return;
	rec.now = vcpu;
	rec.total.seen++;
	if (now()->due)
		settle(false);
	uint64_t pa = physical(h);
	if (!tables_of_interest(pa >> 12)) {
		dull[page % CACHE].page = page;
		dull[page % CACHE].when = rec.tables_changed;
		return;
	}
	tables_store((uint64_t)rip, pa >> 12, pa % PAGE, 1u << qemu_plugin_mem_size_shift(info), va);
}

/* ---- translation ---- */

/* Sites of Xen's hypercalls, by the address behind them. */
enum { MAX_CALLS = 1024 };
static uint64_t behind_call[MAX_CALLS];
static unsigned ncalls;

static bool is_behind_call(uint64_t va)
{
	for (unsigned i = 0; i < ncalls; i++)
		if (behind_call[i] == va)
			return true;
	return false;
}

/* call_site notes a hypercall. The blocks that were translated before it cannot be one
 * behind it that has run: what follows a syscall is reached through it. */
static void call_site(const struct site *s)
{
	uint64_t va = s->rip + s->size;
	if (!is_behind_call(va) && ncalls < MAX_CALLS)
		behind_call[ncalls++] = va;
}

static void translate_insn(struct qemu_plugin_insn *insn)
{
	size_t n = qemu_plugin_insn_size(insn);
	uint64_t va = qemu_plugin_insn_vaddr(insn);
#if API >= 3
	uint8_t bytes[16] = {0};
	const uint8_t *d = bytes;
	qemu_plugin_insn_data(insn, bytes, n < sizeof bytes ? n : sizeof bytes);
#else
	const uint8_t *d = qemu_plugin_insn_data(insn);
#endif
	struct insn in = decode(d, n, long_mode());
	if (in.may_store && rec.out)
		qemu_plugin_register_vcpu_mem_cb(insn, on_store, CB_NO_REGS, MEM_W, (void *)va);
	if (in.special == PLAIN || (in.special == SYSCALL && !(rec.xen && va >> 63)))
		return;
	struct site *s = malloc(sizeof *s); /* as long as QEMU has the block: for ever */
	if (!s)
		abort();
	*s = (struct site){va, n, in};
	if (in.special == SYSCALL)
		call_site(s);
	if (!rec.out)
		learn_block(va + n);
	qemu_plugin_register_vcpu_insn_exec_cb(insn, on_special, CB_NO_REGS, s);
}

/* XEN_GUEST is where a guest's kernel may lie: behind Xen's own sixteen slots. */
#define XEN_GUEST UINT64_C(0xffff880000000000)

static void translate(plugin_id id, struct qemu_plugin_tb *tb)
{
	(void)id;
	uint64_t va = qemu_plugin_tb_vaddr(tb);
	if (rec.out ? !second || learned_block(va) : rec.xen)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, CB_R_REGS, (void *)va);
	if (rec.xen && rec.out && va >= XEN_GUEST)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, on_guest_start, CB_R_REGS, NULL);
	if (rec.out && is_behind_call(va))
		qemu_plugin_register_vcpu_tb_exec_cb(tb, on_answer, CB_R_REGS, (void *)va);
	for (size_t i = 0, n = qemu_plugin_tb_n_insns(tb); i < n; i++)
		translate_insn(qemu_plugin_tb_get_insn(tb, i));
}

static void finish(plugin_id id, void *unused)
{
	(void)id, (void)unused;
	if (learn_path) {
		if (!learn_save(learn_path))
			fprintf(stderr, "ptrec: %s cannot be written\n", learn_path);
		return;
	}
	if (rec.xen)
		xen_records("end");
	tables_check("end");
	fprintf(rec.out,
		"# end stores %" PRIu64 " controls %" PRIu64 " flushes %" PRIu64 " hypercalls %" PRIu64 " tables %" PRIu64
		" most %" PRIu64 " accessed %" PRIu64 " checks %" PRIu64 " differences %" PRIu64 " early %" PRIu64
		" late %" PRIu64 " seen %" PRIu64 "\n",
		rec.total.stores, rec.total.controls, rec.total.flushes, rec.total.hypercalls, rec.total.tables,
		rec.total.most, rec.total.accessed, rec.total.checks, rec.total.differences, rec.total.early,
		rec.total.late, rec.total.seen);
	fclose(rec.out);
}

static bool is_named(const char *arg, size_t n, const char *name)
{
	return strlen(name) == n && !memcmp(arg, name, n);
}

/* argument takes one "name=value"; it returns what is wrong with it, or NULL. */
static const char *argument(const char *arg, const char **know)
{
	const char *value = strchr(arg, '=');
	size_t n = value ? (size_t)(value++ - arg) : strlen(arg);
	if (!value)
		return "has no value";
	if (is_named(arg, n, "frames"))
		rec.frames = strtoull(value, NULL, 0);
	else if (is_named(arg, n, "low-end"))
		rec.low_end = strtoull(value, NULL, 0);
	else if (is_named(arg, n, "fd"))
		rec.out = fdopen(atoi(value), "w");
	else if (is_named(arg, n, "learn"))
		learn_path = strdup(value);
	else if (is_named(arg, n, "know"))
		*know = strdup(value);
	else if (is_named(arg, n, "xen"))
		rec.xen = !strcmp(value, "on");
	else
		return "is none of the recorder's";
	return NULL;
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
	(void)info;
	const char *know = NULL, *missing = qemu_bind();
	if (missing) {
		fprintf(stderr, "ptrec: this QEMU does not export %s\n", missing);
		return -1;
	}
	for (int i = 0; i < argc; i++) {
		const char *wrong = argument(argv[i], &know);
		if (wrong) {
			fprintf(stderr, "ptrec: the argument %s %s\n", argv[i], wrong);
			return -1;
		}
	}
	if (!rec.frames || !rec.out == !learn_path || !learn_init(know) || (rec.out && !tables_init())) {
		fprintf(stderr, "ptrec: want frames=N, and fd=N or learn=FILE, that can be opened\n");
		return -1;
	}
	second = know != NULL;
	if (rec.out)
		setvbuf(rec.out, NULL, _IOFBF, 1 << 20);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
