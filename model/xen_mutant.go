package model

// Path is the way on which an entry gets into a table, or is found there.
type Path uint8

// Paths.
const (
	ByUpdate     Path = iota // mmu_update and update_va_mapping
	ByFastPath               // the same, without new references
	ByStore                  // a store that is carried out for the guest
	ByLocked                 // the same of a locked instruction
	ByAudit                  // the entry is in a table that comes into use
	ByGrantEntry             // a grant is mapped there
)

// Mutant holds mistakes of real hypervisors, to see whether anybody notices. The
// zero value makes none. Each field is looked at in the one place where the
// mistake was made.
type Mutant struct {
	// FastPath decides whether a present entry may replace another one without
	// being checked.
	FastPath func(s *State, level int, old, now Entry) bool
	// Audited decides what becomes of the result of a table's audit.
	Audited func(level int, rc Errno) Errno
	// Stored decides what is stored of a present entry that was asked for on some path
	// at a level, where right is what should be.
	Stored func(by Path, level int, asked, right Entry) Entry
	// Leaks decides whether an absent entry, written or found on some path at a level,
	// ends a guest that is to be protected from L1TF, where right is what should be.
	Leaks func(by Path, level int, e Entry, right bool) bool
	// Refuses refuses a present entry of a level that is to get its references.
	Refuses func(s *State, level int, e Entry) bool
	// ForDevices lets every guest map device memory and choose the caching of pages.
	ForDevices bool
	// StoresNever carries no store out for a guest that has to ask for it.
	StoresNever bool
	// ForgetsUse does not keep accessed and dirty bits that are to be kept, LateUse keeps
	// those that were there when the update began.
	ForgetsUse, LateUse bool
	// Unmasked are flags that an update of an entry does not refuse by itself.
	Unmasked Entry

	// LinearPAERoot lets the root of a PAE guest hold same-level entries.
	LinearPAERoot bool
	// DeepLinear does not bound chains of same-level entries.
	DeepLinear bool
	// ResumeForgetsLinear clears the count of same-level entries when an
	// interrupted audit goes on.
	ResumeForgetsLinear bool
	// LinearDropsLate counts a same-level entry less only when the release of the
	// table that it named is finished, by whoever gave the entry up.
	LinearDropsLate bool

	// RootStaysAdjusted leaves the flags that were added to entries of a PAE root whose
	// audit fails, ReleasedAdjusted those of one that is released.
	RootStaysAdjusted, ReleasedAdjusted bool
	// SlotsTrusted leaves what there is in the hypervisor's slots of a table that comes
	// into use, SlotUpdated lets the guest change the first one.
	SlotsTrusted, SlotUpdated bool
	// ListStays leaves Xen's list of frames in a root for user mode, ListMissing does
	// not put it into one for the kernel.
	ListStays, ListMissing bool
	// GDTKeeps keeps the references of a descriptor table that is refused.
	GDTKeeps bool

	// TellsInterrupted answers an unpin that is interrupted as inside.
	TellsInterrupted bool
	// PausesBehind notes an interrupted audit one slot too far, ReleasesBehind an
	// interrupted release.
	PausesBehind, ReleasesBehind bool
	// SkipsFailed has the audit of a table whose entry at slot x failed go on at
	// x+1 when it is taken up again.
	SkipsFailed bool
	// PutsUnowned gives the reference for an unfinished audit back although
	// somebody else has finished it.
	PutsUnowned bool
	// PartialUnreferenced lets the entry at which an audit was interrupted hold no
	// general reference.
	PartialUnreferenced bool
	// PartialUncounted and PartialRefStays lose and keep the general reference that
	// stands for an unfinished audit.
	PartialUncounted, PartialRefStays bool
	// PartialEntryStays leaves the mark of an unfinished entry when an audit is
	// interrupted at a later one; PartialEntryLost drops it when the entry is
	// interrupted a second time.
	PartialEntryStays, PartialEntryLost bool
	// RepinsPartial sets the pin again when an unpin is interrupted.
	RepinsPartial bool
	// L2StartsAgain takes an L2 whose release was interrupted for untouched.
	L2StartsAgain bool
	// NonPresentStops has an entry that is not present and yet names a frame end
	// the audit of an L1 as if it had been interrupted.
	NonPresentStops bool

	// Restarts has the kernel's hypercalls interrupted. As [RestartsMade] it is harmless.
	Restarts Restarts

	// UnstampedUse and UnstampedTable do not note when the last use of a frame as
	// Writable, and as a table, ends.
	UnstampedUse, UnstampedTable bool
	// UnlentCached ends another domain's mapping without a flush.
	UnlentCached bool
	// StealCached gives a frame away, and UngrantCached ends the mapping of a grant,
	// without a flush.
	StealCached, UngrantCached bool
	// StoresUnaudited carries stores out, and UpdatesUnaudited updates, to a table whose
	// audit is not over.
	StoresUnaudited, UpdatesUnaudited bool
	// FlushByNewType flushes at a change of type only if the new one is Writable.
	FlushByNewType bool
	// FlushesAlways flushes at every change of type, needed or not, before and after
	// the new type is published. It is harmless.
	FlushesAlways bool
	// FlushesFirst flushes before a new type is published, not after.
	FlushesFirst bool
	// UnlockDropsLast lets the lock of a table hold its last reference.
	UnlockDropsLast bool
	// PinsDying pins tables of a domain that is being destroyed.
	PinsDying bool
	// FlushOwnOnly flushes the guest's own processors only.
	FlushOwnOnly bool
	// NoUpperFlush does not flush after changes above L1.
	NoUpperFlush bool
	// NoFlushOnLoad takes a load of CR3 for a flush that it is not.
	NoFlushOnLoad bool
	// FlushesAnyway flushes the page named although the update was refused.
	FlushesAnyway bool
	// UncheckedLeafTable has update_va_mapping trust where the linear map leads.
	UncheckedLeafTable bool

	// RootStays leaves CR3 at a root that was refused.
	RootStays bool
	// BatchGoesOn carries out the rest of a batch after a change to user mode.
	BatchGoesOn bool
	// WrongHalf takes the lower half of a PAE entry for the upper one.
	WrongHalf bool

	// XenFramesOwned makes the guest the owner of the hypervisor's frames.
	XenFramesOwned bool
	// StealKeepsType and StealAllocated leave a frame that is transferred its type,
	// and its mark as allocated.
	StealKeepsType, StealAllocated bool
	// ReleaseUnpins unpins a frame that is given back.
	ReleaseUnpins bool
	// UnmapsTwice gives back the references of a grant mapping for a device that
	// was never made.
	UnmapsTwice bool
	// GrantKeepsOld forgets what an entry held that a grant is mapped over;
	// UngrantsAnything ends the mapping of a grant whatever its entry has become.
	GrantKeepsOld, UngrantsAnything bool
	// MisalignedPTE accepts a grant mapping at an address between two entries.
	MisalignedPTE bool
	// UncheckedStore stores a result wherever the guest's pointer leads.
	UncheckedStore bool
	// FreesShared frees a shared frame that is still mapped.
	FreesShared bool
	// DeviceKeepsUntyped takes from devices only frames that were Writable before.
	DeviceKeepsUntyped bool
	// LeaksOnM2P forgets a reference when an update of the list of frames fails.
	LeaksOnM2P bool
}

// Restarts says what becomes of a kernel's hypercall that is interrupted at its
// beginning.
type Restarts uint8

// What becomes of it.
const (
	RestartsNone Restarts = iota // none is interrupted
	RestartsMade                 // each is, once, and is made again
	RestartsLost                 // each is, and answers success without having been made again
)
