// Package golden reads, writes, hashes and compares golden dumps of the boot
// page tables: the JSON format "i386-pt-golden-1".
//
// A dump holds a [Config] (everything the outcome depends on), the page
// tables before and after the boot code ran, the trace of paging hooks, and
// SHA-256 hashes over canonical texts of those. Reading is strict: whatever
// is not exactly in the format is refused with an [Error] that names file,
// place and reason. [File.Write] reproduces the original bytes.
//
// The package imports nothing of the project and keeps no global state.
//
// # Xen with 2-level tables
//
// The format text knows Xen only in mode "pae". This package also accepts
// flavour "xen" with mode "2level": then sod has neither l3_pfn nor l3_flags,
// sod.l2_pfns holds exactly one frame, which is the root, L1 number i maps
// pfns i*1024.., extra_l2_for_slot3 is 0, and hypervisor_l2.slot is 0 with
// first_index counted in the 1024 root entries.
package golden

// Format is the value of the key "format" of every golden dump.
const Format = "i386-pt-golden-1"

// Page and page-table geometry.
const (
	// PageSize is the size of a page frame in bytes.
	PageSize = 4096
	// PageShift is log2(PageSize).
	PageShift = 12

	va32 = 1 << 32 // size of the 32-bit address space in bytes
)
