/*
 * Frames, entries and addresses as text. Frames have symbolic names, so that
 * neither scripts nor results depend on machine addresses.
 */
#include "guest.h"

static const struct { char name; u8 bit; } flag_names[] = {
	{ 'P', 0 }, { 'W', 1 }, { 'U', 2 }, { 'T', 3 }, { 'C', 4 }, { 'A', 5 },
	{ 'D', 6 }, { 'S', 7 }, { 'G', 8 }, { 'a', 9 }, { 'b', 10 }, { 'c', 11 },
	{ 'K', 52 }, { 'X', 63 },
};
#define NFLAGS (sizeof(flag_names) / sizeof(flag_names[0]))

int str_eq(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* Reads digits at *s and moves it behind them; returns how many there were. */
static int digits(const char **s, u64 *out)
{
	unsigned int base = 10, d;
	int n = 0;

	if ((*s)[0] == '0' && (*s)[1] == 'x') {
		base = 16;
		*s += 2;
	}
	for (*out = 0;; n++, (*s)++) {
		if (**s >= '0' && **s <= '9')
			d = **s - '0';
		else if (base == 16 && **s >= 'a' && **s <= 'f')
			d = **s - 'a' + 10;
		else
			return n;
		*out = *out * base + d;
	}
}

int read_number(const char *s, u64 *out)
{
	return digits(&s, out) && !*s;
}

static int pick(const ulong *from, u64 i, u64 n, u64 *out)
{
	if (i >= n)
		return 0;
	*out = from[i];
	return 1;
}

/* Reads a frame name at *s and moves it behind the name. */
static int frame_name(const char **s, u64 *out)
{
	char kind = *(*s)++;
	u64 i;

	if (kind == 'x' || kind == 'h') {
		*out = kind == 'x' ? m.xen_mfn : m.shared_mfn;
		return 1;
	}
	if (!digits(s, &i))
		return 0;
	switch (kind) {
	case 'f':
		return pick(m.pool, i, POOL, out);
	case 'b':
		return pick(m.boot, i, m.nboot, out);
	case 'k':
		return i && pick(m.table_mfn, i, LEVELS + 1, out);
	case 'm':
		*out = i;
		return 1;
	}
	return 0;
}

int read_frame(const char *s, u64 *out)
{
	return frame_name(&s, out) && !*s;
}

static int flag_bit(char c, u64 *flags)
{
	unsigned int i;

	for (i = 0; i < NFLAGS; i++)
		if (flag_names[i].name == c) {
			*flags |= 1ull << flag_names[i].bit;
			return 1;
		}
	return 0;
}

/* An entry is FRAME:FLAGS, FRAME:FLAGS+0xBITS, or a number. */
int read_entry(const char *s, u64 *out)
{
	u64 mfn, flags = 0, more = 0;

	if (*s >= '0' && *s <= '9')
		return read_number(s, out);
	if (!frame_name(&s, &mfn) || *s++ != ':')
		return 0;
	for (; *s && *s != '+'; s++)
		if (!flag_bit(*s, &flags))
			return 0;
	if (*s == '+' && !read_number(s + 1, &more))
		return 0;
	*out = make_pte(mfn, flags | more);
	return 1;
}

/* An address is sN or a number. */
int read_address(const char *s, u64 *out)
{
	if (*s != 's')
		return read_number(s, out);
	if (!read_number(s + 1, out) || *out >= SLOTS)
		return 0;
	*out = (ulong)slot_area[*out];
	return 1;
}

static int put_named(const ulong *from, unsigned int n, char name, ulong mfn)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (from[i] == mfn) {
			put_char(name);
			put_dec(i);
			return 1;
		}
	return 0;
}

void put_frame(ulong mfn)
{
	if (mfn == m.xen_mfn) {
		put_char('x');
	} else if (mfn == m.shared_mfn) {
		put_char('h');
	} else if (!put_named(m.pool, POOL, 'f', mfn) &&
		   !put_named(m.boot, m.nboot, 'b', mfn)) {
		put_char('m');
		put_hex(mfn);
	}
}

void put_entry(u64 pte)
{
	u64 rest = pte & ~PTE_FRAME;
	unsigned int i;

	if (!pte) {
		put_char('0');
		return;
	}
	put_frame(pte_mfn(pte));
	put_char(':');
	for (i = 0; i < NFLAGS; i++)
		if (rest >> flag_names[i].bit & 1) {
			put_char(flag_names[i].name);
			rest &= ~(1ull << flag_names[i].bit);
		}
	if (rest) {
		put_char('+');
		put_hex(rest);
	}
}
