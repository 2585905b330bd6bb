package model

// Frames that are no frames of the model: devices, and memory of others. The
// guest can name them in leaf entries only, and no references are taken.

// Region is a range of machine frames outside the model.
type Region struct {
	First, Last MFN
	Kind        RegionKind
}

// RegionKind says what a guest may do with machine frames outside the model.
// Frames in no region are denied.
type RegionKind uint8

// Kinds of regions.
const (
	// Denied: no access, such as to the local APIC (Xen: iomem_caps).
	Denied RegionKind = iota
	// OthersMemory: memory that is free or belongs to somebody else.
	OthersMemory
	// Device: the guest may map it, uncached.
	Device
	// DeviceReadOnly: the guest may map it, uncached and read-only
	// (Xen: mmio_ro_ranges).
	DeviceReadOnly
)

// invalidMFN is the frame number that is all ones.
const invalidMFN = MFN(FrameMask >> PageShift)

// region returns what the guest may do with a machine frame outside the model.
// Where regions overlap, the first counts.
func (h *Hyper) region(m MFN) RegionKind {
	for i := range h.Regions {
		if r := &h.Regions[i]; m >= r.First && m <= r.Last {
			return r.Kind
		}
	}
	return Denied
}

// leafOutside decides about a leaf entry to a frame outside the model (Xen: the
// iomem part of get_page_from_l1e). flip are flags that Xen inverts: device
// memory must not be mapped cached.
func (h *Hyper) leafOutside(e Entry) (flip Entry, rc Errno) {
	m := e.MFN()
	kind := h.region(m)
	if !h.Devices && kind != OthersMemory && !h.Profile.Mutant.ForDevices {
		kind = Denied
	}
	switch kind {
	case OthersMemory:
		return 0, EBUSY
	case DeviceReadOnly:
		flip = e & RW
	case Denied:
		if m == invalidMFN {
			return 0, EINVAL
		}
		return 0, EPERM
	}
	if !h.Profile.Modern {
		return 0, OK
	}
	switch e & cacheAttrs {
	case 0:
		flip |= PWT | PCD
	case PWT, PWT | PSE:
		flip |= PCD | e&PSE
	}
	return flip, OK
}
