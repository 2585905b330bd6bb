/* 64-bit: entry point, hypercalls, memory accesses that may fault, traps. */

	.text
	.globl _start, hypercall
_start:
	cld
	mov $stack_top, %rsp
	mov %rsi, %rdi			/* Xen passes start_info in rsi */
	xor %ebp, %ebp
	call guest_main
	ud2

/* long hypercall(nr, a1, a2, a3, a4, a5) */
hypercall:
	mov %rdi, %rax
	shl $5, %rax
	lea hypercall_page(%rax), %rax
	mov %rsi, %rdi
	mov %rdx, %rsi
	mov %rcx, %rdx
	mov %r8, %r10
	mov %r9, %r8
	jmp *%rax

/*
 * int probe_*(ulong va, u64 value): returns 0, or 1 when the access faulted.
 * The trap handler resumes at resume_ip with the stack as it was here.
 */
	.macro probe name, insn
	.globl \name
\name:
	mov %rsp, resume_sp
	movq $probe_failed, resume_ip
	\insn
	xor %eax, %eax
	mov %rax, resume_ip
	ret
	.endm

	probe probe_load8, "mov (%rdi), %rax; mov %rax, (%rsi)"
	probe probe_store8, "mov %rsi, (%rdi)"
	probe probe_store4, "mov %esi, (%rdi)"
	probe probe_xchg8, "xchg %rsi, (%rdi)"
	probe probe_or8, "lock or %rsi, (%rdi)"
probe_failed:
	mov $1, %eax
	ret

/* Xen pushes rcx and r11 below the hardware's frame. */
	.macro trap vec, haserr
	.globl trap\vec
trap\vec:
	pop %rcx
	pop %r11
	.if \haserr
	pop fault_err
	.endif
	movq $\vec, fault_vec
	jmp trap_common
	.endm

	trap 6, 0
	trap 13, 1
	trap 14, 1
trap_common:
	xor %eax, %eax
	xchg %rax, resume_ip		/* one fault per probe */
	test %rax, %rax
	jz 1f
	mov resume_sp, %rsp
	jmp *%rax
1:	mov (%rsp), %rdi
	and $-16, %rsp
	call fatal_trap

	.section .note.GNU-stack, "", @progbits
