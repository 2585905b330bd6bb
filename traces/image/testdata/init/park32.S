/* The same for 32-bit guests, see park64.S. */
.globl _start
_start:	push	$1
	pop	used
	mov	$4, %eax		/* write */
	mov	$1, %ebx
	mov	$text, %ecx
	mov	$textEnd - text, %edx
	int	$0x80
1:	mov	$29, %eax		/* pause */
	int	$0x80
	jmp	1b
.data
used:	.long	0
text:	.ascii	"PARKED\n"
textEnd:
.section .note.GNU-stack, "", @progbits
