/*
 * The part of the Xen PV ABI that the guest uses
 * (xen/include/public/{xen,physdev,sched,domctl}.h).
 */
#ifndef ABI_H
#define ABI_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned long ulong;

#ifdef __x86_64__
#define LEVELS		4
#define KERNEL_CS	0xe033		/* FLAT_KERNEL_CS */
#define KERNEL_SS	0xe02b
#define XEN_LEVEL	4		/* Xen's slots are in the L4: */
#define XEN_FIRST	256
#define XEN_LAST	271
#else
#define LEVELS		3
#define KERNEL_CS	0xe019
#define XEN_LEVEL	2		/* and here in the L2 of L3 slot 3: */
#define XEN_FIRST	428
#define XEN_LAST	511
#endif

#define PAGE		4096ul
#define ENTRIES		512
#define DOMID_SELF	0x7ff0u

#define ESRCH		3
#define EACCES		13

enum {	/* hypercall numbers */
	HC_SET_TRAP_TABLE	= 0,
	HC_MMU_UPDATE		= 1,
	HC_SET_GDT		= 2,
	HC_MEMORY_OP		= 12,
	HC_UPDATE_VA_MAPPING	= 14,
	HC_XEN_VERSION		= 17,
	HC_CONSOLE_IO		= 18,
	HC_VM_ASSIST		= 21,
	HC_UPDATE_VA_MAPPING_OTHERDOMAIN = 22,
	HC_MMUEXT_OP		= 26,
	HC_SCHED_OP		= 29,
	HC_DOMCTL		= 36,
};

enum {	/* mmuext_op commands */
	EXT_PIN_L1		= 0,	/* + 1 per level */
	EXT_UNPIN		= 4,
	EXT_NEW_BASEPTR		= 5,
	EXT_TLB_FLUSH_LOCAL	= 6,
	EXT_INVLPG_LOCAL	= 7,
	EXT_SET_LDT		= 13,
	EXT_NEW_USER_BASEPTR	= 15,
	EXT_CLEAR_PAGE		= 16,
	EXT_COPY_PAGE		= 17,
};

#define MMU_NORMAL		0
#define MMU_PRESERVE_AD		2
#define UVMF_NONE		0
#define UVMF_INVLPG		2
#define VMASST_ENABLE		0
#define VMASST_DISABLE		1
#define CONSOLEIO_WRITE		0
#define SCHEDOP_YIELD		0
#define SCHEDOP_SHUTDOWN	2
#define SHUTDOWN_REBOOT		1
#define SHUTDOWN_CRASH		3
#define SIF_INITDOMAIN		2	/* start_info.flags: dom0 */
#define XENMEM_POPULATE_PHYSMAP	6

enum {	/* domctl commands */
	DOMCTL_CREATEDOMAIN	= 1,
	DOMCTL_UNPAUSEDOMAIN	= 4,
	DOMCTL_GETDOMAININFO	= 5,
	DOMCTL_MAX_MEM		= 11,
	DOMCTL_SETVCPUCONTEXT	= 12,
	DOMCTL_MAX_VCPUS	= 15,
	DOMCTL_GETPAGEFRAMEINFO3 = 61,
};
#define DOMINF_SHUTDOWN		4u
#define VGCF_IN_KERNEL		(1u << 2)
#define VGCF_ONLINE		(1u << 5)

struct mmu_update { u64 ptr, val; };
struct mmuext_op { u32 cmd; ulong arg1, arg2; };
struct trap_info { u8 vector, flags; u16 cs; ulong address; };

struct start_info {
	char magic[32];
	ulong nr_pages;
	ulong shared_info;		/* machine address */
	u32 flags;
	ulong store_mfn;
	u32 store_evtchn;
	ulong console_a;
	u32 console_b;
	ulong pt_base;
	ulong nr_pt_frames;
	ulong mfn_list;
	ulong mod_start;		/* virtual address */
	ulong mod_len;
	char cmd_line[1024];
	ulong first_p2m_pfn;
	ulong nr_p2m_frames;
};

struct shared_info {			/* only the head of vcpu_info[0] */
	u8 upcall_pending, upcall_mask;
	ulong pending_sel;
	ulong cr2;
};

/* As of Xen 4.17, whose interface has version 0x15. */
struct domctl {
	u32 cmd, version;
	u16 domain, pad[3];
	union {
		struct {
			u32 ssid;
			u8 handle[16];
			u32 flags, iommu_opts, max_vcpus, max_evtchn_port;
			int max_grant_frames, max_maptrack_frames;
			u32 grant_opts, vmtrace_size, cpupool, emulation_flags, misc_flags;
		} create;
		struct {
			u16 domain, pad;
			u32 flags;
			u64 pages[5], shared_info_frame;
		} info;
		struct { u64 num, array; } frames;
		struct { u32 vcpu, pad; u64 context; } context;
		u64 max_kb;
		u32 max_vcpus;
		u8 all[128];
	} u;
};

struct memory_reservation {
	ulong extents, nr_extents;
	u32 order, flags;
	u16 domain;
};

#ifdef __x86_64__
struct vcpu_context {
	u8 fpu[512];
	ulong flags;
	ulong r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	u32 error, entry_vector;
	ulong rip;
	u16 cs, pad1;
	u8 upcall_mask, pad2[3];
	ulong rflags, rsp, ss, es, ds, fs, gs;
	struct trap_info traps[256];
	ulong ldt[2], gdt_frames[16], gdt_ents, kernel_ss, kernel_sp;
	ulong ctrlreg[8], debugreg[8];
	ulong callbacks[3], vm_assist;
	u64 fs_base, gs_base_kernel, gs_base_user;
};
#endif

#endif
