/*
 * How a domain without privileges is heard: it has no console, and may not ask Xen
 * for the types of its frames. What it prints goes through pages that dom0 shares
 * and prints on, and dom0 asks Xen for it.
 */
#include "guest.h"

volatile struct relay relay FIXED(".page3");
volatile u8 ring[RING] FIXED(".page4");

int is_domu;

void yield(void)
{
	hypercall(HC_SCHED_OP, SCHEDOP_YIELD, 0, 0, 0, 0);
}

/* Of the domU: hands output on. */
void relay_write(const char *text, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		while (relay.head - relay.tail == RING)
			yield();
		ring[relay.head % RING] = text[i];
		__atomic_thread_fence(__ATOMIC_RELEASE);
		relay.head++;
	}
}

/* Of the domU: has dom0 fill in types. */
void relay_types(ulong *types, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		relay.frame[i] = types[i];
	__atomic_thread_fence(__ATOMIC_RELEASE);
	relay.asks = n;
	while (relay.asks)
		yield();
	for (i = 0; i < n; i++)
		types[i] = relay.frame[i];
}
