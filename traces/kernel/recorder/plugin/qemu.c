/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * QEMU's own functions, by name.
 */
#define _GNU_SOURCE
#include "qemu.h"

#include <dlfcn.h>
#include <string.h>

struct byte_array { /* GByteArray */
	uint8_t *data;
	unsigned len;
};

static void *(*get_cpu)(int);
static void (*physical_memory_rw)(uint64_t pa, void *buf, uint64_t len, bool write);
static int (*memory_rw_debug)(void *cpu, uint64_t va, void *buf, uint64_t len, bool write);
static int (*gdb_read_register)(void *cpu, struct byte_array *, int reg);
static struct byte_array *(*array_new)(void);
static struct byte_array *(*array_set_size)(struct byte_array *, unsigned);

const char *qemu_bind(void)
{
	static const struct {
		const char *name;
		void *where;
	} want[] = {
		{"qemu_get_cpu", &get_cpu},
		{"cpu_physical_memory_rw", &physical_memory_rw},
		{"cpu_memory_rw_debug", &memory_rw_debug},
		{"x86_cpu_gdb_read_register", &gdb_read_register},
		{"g_byte_array_new", &array_new},
		{"g_byte_array_set_size", &array_set_size},
	};
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		void *f = dlsym(RTLD_DEFAULT, want[i].name);
		if (!f)
			return want[i].name;
		memcpy(want[i].where, &f, sizeof f);
	}
	return NULL;
}

void phys_read(uint64_t pa, void *to, size_t n) { physical_memory_rw(pa, to, n, false); }

bool virt_read(unsigned vcpu, uint64_t va, void *to, size_t n)
{
	return memory_rw_debug(get_cpu((int)vcpu), va, to, n, false) == 0;
}

uint64_t reg_read(unsigned vcpu, int gdb)
{
	static struct byte_array *array;
	if (!array)
		array = array_new();
	array_set_size(array, 0);
	int n = gdb_read_register(get_cpu((int)vcpu), array, gdb);
	uint64_t v = 0;
	memcpy(&v, array->data, n < 0 ? 0 : n > 8 ? 8 : (size_t)n);
	return v;
}
