package lab

import "github.com/ptcheck/ptcheck/model"

// Image is what the lab knows of the executor's binary: where its pages lie,
// counted from its base address.
type Image struct {
	Pages  model.PFN // size of the image; the script follows it
	Slots  model.PFN // first of the pool's virtual pages
	Window model.PFN // the page through which the executor reads frames
	Shared model.PFN // the page that maps shared_info
	Code   model.PFN // a page of code, for the processor's traces
	Data   model.PFN // a page that the executor writes all the time
}

// DefaultImage is the executor of the recordings.
func DefaultImage(bits int) Image {
	i := Image{Pages: 0x80, Slots: 0x60, Window: 0x49, Shared: 0x48, Code: 2, Data: 0x40}
	if bits == 32 {
		i.Window, i.Shared = 0x48, 0x47
	}
	return i
}

// The recorded machine: QEMU with 128 MiB, of which dom0 has 16.
const (
	domPages = 4096

	// Machine frame numbers of Xen's own frames that tables can show; see also
	// place.
	xenImage  = 0x7c6d
	directMap = 0x7c6c

	firstKernelMFN = 0x7000
	moduleEndMFN   = 0x7a00
	hugePages      = 0x400 // pages of the first, contiguous part of dom0
)

// startFlags is start_info.flags: of dom0 that it is dom0, and that its initrd is at its
// real place.
func startFlags(k model.GuestKind) uint64 {
	if k == model.Dom0 {
		return 0x303
	}
	return 0
}

// regions describe the machine's memory outside dom0 (Xen:
// dom0_setup_permissions, arch_init_memory).
func regions() []model.Region {
	return []model.Region{
		{First: 0, Last: 0xff, Kind: model.Device},
		{First: 0x100, Last: 0x7fdf, Kind: model.OthersMemory},
		{First: 0xfec00, Last: 0xfec00, Kind: model.DeviceReadOnly}, // I/O APIC
		{First: 0xfed00, Last: 0xfed00, Kind: model.DeviceReadOnly}, // HPET
		{First: 0xfee00, Last: 0xfeeff, Kind: model.Denied},         // local APIC, MSI
		{First: 0xfd00000, Last: 1<<40 - 1, Kind: model.Denied},     // HyperTransport, and no such address
		{First: 0x7fe0, Last: 0xfcfffff, Kind: model.Device},
	}
}

// machineFrames returns dom0's frames by PFN: the image, the script's module
// where the loader left it, the rest of the first part, and what Xen's allocator
// hands out for the rest, in ever smaller chunks.
func machineFrames(image, module model.PFN) []model.MFN {
	parts := []run{
		{firstKernelMFN, model.MFN(image)},
		{moduleEndMFN - model.MFN(module), model.MFN(module)},
		{firstKernelMFN + model.MFN(image), hugePages - model.MFN(image)},
		{0x6800, 0x800}, {0x7400, 0x200}, {0x7800, 0x100}, {0x7e00, 0xc0},
	}
	all := make([]model.MFN, 0, domPages)
	for _, r := range append(parts, place(module).tail...) {
		for n := model.MFN(0); n < r.pages && len(all) < domPages; n++ {
			all = append(all, r.first+n)
		}
	}
	return all
}
