/* The first program of a 64-bit guest whose memory is to be audited: it uses its stack and
   its data, says so, and sleeps. Its stack is not executable: the note at the end. */
.globl _start
_start:	push	$1
	pop	used(%rip)
	mov	$1, %eax		/* write */
	mov	$1, %edi
	lea	text(%rip), %rsi
	mov	$textEnd - text, %edx
	syscall
1:	mov	$34, %eax		/* pause */
	syscall
	jmp	1b
.data
used:	.quad	0
text:	.ascii	"PARKED\n"
textEnd:
.section .note.GNU-stack, "", @progbits
