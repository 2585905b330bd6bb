package unicorn

// Reg is a register, numbered as in unicorn/x86.h of version 2.
type Reg int32

// Registers.
const (
	CS     Reg = 11
	DS     Reg = 17
	EBP    Reg = 20
	EBX    Reg = 21
	ECX    Reg = 22
	EDI    Reg = 23
	EDX    Reg = 24
	EFLAGS Reg = 25
	EIP    Reg = 26
	ES     Reg = 28
	ESI    Reg = 29
	ESP    Reg = 30
	EAX    Reg = 19
	FS     Reg = 32
	GS     Reg = 33
	RAX    Reg = 35
	RBP    Reg = 36
	RBX    Reg = 37
	RCX    Reg = 38
	RDI    Reg = 39
	RDX    Reg = 40
	RIP    Reg = 41
	RSI    Reg = 43
	RSP    Reg = 44
	SS     Reg = 49
	CR0    Reg = 50
	CR2    Reg = 52
	CR3    Reg = 53
	CR4    Reg = 54
	R8     Reg = 106 // R9 to R15 follow
	IDTR   Reg = 242
	GDTR   Reg = 243
	TR     Reg = 245
	msr    Reg = 248
	FSBase Reg = 250
	GSBase Reg = 251
)

// Numbers of the interface of unicorn/unicorn.h.
const (
	archX86 = 4
	mode32  = 4
	mode64  = 8

	hookIntr     = 1 << 0
	hookInsn     = 1 << 1
	hookCode     = 1 << 2
	hookUnmapped = 1<<4 | 1<<5 | 1<<6
	hookWrite    = 1 << 11
	hookInvalid  = 1 << 14
	hookEdge     = 1 << 15

	insnCPUID   = 113
	insnIn      = 218
	insnOut     = 500
	insnSyscall = 699

	// uc_ctl: type, number of arguments << 26, direction << 30 (1: write).
	ctlRemoveCache = 9 | 2<<26 | 1<<30
	ctlFlushTLB    = 11 | 0<<26 | 0<<30

	fetchUnmapped = 21 // uc_mem_type of a fetch from where nothing is
	protAll       = 7
)
