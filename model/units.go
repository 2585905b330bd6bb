package model

// VA is a virtual byte address. In a geometry with V virtual address bits the
// value is below 1<<V; canonical upper-half addresses of 64-bit mode are kept
// sign-extended.
type VA uint64

// PA is a (pseudo-)physical byte address: what the kernel calls physical. On
// bare metal it is the machine's, under Xen the guest's own contiguous view.
type PA uint64

// PFN is a pseudo-physical frame number: PA >> PageShift.
type PFN uint64

// MFN is a machine frame number, the number that entries and CR3 hold.
type MFN uint64

// Frame is a dense index of a frame known to the model. The guest's frames come
// first, in PFN order, so Frame(p) is PFN p; frames that belong to others
// (shared_info, the hypervisor's own, devices) follow.
type Frame int32

// NoFrame says that a frame number names no frame of the model.
const NoFrame Frame = -1

// PageShift is log2 of the page size in bytes.
const PageShift = 12

// PageSize is the size of a page in bytes, in every geometry: a tiny geometry
// has fewer slots a table, not smaller pages.
const PageSize = 1 << PageShift

// PFN returns the frame number that a physical address lies in.
func (p PA) PFN() PFN { return PFN(p >> PageShift) }

// PA returns the first byte address of a frame.
func (p PFN) PA() PA { return PA(p) << PageShift }
