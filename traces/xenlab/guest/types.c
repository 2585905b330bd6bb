/* Xen's own view of the frames: DOMCTL_getpageframeinfo3. */
#include "guest.h"

ulong types[POOL + BOOT_MAX];

/* The interface version differs per Xen release: search downwards, once. */
long domctl_any_version(struct domctl *d)
{
	static u32 version = 0x20;
	long rc;

	for (;; version--) {
		d->version = version;
		rc = hypercall(HC_DOMCTL, (ulong)d, 0, 0, 0, 0);
		if (rc != -EACCES || version == 1)
			return rc;
	}
}

long types_get(void)
{
	static struct domctl d;
	unsigned int i;
	long rc;

	for (i = 0; i < POOL; i++)
		types[i] = m.pool[i];
	for (i = 0; i < m.nboot; i++)
		types[POOL + i] = m.boot[i];
	if (is_domu) {
		relay_types(types, POOL + m.nboot);
		return 0;
	}
	d.cmd = DOMCTL_GETPAGEFRAMEINFO3;
	d.domain = DOMID_SELF;
	d.u.frames.num = POOL + m.nboot;
	d.u.frames.array = (ulong)types;
	rc = domctl_any_version(&d);
	if (rc == -ESRCH) {		/* older than DOMID_SELF in domctls */
		d.domain = 0;
		rc = domctl_any_version(&d);
	}
	return rc;
}

/* 1..4 for a validated table; 7 for a frame that is not ours. */
int type_level(ulong type)
{
	return type >> 28 & 7;
}

int type_pinned(ulong type)
{
	return type >> 31 & 1;
}

void put_type(ulong type)
{
	if (type_level(type) == 7) {
		put_str("alien");
		return;
	}
	if (type_level(type)) {
		put_char('L');
		put_dec(type_level(type));
	} else {
		put_char('-');
	}
	if (type_pinned(type))
		put_str("pin");
}

void put_types(unsigned int from, unsigned int n, char name)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (types[from + i] >> 28) {
			put_char(' ');
			put_char(name);
			put_dec(i);
			put_char('=');
			put_type(types[from + i]);
		}
}
