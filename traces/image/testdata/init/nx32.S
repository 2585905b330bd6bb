/* Does the kernel keep a program from executing its data? A child each calls code that
   lies in a writable mapping, in one that was made read-only, on the stack, and in .data;
   the parent tells how it ended. A 32-bit program, for kernels of both kinds. As the first
   program of a guest it ends with a restart. Its stack is not executable: the note at the
   end; without it the kernel would have to make all memory executable. */
.macro	sys nr
	mov	$\nr, %eax
	int	$0x80
.endm
.macro	say text, end
	mov	$1, %ebx
	mov	$\text, %ecx
	mov	$\end - \text, %edx
	sys	4
.endm
.globl _start
_start:	call	map
	call	fill
	say	m1, m1e
	call	try
	call	map
	call	fill
	mov	%esi, %ebx		/* mprotect(page, 4096, PROT_READ) */
	mov	$4096, %ecx
	mov	$1, %edx
	sys	125
	say	m2, m2e
	call	try
	sub	$64, %esp
	mov	%esp, %esi
	call	fill
	say	m3, m3e
	call	try
	mov	$data, %esi
	call	fill
	say	m4, m4e
	call	try
	say	done, doneEnd
	mov	$0xfee1dead, %ebx	/* reboot: restart */
	mov	$0x28121969, %ecx
	mov	$0x1234567, %edx
	sys	88
1:	sys	29
	jmp	1b

map:	xor	%ebx, %ebx		/* mmap2: 4096 bytes, read and write, private, anonymous */
	mov	$4096, %ecx
	mov	$3, %edx
	mov	$0x22, %esi
	mov	$-1, %edi
	xor	%ebp, %ebp
	sys	192
	mov	%eax, %esi
	ret
fill:	movl	$0x00002ab8, (%esi)	/* mov $42, %eax; ret */
	movl	$0x0000c300, 4(%esi)
	ret
try:	sys	2			/* fork */
	test	%eax, %eax
	jz	child
	mov	%eax, %ebx
	mov	$status, %ecx
	xor	%edx, %edx
	sys	7			/* waitpid */
	cmpl	$0x2a00, status
	je	1f
	say	no, noEnd
	ret
1:	say	yes, yesEnd
	ret
child:	call	*%esi
	mov	%eax, %ebx
	sys	1
.data
status:	.long	0
data:	.fill	64
m1:	.ascii	"NX writable mapping:  "
m1e:
m2:	.ascii	"NX read-only mapping: "
m2e:
m3:	.ascii	"NX stack:             "
m3e:
m4:	.ascii	"NX .data:             "
m4e:
yes:	.ascii	"EXECUTED\n"
yesEnd:
no:	.ascii	"fault\n"
noEnd:
done:	.ascii	"NX done\n"
doneEnd:
.section .note.GNU-stack, "", @progbits
