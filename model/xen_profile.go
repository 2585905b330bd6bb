package model

// Profile is a version of the hypervisor's rules.
type Profile struct {
	Name string
	// Modern selects the rules of current Xen over those of 3.1 (2007).
	Modern bool
	// Residue says that a refused promotion leaves behind what the real
	// hypervisor leaves behind: entries that it had already adjusted, and in two
	// known cases a reference that nobody gives back. Without it every refused
	// operation leaves memory and frame records exactly as they were.
	Residue bool
	// Known says that the references that Xen 4.17 is known to forget are written
	// down, see xen_forgotten.go, so that a recount can tell them from others.
	Known bool
	// OpenPAERoot accepts a PAE root whose last slot is empty.
	OpenPAERoot bool
	// NoLinear refuses every same-level entry, as a Xen built without them does.
	NoLinear bool
	// Mutant replaces rules of the judge, to see whether anybody notices.
	Mutant Mutant
}

// Xen31 is Xen 3.1 of May 2007, the hypervisor that the hooks were written for.
func Xen31() *Profile { return &Profile{Name: "xen-3.1"} }

// Xen417 is Xen 4.17 with its defects.
func Xen417() *Profile { return &Profile{Name: "xen-4.17", Modern: true, Residue: true} }

// Ideal is Xen 4.17 without its defects: a refused operation changes nothing.
func Ideal() *Profile { return &Profile{Name: "ideal", Modern: true} }

// Profiles returns all profiles, oldest first.
func Profiles() []*Profile { return []*Profile{Xen31(), Xen417(), Ideal()} }

// Xen417Known is Xen 4.17 with its defects, of which those that are known are no
// findings. The answers are the same.
func Xen417Known() *Profile {
	return &Profile{Name: "xen-4.17-known", Modern: true, Residue: true, Known: true}
}

// Plain is the set of rules of the PV-DP reference model: no same-level entries,
// and nothing that depends on a version.
func Plain() *Profile { return &Profile{Name: "plain", NoLinear: true} }

// Recorder is the hypervisor that the golden recordings were made with: Xen
// 3.1's entry rules without the demand that the last slot of a PAE root is
// filled. It is for comparing with those recordings only.
func Recorder() *Profile { return &Profile{Name: "recorder", OpenPAERoot: true} }
