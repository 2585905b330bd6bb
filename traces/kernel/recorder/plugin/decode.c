/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decode.h"

/* Fields of an instruction: where its opcode is, and the byte behind it. */
struct parts {
	const uint8_t *op; /* the opcode, behind prefixes */
	size_t left;       /* bytes from op on */
	uint8_t rex;
};

static bool is_prefix(uint8_t c)
{
	return c == 0x66 || c == 0x67 || c == 0xf2 || c == 0xf3 || c == 0xf0 || c == 0x2e || c == 0x3e || c == 0x64 ||
	       c == 0x65 || c == 0x26 || c == 0x36;
}

static struct parts take_apart(const uint8_t *d, size_t n, bool long_mode)
{
	struct parts p = {d, n, 0};
	while (p.left && is_prefix(*p.op))
		p.op++, p.left--;
	if (long_mode && p.left && (*p.op & 0xf0) == 0x40)
		p.rex = *p.op++, p.left--;
	return p;
}

static uint8_t at(const struct parts *p, size_t i) { return i < p->left ? p->op[i] : 0; }

/* on_stack reports whether the memory operand of a ModRM byte is addressed by the stack
 * pointer alone: a SIB byte with base SP and no index. */
static bool on_stack(uint8_t modrm, uint8_t sib, uint8_t rex)
{
	return modrm >> 6 != 3 && (modrm & 7) == 4 && (sib & 0x3f) == 0x24 && !(rex & 3);
}

/* only_reads_0f: two-byte opcodes that never store to memory. */
static bool only_reads_0f(uint8_t o)
{
	switch (o & 0xf0) {
	case 0x40: /* cmov */
	case 0x80: /* jcc */
		return true;
	}
	switch (o) {
	case 0x05: case 0x07: case 0x0b: case 0x0d: case 0x10: case 0x18: case 0x1f: case 0x28: case 0x6f:
	case 0xa2: case 0xa3: case 0xaf: case 0xb6: case 0xb7: case 0xbc: case 0xbd: case 0xbe: case 0xbf:
		return true;
	}
	return o >= 0x20 && o <= 0x23; /* mov to and from control and debug registers */
}

/* only_reads: one-byte opcodes that never store to memory. reg is the middle field of the
 * ModRM byte, which selects the operation in groups. */
static bool only_reads(uint8_t o, unsigned reg)
{
	if (o < 0x38)
		return (o & 7) >= 2 && (o & 7) <= 5; /* arithmetic into registers */
	if (o < 0x3e)
		return true; /* cmp */
	switch (o) {
	case 0x63: case 0x69: case 0x6b: case 0x84: case 0x85: case 0x8a: case 0x8b: case 0x8d:
	case 0x90: case 0xa0: case 0xa1: case 0xa6: case 0xa7: case 0xa8: case 0xa9: case 0xac: case 0xad: case 0xae:
	case 0xaf: case 0xc2: case 0xc3: case 0xc9: case 0xe9: case 0xeb: case 0xf4: case 0xfa: case 0xfb:
		return true;
	case 0x80: case 0x81: case 0x83: /* cmp */
		return reg == 7;
	case 0xf6: case 0xf7: /* test, mul, div */
		return reg == 0 || reg == 1 || reg >= 4;
	}
	return (o >= 0x40 && o <= 0x4f) || (o >= 0x58 && o <= 0x5f) || (o >= 0x70 && o <= 0x7f) || (o >= 0xb0 && o <= 0xbf);
}

/* has_modrm: opcodes that store, if they do, to the operand of a ModRM byte. */
static bool has_modrm(uint8_t o)
{
	switch (o) {
	case 0x80: case 0x81: case 0x83: case 0x86: case 0x87: case 0x88: case 0x89: case 0xc0: case 0xc1: case 0xc6:
	case 0xc7: case 0xd0: case 0xd1: case 0xd2: case 0xd3: case 0xf6: case 0xf7: case 0xfe:
		return true;
	}
	return o < 0x40 && (o & 7) < 2;
}

/* is_push: instructions whose only store is below the stack pointer. */
static bool is_push(uint8_t o, uint8_t modrm)
{
	unsigned reg = modrm >> 3 & 7;
	return (o >= 0x50 && o <= 0x57) || o == 0x68 || o == 0x6a || o == 0x9c || o == 0xe8 ||
	       (o == 0xff && (reg == 2 || reg == 6));
}

static bool may_store(const struct parts *p, bool long_mode)
{
	uint8_t o = at(p, 0), m = at(p, 1);
	if (o == 0x0f)
		return !only_reads_0f(m) && (m == 0x38 || m == 0x3a || !on_stack(at(p, 2), at(p, 3), p->rex));
	if (only_reads(o, m >> 3 & 7) || is_push(o, m))
		return false;
	if (!long_mode && (o == 0x06 || o == 0x0e || o == 0x16 || o == 0x1e || o == 0x60))
		return false; /* push of segment registers, pusha */
	return !(has_modrm(o) && (m >> 6 == 3 || on_stack(m, at(p, 2), p->rex)));
}

/* invlpg takes the address of 0f 01 /7 apart. */
static void invlpg(struct insn *in, const struct parts *p)
{
	uint8_t m = at(p, 2);
	unsigned mod = m >> 6, rm = m & 7;
	in->special = INVLPG;
	in->base = (uint8_t)(rm | (p->rex & 1) << 3);
	in->known = mod < 2 && rm != 4 && !(mod == 0 && rm == 5);
	if (mod == 1)
		in->disp = (int8_t)at(p, 3);
}

struct insn decode(const uint8_t *d, size_t n, bool long_mode)
{
	struct parts p = take_apart(d, n, long_mode);
	struct insn in = {.may_store = p.left == 0 || may_store(&p, long_mode)};
	uint8_t o = at(&p, 1), m = at(&p, 2), reg = m >> 3 & 7;
	if (at(&p, 0) != 0x0f)
		return in;
	if (o == 0x22 && (reg == 0 || reg == 3 || reg == 4) && !(p.rex & 4)) {
		in.special = CONTROL;
		in.cr = reg;
	} else if (o == 0x30) {
		in.special = WRMSR;
	} else if (o == 0x01 && reg == 7 && m >> 6 != 3) {
		invlpg(&in, &p);
	} else if (o == 0x38 && m == 0x82) {
		in.special = INVPCID;
	} else if (o == 0x05) {
		in.special = SYSCALL;
	}
	return in;
}
