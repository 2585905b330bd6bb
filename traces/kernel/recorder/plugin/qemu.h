/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the recorder needs of QEMU: its plugin API, declared here so that no header of
 * QEMU's or glib's must be installed, and a few of QEMU's own functions that the API of
 * version 1 has nothing for. The latter are looked up by name when the plugin is loaded:
 * a QEMU that does not export them is refused with a sentence, not by the linker.
 *
 * API is the version of the plugin API to compile for: 1 (QEMU 4.2 to 8.1) or 4 (QEMU 9.2
 * and 10).
 */
#ifndef PTREC_QEMU_H
#define PTREC_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef API
#error "compile with -DAPI=1 or -DAPI=4"
#endif

typedef uint64_t plugin_id;
typedef uint32_t mem_info;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;

enum { CB_NO_REGS, CB_R_REGS, CB_RW_REGS };
enum { MEM_R = 1, MEM_W = 2, MEM_RW = 3 };

typedef void (*vcpu_cb)(unsigned vcpu, void *data);
typedef void (*mem_cb)(unsigned vcpu, mem_info info, uint64_t va, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, vcpu_cb, int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, vcpu_cb, int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, mem_cb, int flags, int rw, void *data);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
#if API >= 3
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *, void *, size_t);
#else
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
#endif
unsigned qemu_plugin_mem_size_shift(mem_info);
bool qemu_plugin_mem_is_store(mem_info);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(mem_info, uint64_t va);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *);

/* Registers by their numbers in QEMU's description for gdb. General registers have other
 * numbers there than in instructions: see guest.c. */
enum { REG_CR0 = 27, REG_CR3 = 29, REG_CR4 = 30, REG_EFER = 32 };

/* qemu_bind looks up what the API has nothing for. It returns NULL, or the name of what
 * this QEMU does not export. */
const char *qemu_bind(void);

/* phys_read copies n bytes of physical memory. */
void phys_read(uint64_t pa, void *to, size_t n);
/* virt_read copies n bytes of the virtual memory of a processor; false if they are not all
 * mapped. */
bool virt_read(unsigned vcpu, uint64_t va, void *to, size_t n);
/* reg_read is a register of a processor by its number for gdb. */
uint64_t reg_read(unsigned vcpu, int gdb);

#endif
