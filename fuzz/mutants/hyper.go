package mutants

import (
	"github.com/ptcheck/ptcheck/model"
	"github.com/ptcheck/ptcheck/systems/hostile"
)

// hyperMutants are mistakes of the hypervisor, each in the smallest scope in which
// a hostile guest can make use of it.
func hyperMutants() []Mutant {
	var out []Mutant
	out = append(out, entryMutants()...)
	out = append(out, storeMutants()...)
	out = append(out, linearMutants()...)
	out = append(out, partialMutants()...)
	out = append(out, flushMutants()...)
	out = append(out, ownerMutants()...)
	out = append(out, raceMutants()...)
	out = append(out, decisionMutants()...)
	return out
}

// row is a row whose mistake is planted under a guest of its own, by default against an
// ideal hypervisor.
func row(m Mutant, guest hostile.Options) Mutant {
	if guest.Profile == nil {
		guest.Profile = model.Ideal()
	}
	m.Place = under(guest)
	return m
}

// sameFrame is a fast path that looks at frame and present bit alone.
func sameFrame(upper bool) func(*model.State, int, model.Entry, model.Entry) bool {
	return func(_ *model.State, level int, old, now model.Entry) bool {
		return old == now || level > 1 == upper && (old^now)&(model.FrameMask|model.Present) == 0
	}
}

func entryMutants() []Mutant {
	return []Mutant{
		row(Mutant{ID: "X01", What: "L2 entries may map large pages: an update lets the size bit in, and one that keeps its frame is stored unchecked",
			Source: "Xen fe360c90ea, XSA-148", Catch: "tables-read-only", Steps: 1,
			Change: ofXen(model.Mutant{Unmasked: model.PSE, FastPath: sameFrame(true)})},
			hostile.Options{Slots: []int{2, 2}, Frames: 4, Ops: []string{"mu", "pin", "unpin"}, Flags: []string{"P", "PW", "PWS"}}),
		row(Mutant{ID: "X02-linear", What: "an entry of a table to itself becomes writable unchecked", Source: "Xen e1bff4c2ea, XSA-182",
			Catch: "linear-one-deep", Steps: 2, Change: ofXen(model.Mutant{FastPath: sameFrame(true)})},
			hostile.Options{Slots: []int{2, 1, 1}, Frames: 3, Ops: []string{"mu"}, Flags: []string{"P", "PW"}}),
		row(Mutant{ID: "X43-writable", What: "the result of an L1's audit is ignored", Source: "Xen b525c05cf9",
			Catch: "tables-read-only", Steps: 1,
			Change: ofXen(model.Mutant{Audited: func(level int, rc model.Errno) model.Errno {
				if level == 1 {
					return model.OK
				}
				return rc
			}})},
			hostile.Options{Slots: []int{1, 2}, Frames: 3, Memory: []string{"f2 0 f0:PW"}, Ops: []string{"mu", "pin"}, Flags: []string{"P", "PW"}}),
		row(Mutant{ID: "X44-root", What: "the audit of a root returns success on failure", Source: "Xen 172bd99086",
			Catch: "one-type", Steps: 1,
			Change: ofXen(model.Mutant{Audited: func(level int, rc model.Errno) model.Errno {
				if level > 1 {
					return model.OK
				}
				return rc
			}})},
			hostile.Options{Slots: []int{2, 1, 1, 1}, Frames: 5, Memory: []string{"f4 0 f3:P"}, Ops: []string{"pin", "cr3"}, Flags: []string{"P"}}),
	}
}

// storeMutants are mistakes in the emulation of stores.
func storeMutants() []Mutant {
	return []Mutant{
		row(Mutant{ID: "X47", What: "the allowance for a PAE entry's upper half, stored first, is made for the lower one: an entry that is refused is stored as absent",
			Source: "Xen 6c32b406bf, 7aad705cb5", Catch: "stores-done", Steps: 1, Change: ofXen(model.Mutant{WrongHalf: true})},
			scope("stores")),
	}
}

func linearMutants() []Mutant {
	return []Mutant{
		row(Mutant{ID: "X03", What: "a PAE root may name itself, and the entry is then made writable", Source: "Xen c844d637d9, XSA-185",
			Catch: "linear-one-deep", Steps: 1, Change: ofXen(model.Mutant{LinearPAERoot: true})},
			hostile.Options{Slots: []int{3, 2, 1}, PAE: true, Frames: 4, Memory: []string{"f0 2 f3:P"}, Ops: []string{"mu", "pin"}, Flags: []string{"P"}}),
		row(Mutant{ID: "X04", What: "tables form chains of same-level entries", Source: "Xen 6987fc7558, XSA-240",
			Catch: "linear-one-deep", Steps: 3, Change: ofXen(model.Mutant{DeepLinear: true})},
			hostile.Options{Slots: []int{1, 1}, Frames: 4, Ops: []string{"mu", "pin"}, Flags: []string{"P"}}),
		row(Mutant{ID: "X06", What: "an audit that goes on forgets the same-level entries counted before", Source: "Xen 7473efd12f, XSA-309",
			Catch: "counts-agree", Steps: 2, Change: ofXen(model.Mutant{ResumeForgetsLinear: true})},
			hostile.Options{Slots: []int{2, 1}, Frames: 3, Memory: []string{"f2 0 f0:P", "f2 1 f1:P"}, Ops: []string{"pin", "pin-part"}, Flags: []string{"P"},
				Interrupts: 2, Profile: model.Xen417()}),
		row(Mutant{ID: "X07", What: "a same-level entry stays counted when somebody else ends the release of the table that it named", Source: "Xen 77beba7c92",
			Catch: "counts-agree", Steps: 4, Change: ofXen(model.Mutant{LinearDropsLate: true})},
			hostile.Options{Slots: []int{2, 1}, Frames: 5, Memory: []string{"f2 0 f1:P", "f2 1 f4:P", "f3 1 f2:P"},
				Ops: []string{"pin", "unpin", "unpin-part", "finish"}, Flags: []string{"P"}, Interrupts: 2, Profile: model.Xen417()}),
	}
}

// scope is a scope that users are offered, too.
func scope(name string) hostile.Options {
	s, ok := hostile.FindScope(name)
	if !ok {
		panic("mutants: no scope of a hostile guest is named " + name)
	}
	return s.Options
}

// bounded bounds the search of a change that is no bug to so many operations.
func bounded(depth int, m Mutant) Mutant {
	m.Place.depth = depth
	return m
}

// hyperHarmless are changes of the hypervisor that are no bugs.
func hyperHarmless() []Mutant {
	var out []Mutant
	small := hostile.Options{Slots: []int{1, 1}, Frames: 3, Memory: []string{"f1 0 f2:PW"}, StaleTLB: true,
		Ops: []string{"mu", "uva", "touch", "pin", "unpin", "flush"}, Flags: []string{"P", "PW"}, Targets: []int{1, 2}}
	for _, scope := range []hostile.Options{scope("trees"), scope("roots"), scope("stale")} {
		out = append(out, bounded(4, row(Mutant{ID: "hyper-unstamped", What: "when the use of a frame as a table ends is not noted: whoever may have cached a way through it was flushed when its last entry went",
			Change: ofXen(model.Mutant{UnstampedTable: true})}, scope)))
	}
	out = append(out, bounded(3, row(Mutant{ID: "hyper-ungranted", What: "the mapping of a grant ends without a flush: the guest's own frame is flushed when it becomes something else",
		Change: ofXen(model.Mutant{UngrantCached: true})}, scope("granted"))))
	for _, scope := range []hostile.Options{scope("partial"), small} {
		out = append(out,
			row(Mutant{ID: "hyper-flush", What: "the hypervisor flushes at every change of type, before and after it",
				Change: ofXen(model.Mutant{FlushesAlways: true})}, scope),
			row(Mutant{ID: "hyper-slow", What: "no entry takes the fast path",
				Change: ofXen(model.Mutant{FastPath: func(*model.State, int, model.Entry, model.Entry) bool { return false }})}, scope),
			row(Mutant{ID: "hyper-errno", What: "a refused audit answers with another error",
				Change: ofXen(model.Mutant{Audited: func(_ int, rc model.Errno) model.Errno {
					if rc == model.EBUSY {
						return model.EPERM
					}
					return rc
				}})}, scope))
	}
	return out
}

func partialMutants() []Mutant {
	two, flat := scope("nested"), scope("partial")
	return []Mutant{
		row(Mutant{ID: "X24", What: "an L2 whose release is interrupted counts as untouched", Source: "Xen 176ebf9c8b, XSA-290",
			Catch: "tables-valid", Steps: 2, Change: ofXen(model.Mutant{L2StartsAgain: true})}, flat),
		row(Mutant{ID: "X32", What: "an L1 that names an absent frame is left as if its audit had been interrupted", Source: "Xen 3165ffef09, XSA-273",
			Catch: "partial-consistent", Steps: 1, Change: ofXen(model.Mutant{NonPresentStops: true})},
			hostile.Options{Slots: []int{1, 2}, Frames: 4, Guest: model.DomU, Memory: []string{"f2 0 f3:P", "f2 1 f1:W"}, Ops: []string{"pin", "kill"}, Flags: []string{"P"}, Profile: model.Xen417()}),
		row(Mutant{ID: "X33", What: "an audit that failed in a nested table goes on behind the entry that failed", Source: "Xen 3c15a2d8cc, XSA-299",
			Catch: "partial-consistent", Steps: 1, Change: ofXen(model.Mutant{SkipsFailed: true})},
			hostile.Options{Slots: []int{2, 2, 1}, Frames: 5, Memory: []string{"f3 0 f1:P", "f3 1 f4:P", "f4 0 f2:P", "f4 1 f3:PW"}, Flags: []string{"P"},
				Ops: []string{"pin", "pin-late", "finish", "kill"}, Profile: model.Xen417()}),
		row(Mutant{ID: "X34", What: "the release of an unfinished table drops a reference that another processor has used up", Source: "Xen c40b33d726, XSA-299",
			Catch: "counts-agree", Steps: 4, Change: ofXen(model.Mutant{PutsUnowned: true})}, flat),
		row(Mutant{ID: "X35", What: "the entry at which an audit was interrupted holds no reference", Source: "Xen 18b0ab6978, XSA-299",
			Catch: "counts-agree", Steps: 1, Change: ofXen(model.Mutant{PartialUnreferenced: true})}, two),
		row(Mutant{ID: "X36", What: "the mark of an unfinished entry stays when the audit stops at a later one", Source: "Xen ff0b9a5d69, XSA-299",
			Catch: "counts-agree", Steps: 2, Change: ofXen(model.Mutant{PartialEntryStays: true})}, two),
		row(Mutant{ID: "X36-pin", What: "an unpin that is interrupted sets the pin again", Source: "Xen bf656e02d8, XSA-299",
			Catch: "partial-consistent", Steps: 2, Change: ofXen(model.Mutant{RepinsPartial: true})}, flat),
		row(Mutant{ID: "X37", What: "the mark of an unfinished entry is lost when it is interrupted again at once", Source: "Xen 4e70f4476c, XSA-310",
			Catch: "counts-agree", Steps: 2, Change: ofXen(model.Mutant{PartialEntryLost: true})}, scope("busy")),
		row(Mutant{ID: "X50", What: "an unfinished table has no reference of its own", Source: "Xen 1cbcdec761",
			Catch: "counts-agree", Steps: 1, Change: ofXen(model.Mutant{PartialUncounted: true})}, flat),
		row(Mutant{ID: "X50-twice", What: "the reference of an unfinished table stays when it is finished", Source: "Xen 18a4292db0",
			Catch: "counts-agree", Steps: 2, Change: ofXen(model.Mutant{PartialRefStays: true})}, flat),
	}
}

func flushMutants() []Mutant {
	page := scope("stale")
	trees, roots := scope("trees"), scope("roots")
	return []Mutant{
		row(Mutant{ID: "X26", What: "a page is flushed although the update was refused, whatever its address", Source: "Xen 6c8d502887, XSA-279",
			Catch: "hypervisor-lives", Steps: 1, Change: ofXen(model.Mutant{FlushesAnyway: true})},
			hostile.Options{Slots: []int{1, 1}, Frames: 2, Ops: []string{"uva", "uva-wild"}, Flags: []string{"P"}}),
		row(Mutant{ID: "X27", What: "no flush after a change above L1: an update by address goes to the old L1", Source: "Xen 16a20963b3, XSA-286",
			Catch: "updates-land", Steps: 3, Change: ofXen(model.Mutant{NoUpperFlush: true})}, trees),
		row(Mutant{ID: "X28", What: "an update by address is stored wherever the linear map leads", Source: "Xen 5e4eea77ee",
			Catch: "updates-land", Steps: 3, Change: ofXen(model.Mutant{NoUpperFlush: true, UncheckedLeafTable: true})}, trees),
		row(Mutant{ID: "X31", What: "a load of CR3 that flushes nothing counts as a flush", Source: "Xen 6e5f22ba43, XSA-292",
			Catch: "no-stale-write", Steps: 4, Change: ofXen(model.Mutant{NoFlushOnLoad: true})}, roots),
		row(Mutant{ID: "X39", What: "whether to flush is decided by the new type", Source: "Xen a9949efb28, XSA-408",
			Catch: "no-stale-write", Steps: 3, Change: ofXen(model.Mutant{FlushByNewType: true})}, page),
		row(Mutant{ID: "X13", What: "a frame changes hands, and only the new owner's processors are flushed", Source: "Xen fae7d5be8b, XSA-217",
			Catch: "no-stale-write", Steps: 4, Change: ofXen(model.Mutant{FlushOwnOnly: true})},
			hostile.Options{Slots: []int{1, 1}, Frames: 3, StaleTLB: true, Ops: []string{"give", "obtain", "lend", "unlend", "pin"}, Flags: []string{"P"}}),
		row(Mutant{ID: "X29", What: "a device keeps its mapping of a frame that becomes a table without ever having been writable", Source: "Xen fe21b78ef9, XSA-288",
			Catch: "no-stale-write", Steps: 4, Change: ofXen(model.Mutant{DeviceKeepsUntyped: true})},
			scope("devices")),
		row(Mutant{ID: "X41", What: "CR3 stays at a root that was refused", Source: "Xen 622c9a5ba9, XSA-494",
			Catch: "root-valid", Steps: 1, Change: ofXen(model.Mutant{RootStays: true})},
			hostile.Options{Slots: []int{1, 1}, Frames: 3, Memory: []string{"f2 0 f1:PG"}, Ops: []string{"cr3", "pin"}, Flags: []string{"P"}}),
		row(Mutant{ID: "X23", What: "a batch goes on behind a return to user mode, in the user's tables", Source: "Xen 22c096c99d, XSA-213",
			Catch: "updates-land", Steps: 2, Change: ofXen(model.Mutant{BatchGoesOn: true})},
			scope("user")),
	}
}

func ownerMutants() []Mutant {
	return []Mutant{
		row(Mutant{ID: "X11", What: "frames of the hypervisor's own belong to the guest", Source: "Xen ff2a793e15, XSA-248",
			Catch: "tables-valid", Steps: 1, Change: ofXen(model.Mutant{XenFramesOwned: true})},
			hostile.Options{Slots: []int{1, 1}, Frames: 3, Extra: []model.ExtraKind{model.XenOwned}, Ops: []string{"mu", "pin"}, Flags: []string{"P", "PW"}}),
		row(Mutant{ID: "X12", What: "a frame that changes hands still counts as an audited descriptor table", Source: "Xen eaf537342c, XSA-214",
			Catch: "tables-valid", Steps: 6, Change: ofXen(model.Mutant{StealKeepsType: true})},
			scope("descriptors")),
		row(Mutant{ID: "X14", What: "a frame that changes hands still counts as allocated, without a reference", Source: "Xen 3d4868a481, XSA-287",
			Catch: "counts-agree", Steps: 1, Change: ofXen(model.Mutant{StealAllocated: true})},
			hostile.Options{Slots: []int{1, 1}, Frames: 3, Ops: []string{"give", "obtain", "release", "pin"}, Flags: []string{"P"}}),
		row(Mutant{ID: "X15", What: "giving a frame back unpins it", Source: "Xen d798a09529, XSA-252",
			Catch: "pins-kept", Steps: 1, Change: ofXen(model.Mutant{ReleaseUnpins: true})},
			hostile.Options{Slots: []int{1, 1}, Frames: 3, Ops: []string{"pin", "unpin", "release", "obtain"}, Flags: []string{"P"}}),
		row(Mutant{ID: "X17", What: "ending a mapping for a device that was never made drops references", Source: "Xen 8fdfcb2b6b, XSA-224",
			Catch: "counts-agree", Steps: 2, Change: ofXen(model.Mutant{UnmapsTwice: true})},
			hostile.Options{Slots: []int{1, 1}, Frames: 3, Ops: []string{"lend", "unlend", "unlend-device", "pin"}, Flags: []string{"P"}}),
		row(Mutant{ID: "X18", What: "a grant is mapped at an address between two entries", Source: "Xen ce442926c2, XSA-227",
			Catch: "tables-valid", Steps: 1, Change: ofXen(model.Mutant{MisalignedPTE: true})},
			hostile.Options{Slots: []int{1, 2}, Frames: 4, Memory: []string{"f1 0 f2:P", "f1 1 f2:P"}, Ops: []string{"grant-pte", "mu"}, Flags: []string{"P"}}),
		row(Mutant{ID: "X20", What: "a frame that is shared with the guest is freed while the guest maps it", Source: "Xen 38bfcc165d, XSA-255",
			Catch: "tables-valid", Steps: 2, Change: ofXen(model.Mutant{FreesShared: true})},
			hostile.Options{Slots: []int{1, 1}, Frames: 2, Extra: []model.ExtraKind{model.SharedInfo}, Ops: []string{"mu", "unshare"}, Flags: []string{"P", "PW"}}),
		row(Mutant{ID: "X22", What: "a hypercall stores its result through an unchecked pointer", Source: "Xen 938fd2586e, XSA-212",
			Catch: "tables-read-only", Steps: 1, Change: ofXen(model.Mutant{UncheckedStore: true})},
			hostile.Options{Slots: []int{1, 1}, Frames: 4, Ops: []string{"mu", "result"}, Flags: []string{"P"}}),
		row(Mutant{ID: "X52", What: "an update of the list of frames that fails keeps its reference", Source: "Xen 6913fa31fa, XSA-113",
			Catch: "counts-agree", Steps: 1, Change: ofXen(model.Mutant{LeaksOnM2P: true})},
			hostile.Options{Slots: []int{1, 1}, Frames: 3, Ops: []string{"m2p", "kill"}, Flags: []string{"P"}}),
	}
}

// raceMutants need a second processor inside the hypervisor. Their profile leaves
// refused operations as the real one does: what is rolled back must not span a
// switch.
func raceMutants() []Mutant {
	return []Mutant{
		row(Mutant{ID: "X38", What: "the flush comes before the new type is published: a writer slips in and out again", Source: "Xen 8cc5036bc3, XSA-401",
			Catch: "no-stale-write", Steps: 2, Change: ofXen(model.Mutant{FlushesFirst: true})},
			scope("race")),
		row(Mutant{ID: "X09", What: "the lock of a table drops its last reference, and nobody releases it", Source: "Xen 6410733a8a, XSA-242",
			Catch: "counts-agree", Steps: 2, Change: ofXen(model.Mutant{UnlockDropsLast: true})},
			scope("race-update")),
		row(Mutant{ID: "store-unaudited", What: "a store to a table is carried out before the table's audit has begun: what it replaces holds nothing", Source: "Xen, arch/x86/pv/ro-page-fault.c, ptwr_emulated_update (PGT_validated)",
			Catch: "hypervisor-lives", Steps: 1, Change: ofXen(model.Mutant{StoresUnaudited: true})},
			scope("race-audit")),
		row(Mutant{ID: "update-unaudited", What: "the same, of updates", Source: "Xen, arch/x86/mm.c, do_mmu_update (get_page_type only if validated)",
			Catch: "hypervisor-lives", Steps: 1, Change: ofXen(model.Mutant{UpdatesUnaudited: true})},
			scope("race-audit")),
		row(Mutant{ID: "X53", What: "a pin comes after the end of the domain has passed its frame", Source: "Xen 167b02743b",
			Catch: "nothing-left", Steps: 1, Change: ofXen(model.Mutant{PinsDying: true})},
			scope("race-end")),
		row(Mutant{ID: "X53-kill", What: "the same; the table that stays pinned is one of the builder's", Source: "Xen 167b02743b",
			Catch: "nothing-left", Steps: 1, Change: ofXen(model.Mutant{PinsDying: true})},
			hostile.Options{Slots: []int{1, 1}, Frames: 2, Profile: model.Xen417(),
				Ops: []string{"kill"}, Flags: []string{"P"}, Stopped: []string{"pin"}, Beside: []string{"kill"}}),
	}
}
