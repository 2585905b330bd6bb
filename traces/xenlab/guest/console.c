/* Output through Xen's console, and the two ways to stop. */
#include "guest.h"

static char buffer[8192];
static unsigned int used;
static ulong written;

void put_flush(void)
{
	if (is_domu)
		relay_write(buffer, used);
	else if (used)
		hypercall(HC_CONSOLE_IO, CONSOLEIO_WRITE, used, (ulong)buffer, 0, 0);
	written += used;
	used = 0;
}

/* Xen drops output when nobody takes it: the reader compares the lengths. */
void put_total(void)
{
	put_flush();
	put_str("TOTAL ");
	put_dec(written);
	put_char('\n');
}

void put_char(char c)
{
	buffer[used++] = c;
	if (used == sizeof(buffer))
		put_flush();
}

void put_str(const char *s)
{
	while (*s)
		put_char(*s++);
}

void put_hex(u64 v)
{
	int shift = 60;

	put_str("0x");
	while (shift && !(v >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		put_char("0123456789abcdef"[v >> shift & 15]);
}

void put_dec(long v)
{
	ulong u = v < 0 ? -(ulong)v : (ulong)v;
	char digit[24];
	int n = 0;

	if (v < 0)
		put_char('-');
	do
		digit[n++] = '0' + u % 10;
	while (u /= 10);
	while (n)
		put_char(digit[--n]);
}

/* A reboot makes QEMU exit (-no-reboot); a poweroff would only halt Xen. */
void shutdown(void)
{
	u32 reason = SHUTDOWN_REBOOT;

	put_flush();
	for (;;)
		hypercall(HC_SCHED_OP, SCHEDOP_SHUTDOWN, (ulong)&reason, 0, 0, 0);
}

void die(const char *why)
{
	put_str("FATAL ");
	put_str(why);
	put_char('\n');
	shutdown();
}

/* A fault outside a probe: the script has broken the guest's own tables. */
void __attribute__((noreturn)) fatal_trap(ulong ip)
{
	put_str("FATAL trap ");
	put_dec(fault_vec);
	put_str(" err ");
	put_hex(fault_err);
	put_str(" ip ");
	put_hex(ip);
	put_str(" cr2 ");
	put_hex(m.shared ? m.shared->cr2 : 0);
	put_char('\n');
	shutdown();
}
