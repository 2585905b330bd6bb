package model

// Hyper describes the hypervisor under a guest: which rules it follows and
// what it keeps for itself.
type Hyper struct {
	Profile *Profile
	// XenLevel, XenFirst and XenLast name the slots that belong to the
	// hypervisor: slots XenFirst to XenLast of every table of level XenLevel,
	// in PAE only of the L2 under the last root slot. XenLevel 0: none.
	XenLevel          int
	XenFirst, XenLast int
	// XenEntries are what the hypervisor writes into its slots, from XenFirst on;
	// slots beyond keep what they hold. Nil: contents not modelled.
	XenEntries []Entry
	// Devices says that the guest may use devices: map their memory, where Regions
	// say so, and choose the caching of its leaf entries (Xen: iomem_caps,
	// ioport_caps). The hardware domain may, other domains as a rule may not.
	Devices bool
	// StoresOnRequest says that stores to leaf tables are page faults unless the
	// guest has asked for them to be carried out, as of every domain but the hardware
	// domain (Xen: VMASST_TYPE_writable_pagetables).
	StoresOnRequest bool
	// L1TF says that an absent entry that a processor with that flaw could read
	// memory through ends the guest, see xen_l1tf.go.
	L1TF bool
	// XenSelf is the slot among them whose entry names the table itself, 0 if
	// there is none.
	XenSelf int
	// XenOnLoad is the entry of Xen's list of frames, which XenFirst gets when the
	// table is loaded as a root, or is audited while the list is kept from user
	// mode; 0 if there is none.
	XenOnLoad Entry
	// LinearMap says that the hypervisor finds leaf tables through a linear map of
	// the current tables, whose translations the TLB caches like any others.
	LinearMap bool
	// Regions describe machine frames outside the model; others are denied.
	Regions []Region
	// Extra describes the frames beyond the guest's own, by Frame - Guest.
	Extra []Extra
}

// Extra is a frame that the guest can name but that is not its ordinary memory.
type Extra struct {
	Name string
	Kind ExtraKind
}

// ExtraKind says whose an extra frame is.
type ExtraKind uint8

// Kinds of extra frames.
const (
	XenOwned   ExtraKind = iota // the hypervisor's own memory
	SharedInfo                  // the domain's shared_info page, in Xen's heap
	Foreign                     // another domain's
)

// PAESpecial reports whether the geometry has PAE's rules: a root that lives
// by four entries, the last of which names the one L2 with Xen's slots.
func (l *Layout) PAESpecial() bool { return l.Geo.PAERoot }

// XenSlot reports whether a slot of a table belongs to the hypervisor.
// special says that the table is the PAE L2 with Xen's slots; it does not
// matter in other geometries.
func (l *Layout) XenSlot(level, slot int, special bool) bool {
	h := l.Hyper
	if h == nil || level != h.XenLevel || slot < h.XenFirst || slot > h.XenLast {
		return false
	}
	return special || !l.PAESpecial()
}
