package model

// Profile is a version of the hypervisor's rules.
type Profile struct {
	Name string
	// OpenPAERoot accepts a PAE root whose last slot is empty.
	OpenPAERoot bool
	// Modern selects the rules of current Xen over those of 3.1 (2007).
	Modern bool
}

// Xen31 is Xen 3.1 of May 2007, the hypervisor that the hooks were written for.
func Xen31() *Profile { return &Profile{Name: "xen-3.1"} }

// Xen417 is Xen 4.17.
func Xen417() *Profile { return &Profile{Name: "xen-4.17", Modern: true} }

// Recorder is the hypervisor of the golden recordings: Xen 3.1's entry rules
// without its demand that the last slot of a PAE root is filled.
func Recorder() *Profile { return &Profile{Name: "recorder", OpenPAERoot: true} }
