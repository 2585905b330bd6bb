/* The ELF notes by which Xen recognises a PV kernel, and the boot stack. */

	.macro note type, kind, value:vararg
	.pushsection .note.xen, "a", @note
	.balign 4
	.long 4, 92f - 91f, \type
	.asciz "Xen"
91:	\kind \value
92:	.balign 4
	.popsection
	.endm

#ifdef __x86_64__
#define WORD .quad
#else
#define WORD .long
#endif
	note 1, WORD, _start		/* ENTRY */
	note 2, WORD, hypercall_page	/* HYPERCALL_PAGE */
	note 3, WORD, VIRT_BASE		/* VIRT_BASE */
	note 5, .asciz, "xen-3.0"	/* XEN_VERSION */
	note 6, .asciz, "ptcheck"	/* GUEST_OS */
	note 8, .asciz, "generic"	/* LOADER */
#ifndef __x86_64__
	note 9, .asciz, "yes"		/* PAE_MODE */
#endif

	.bss
	.balign 4096
	.skip 16384
	.globl stack_top
stack_top:
	/* Where a fault resumes (0: nowhere), and what the fault was. */
	.globl resume_ip, resume_sp, fault_vec, fault_err
resume_ip: .skip 8
resume_sp: .skip 8
fault_vec: .skip 8
fault_err: .skip 8

	.text
	.balign 4096
	.globl hypercall_page		/* filled in by Xen */
hypercall_page:
	.skip 4096

	.section .note.GNU-stack, "", @progbits
