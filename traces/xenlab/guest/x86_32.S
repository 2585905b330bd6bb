/* 32-bit PAE: entry point, hypercalls, memory accesses that may fault, traps. */

	.text
	.globl _start, hypercall
_start:
	cld
	mov $stack_top, %esp
	xor %ebp, %ebp
	sub $12, %esp
	push %esi			/* Xen passes start_info in esi */
	call guest_main
	ud2

/* long hypercall(nr, a1, a2, a3, a4, a5) */
hypercall:
	push %ebx
	push %esi
	push %edi
	mov 16(%esp), %eax
	shl $5, %eax
	add $hypercall_page, %eax
	mov 20(%esp), %ebx
	mov 24(%esp), %ecx
	mov 28(%esp), %edx
	mov 32(%esp), %esi
	mov 36(%esp), %edi
	call *%eax
	pop %edi
	pop %esi
	pop %ebx
	ret

/*
 * int probe_*(ulong va, u64 value): returns 0, or 1 when the access faulted.
 * The trap handler resumes at resume_ip with the stack as it was here.
 */
	.macro probe name, insn
	.globl \name
\name:
	push %ebx
	push %esi
	push %edi
	mov %esp, resume_sp
	movl $probe_failed, resume_ip
	mov 16(%esp), %edi
	\insn
	xor %eax, %eax
	mov %eax, resume_ip
	jmp probe_out
	.endm

/* An atomic 64-bit store is a cmpxchg8b loop here. */
	.macro swap64
	mov 20(%esp), %ebx
	mov 24(%esp), %ecx
	mov (%edi), %eax
	mov 4(%edi), %edx
1:	lock cmpxchg8b (%edi)
	jnz 1b
	.endm

	.macro load64
	mov 20(%esp), %esi
	mov (%edi), %eax
	mov 4(%edi), %edx
	mov %eax, (%esi)
	mov %edx, 4(%esi)
	.endm

	probe probe_load8, load64
	probe probe_store4, "mov 20(%esp), %eax; mov %eax, (%edi)"
	probe probe_store8, swap64
	probe probe_xchg8, swap64
	probe probe_or8, "mov 20(%esp), %eax; lock or %eax, (%edi)"
probe_failed:
	mov $1, %eax
probe_out:
	pop %edi
	pop %esi
	pop %ebx
	ret

	.macro trap vec, haserr
	.globl trap\vec
trap\vec:
	.if \haserr
	pop fault_err
	.endif
	movl $\vec, fault_vec
	jmp trap_common
	.endm

	trap 6, 0
	trap 13, 1
	trap 14, 1
trap_common:
	xor %eax, %eax
	xchg %eax, resume_ip		/* one fault per probe */
	test %eax, %eax
	jz 1f
	mov resume_sp, %esp
	jmp *%eax
1:	mov (%esp), %eax
	and $-16, %esp
	sub $12, %esp
	push %eax
	call fatal_trap

	.section .note.GNU-stack, "", @progbits
