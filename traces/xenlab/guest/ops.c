/*
 * The operations. A table gives each its name, the kinds of its arguments and
 * a function; arguments are read before the function runs:
 *
 *	A address, E entry, F frame, Z frame or 0, N number, W word;
 *	a trailing + repeats the last two kinds.
 */
#include "guest.h"

#define ARGS 20

struct args {
	u64 v[ARGS];
	unsigned int n;
};

static long op_reset(const struct args *a)
{
	(void)a;
	return reset();
}

static long op_map(const struct args *a)
{
	return va_mapping(a->v[0], a->v[1], UVMF_INVLPG);
}

static long op_mapnf(const struct args *a)
{
	return va_mapping(a->v[0], a->v[1], UVMF_NONE);
}

static long op_w(const struct args *a)
{
	return probe_store8(a->v[0] + a->v[1] * 8, a->v[2]);
}

static long op_w4(const struct args *a)
{
	return probe_store4(a->v[0] + a->v[1] * 8, a->v[2]);
}

static long op_x(const struct args *a)
{
	return probe_xchg8(a->v[0] + a->v[1] * 8, a->v[2]);
}

static long op_or(const struct args *a)
{
	return probe_or8(a->v[0] + a->v[1] * 8, a->v[2]);
}

static long op_r(const struct args *a)
{
	u64 v;
	int faulted = probe_load8(a->v[0] + a->v[1] * 8, &v);

	if (!faulted) {
		put_char(' ');
		put_entry(v);
	}
	return faulted;
}

static long op_mu(const struct args *a)
{
	return mmu_update(a->v[0], a->v[1], a->v[2], MMU_NORMAL);
}

static long op_mua(const struct args *a)
{
	return mmu_update(a->v[0], a->v[1], a->v[2], MMU_PRESERVE_AD);
}

static long op_mus(const struct args *a)
{
	struct mmu_update u[ARGS / 2];
	unsigned int i, n = (a->n - 1) / 2;
	u32 done = 0;
	long rc;

	for (i = 0; i < n; i++) {
		u[i].ptr = (a->v[0] << 12) + a->v[1 + 2 * i] * 8;
		u[i].val = a->v[2 + 2 * i];
	}
	rc = hypercall(HC_MMU_UPDATE, (ulong)u, n, (ulong)&done, DOMID_SELF, 0);
	put_str(" done=");
	put_dec(done);
	return rc;
}

static long op_pin(const struct args *a)
{
	return mmuext(EXT_PIN_L1 + a->v[0] - 1, a->v[1], 0);
}

static long op_unpin(const struct args *a)
{
	return mmuext(EXT_UNPIN, a->v[0], 0);
}

static long op_cr3_anyway(const struct args *a)
{
	long rc = mmuext(EXT_NEW_BASEPTR, a->v[0], 0);

	if (!rc)
		m.root = a->v[0];
	return rc;
}

/* Steps only into a table in which the guest's own region has an entry. */
static long op_cr3(const struct args *a)
{
	unsigned int slot = (ulong)slot_area >> (3 + 9 * LEVELS) & 511;
	const u64 *t;
	u64 pte = 0;

	if (!peek(a->v[0], &t))
		pte = t[slot];
	unpeek();
	if (!(pte & PTE_PRESENT)) {
		put_str(" unsafe");
		return RC_SKIPPED;
	}
	return op_cr3_anyway(a);
}

static long op_ucr3(const struct args *a)
{
	m.user_root_set = 1;
	return mmuext(EXT_NEW_USER_BASEPTR, a->v[0], 0);
}

static long op_flush(const struct args *a)
{
	(void)a;
	return mmuext(EXT_TLB_FLUSH_LOCAL, 0, 0);
}

static long op_invlpg(const struct args *a)
{
	return mmuext(EXT_INVLPG_LOCAL, a->v[0], 0);
}

static long op_clear(const struct args *a)
{
	return mmuext(EXT_CLEAR_PAGE, a->v[0], 0);
}

static long op_copy(const struct args *a)
{
	return mmuext(EXT_COPY_PAGE, a->v[0], a->v[1]);
}

static long op_gdt(const struct args *a)
{
	ulong mfn = a->v[0];
	long rc = hypercall(HC_SET_GDT, (ulong)&mfn, 512, 0, 0, 0);

	m.gdt_set |= !rc;
	return rc;
}

static long op_ldt(const struct args *a)
{
	return mmuext(EXT_SET_LDT, a->v[0], a->v[1]);
}

static long op_assist(const struct args *a)
{
	return hypercall(HC_VM_ASSIST, a->v[1] ? VMASST_ENABLE : VMASST_DISABLE,
			 a->v[0], 0, 0, 0);
}

static long op_get(const struct args *a)
{
	const u64 *t;
	long rc;

	if (a->v[1] >= ENTRIES)
		return RC_SYNTAX;
	rc = peek(a->v[0], &t);
	if (!rc) {
		put_char(' ');
		put_entry(t[a->v[1]]);
	}
	unpeek();
	return rc;
}

static long op_dump(const struct args *a)
{
	unsigned int i, shown = 0;
	const u64 *t;
	long rc = peek(a->v[0], &t);

	for (i = 0; !rc && i < ENTRIES && shown < 64; i++)
		if (t[i]) {
			put_str(" [");
			put_dec(i);
			put_str("]=");
			put_entry(t[i]);
			shown++;
		}
	unpeek();
	return rc;
}

static long op_types(const struct args *a)
{
	long rc = types_get();

	(void)a;
	put_types(0, POOL, 'f');
	return rc;
}

static long op_btypes(const struct args *a)
{
	long rc = types_get();

	(void)a;
	put_types(POOL, m.nboot, 'b');
	return rc;
}

static long op_bench(const struct args *a)
{
	return bench((const char *)(ulong)a->v[0], a->v[1]);
}

/* Says what the guest is; whoever starts it has looked. */
static long op_guest(const struct args *a)
{
	(void)a;
	return 0;
}

static long op_quiet(const struct args *a)
{
	m.quiet = a->v[0];
	return 0;
}

static const struct op {
	const char *name, *kinds;
	long (*run)(const struct args *a);
} ops[] = {
	{ "reset", "", op_reset },
	{ "map", "AE", op_map },
	{ "mapnf", "AE", op_mapnf },
	{ "w", "ANE", op_w },
	{ "w4", "ANE", op_w4 },
	{ "x", "ANE", op_x },
	{ "or", "ANE", op_or },
	{ "r", "AN", op_r },
	{ "mu", "FNE", op_mu },
	{ "mua", "FNE", op_mua },
	{ "mus", "FNE+", op_mus },
	{ "pin", "NF", op_pin },
	{ "unpin", "F", op_unpin },
	{ "cr3", "F", op_cr3 },
	{ "cr3!", "F", op_cr3_anyway },
	{ "ucr3", "Z", op_ucr3 },
	{ "flush", "", op_flush },
	{ "invlpg", "A", op_invlpg },
	{ "clear", "F", op_clear },
	{ "copy", "FF", op_copy },
	{ "gdt", "F", op_gdt },
	{ "ldt", "AN", op_ldt },
	{ "assist", "NN", op_assist },
	{ "get", "FN", op_get },
	{ "dump", "F", op_dump },
	{ "types", "", op_types },
	{ "btypes", "", op_btypes },
	{ "bench", "WN", op_bench },
	{ "guest", "W", op_guest },
	{ "quiet", "N", op_quiet },
};

static int read_arg(char kind, const char *s, u64 *out)
{
	switch (kind) {
	case 'A':
		return read_address(s, out);
	case 'E':
		return read_entry(s, out);
	case 'F':
		return read_frame(s, out);
	case 'Z':
		*out = 0;
		return str_eq(s, "0") || read_frame(s, out);
	case 'N':
		return read_number(s, out);
	case 'W':
		*out = (ulong)s;
		return 1;
	}
	return 0;
}

/* Reads n words as the given kinds; 0 when there are too many or too few. */
static int read_args(const char *kind, char **word, unsigned int n, struct args *a)
{
	for (a->n = 0; a->n < n && a->n < ARGS; a->n++) {
		if (*kind == '+')
			kind -= 2;
		if (!read_arg(*kind++, word[a->n], &a->v[a->n]))
			return 0;
	}
	return a->n == n && (!*kind || *kind == '+');
}

/* Runs the operation word[0]; prints what follows " =" before its result. */
long run_op(char **word, unsigned int n)
{
	struct args a;
	unsigned int i;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (str_eq(word[0], ops[i].name))
			return read_args(ops[i].kinds, word + 1, n - 1, &a) ?
			       ops[i].run(&a) : RC_SYNTAX;
	return RC_SYNTAX;
}
