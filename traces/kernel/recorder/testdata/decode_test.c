/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Instructions as a disassembler shows them, and what the recorder must make of them.
 */
#include <stdio.h>
#include <string.h>

#include "decode.h"

struct test {
	const char *text;
	unsigned char bytes[16];
	size_t n;
	bool long_mode, may_store;
	enum special special;
};

#define STORES(text, mode, ...) {text, {__VA_ARGS__}, sizeof((unsigned char[]){__VA_ARGS__}), mode, true, PLAIN}
#define READS(text, mode, ...) {text, {__VA_ARGS__}, sizeof((unsigned char[]){__VA_ARGS__}), mode, false, PLAIN}
#define SPECIAL(text, kind, mode, ...) {text, {__VA_ARGS__}, sizeof((unsigned char[]){__VA_ARGS__}), mode, false, kind}

static const struct test tests[] = {
	STORES("mov %rsi,(%rdi)", true, 0x48, 0x89, 0x37),
	STORES("mov %rax,0x8(%rbp)", true, 0x48, 0x89, 0x45, 0x08),
	STORES("mov %edi,0x4(%edx)", false, 0x89, 0x7a, 0x04),
	STORES("movl $0,(%edx)", false, 0xc7, 0x02, 0, 0, 0, 0),
	STORES("xchg %rax,(%rdi)", true, 0x48, 0x87, 0x07),
	STORES("lock cmpxchg %rcx,(%rdx)", true, 0xf0, 0x48, 0x0f, 0xb1, 0x0a),
	STORES("lock cmpxchg8b (%esi)", false, 0xf0, 0x0f, 0xc7, 0x0e),
	STORES("lock andb $0xfd,(%rdi)", true, 0xf0, 0x80, 0x27, 0xfd),
	STORES("lock btr %rax,(%rdi)", true, 0xf0, 0x48, 0x0f, 0xb3, 0x07),
	STORES("rep stos %rax,(%rdi)", true, 0xf3, 0x48, 0xab),
	STORES("rep movsq", true, 0xf3, 0x48, 0xa5),
	STORES("mov %eax,0xc1e98018", false, 0xa3, 0x18, 0x80, 0xe9, 0xc1),
	STORES("movaps %xmm0,(%rdi)", true, 0x0f, 0x29, 0x07),
	STORES("or %rax,(%rsp,%rcx,8)", true, 0x48, 0x09, 0x04, 0xcc),
	STORES("mov %rax,(%r12)", true, 0x49, 0x89, 0x04, 0x24),
	STORES("movbe %rax,(%rdi)", true, 0x48, 0x0f, 0x38, 0xf1, 0x07),
	STORES("incl (%rdi)", true, 0xff, 0x07),
	READS("mov (%rdi),%rax", true, 0x48, 0x8b, 0x07),
	READS("mov %rsi,%rdi", true, 0x48, 0x89, 0xf7),
	READS("cmp %rax,(%rdi)", true, 0x48, 0x39, 0x07),
	READS("testb $1,(%rdi)", true, 0xf6, 0x07, 0x01),
	READS("cmpq $0,(%rdi)", true, 0x48, 0x83, 0x3f, 0x00),
	READS("push %rbp", true, 0x55),
	READS("call", true, 0xe8, 0, 0, 0, 0),
	READS("call *0x8(%rax)", true, 0xff, 0x50, 0x08),
	READS("mov %rax,0x18(%rsp)", true, 0x48, 0x89, 0x44, 0x24, 0x18),
	READS("mov %edi,0x3(%rsp)", true, 0x89, 0x7c, 0x24, 0x03),
	READS("inc %eax", false, 0x40),
	READS("movzwl (%rdi),%eax", true, 0x0f, 0xb7, 0x07),
	READS("lea 0x1000(%rcx),%rbx", true, 0x48, 0x8d, 0x99, 0, 0x10, 0, 0),
	READS("mov %cr3,%rax", true, 0x0f, 0x20, 0xd8),
	READS("mov %rax,%cr8", true, 0x44, 0x0f, 0x22, 0xc0),
	SPECIAL("mov %rax,%cr3", CONTROL, true, 0x0f, 0x22, 0xd8),
	SPECIAL("mov %eax,%cr0", CONTROL, false, 0x0f, 0x22, 0xc0),
	SPECIAL("syscall", SYSCALL, true, 0x0f, 0x05),
};

static int failed;

static void check(bool ok, const char *text, const char *what)
{
	if (ok)
		return;
	printf("%s: %s\n", text, what);
	failed = 1;
}

static void flushes(void)
{
	static const unsigned char rdi[] = {0x0f, 0x01, 0x3f}, r12b[] = {0x41, 0x0f, 0x01, 0x7d, 0xf0},
				   sib[] = {0x0f, 0x01, 0x3c, 0x24}, swapgs[] = {0x0f, 0x01, 0xf8}, pcid[] = {0x66, 0x0f, 0x38, 0x82, 0x04, 0x24};
	struct insn in = decode(rdi, sizeof rdi, true);
	check(in.special == INVLPG && in.known && in.base == 7 && in.disp == 0, "invlpg (%rdi)", "not decoded");
	in = decode(r12b, sizeof r12b, true);
	check(in.special == INVLPG && in.known && in.base == 13 && in.disp == -16, "invlpg -0x10(%r13)", "not decoded");
	in = decode(sib, sizeof sib, true);
	check(in.special == INVLPG && !in.known, "invlpg (%rsp)", "not told apart");
	check(decode(swapgs, sizeof swapgs, true).special == PLAIN, "swapgs", "taken for a flush");
	check(decode(pcid, sizeof pcid, true).special == INVPCID, "invpcid", "not seen");
}

int main(void)
{
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
		const struct test *t = &tests[i];
		struct insn in = decode(t->bytes, t->n, t->long_mode);
		check(in.special == t->special, t->text, "of another kind");
		if (t->special == PLAIN)
			check(in.may_store == t->may_store, t->text, t->may_store ? "stores" : "does not store to tables");
		for (size_t n = 0; n < t->n; n++)
			decode(t->bytes, n, t->long_mode); /* cut short: any answer will do */
	}
	flushes();
	return failed;
}
